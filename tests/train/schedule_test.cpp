#include "train/schedule.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

TEST_CASE("a cosine schedule falls from the peak to 0, through half the peak in the middle") {
    const Schedule schedule{.kind = Schedule::Kind::cosine, .peak = 0.2, .epochs = 10.0};
    CHECK(learning_rate(schedule, 0.0) == doctest::Approx(0.2));
    CHECK(learning_rate(schedule, 5.0) == doctest::Approx(0.1));
    CHECK(learning_rate(schedule, 10.0) == doctest::Approx(0.0));
}

TEST_CASE("warm-up rises linearly to the peak, and the cosine begins there") {
    const Schedule schedule{.kind = Schedule::Kind::cosine, .peak = 0.2, .epochs = 10.0, .warmup = 2.0};
    CHECK(learning_rate(schedule, 0.0) == doctest::Approx(0.0));
    CHECK(learning_rate(schedule, 0.5) == doctest::Approx(0.05));
    CHECK(learning_rate(schedule, 2.0) == doctest::Approx(0.2));
    CHECK(learning_rate(schedule, 6.0) == doctest::Approx(0.1));
}

TEST_CASE("a step schedule is multiplied by its factor at every milestone") {
    const Schedule schedule{
        .kind = Schedule::Kind::step, .peak = 0.1, .epochs = 200.0, .milestones = {100.0, 150.0}, .factor = 0.1};
    CHECK(learning_rate(schedule, 99.9) == doctest::Approx(0.1));
    CHECK(learning_rate(schedule, 100.0) == doctest::Approx(0.01));
    CHECK(learning_rate(schedule, 150.0) == doctest::Approx(0.001));
}

TEST_CASE("a constant schedule stays at the peak") {
    CHECK(learning_rate({.kind = Schedule::Kind::constant, .peak = 0.3, .epochs = 2.0}, 1.5) == doctest::Approx(0.3));
}

TEST_CASE("a warm-up as long as training ends at the end of the rise") {
    const Schedule schedule{.kind = Schedule::Kind::cosine, .peak = 1.0, .epochs = 2.0, .warmup = 2.0};
    CHECK(learning_rate(schedule, 1.0) == doctest::Approx(0.5));
    CHECK(learning_rate(schedule, 2.0) == doctest::Approx(0.0));
}
