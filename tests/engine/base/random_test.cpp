#include "engine/base/random.h"

#include <doctest/doctest.h>

#include <array>
#include <set>

using namespace eigenbit::internal;

TEST_CASE("the same key gives the same numbers, every other key others") {
    Random first({1, 2, 3});
    Random again({1, 2, 3});
    for (int i = 0; i < 10; ++i) CHECK(first.bits() == again.bits());
    std::set<std::uint64_t> drawn;
    for (std::uint64_t a = 0; a < 20; ++a) {
        for (std::uint64_t b = 0; b < 20; ++b) drawn.insert(Random({a, b}).bits());
    }
    CHECK(drawn.size() == 400);
    CHECK(Random({1}).bits() != Random({1, 0}).bits());
}

TEST_CASE("random integers below a bound are all equally frequent") {
    std::array<int, 7> counts{};
    Random random({4});
    for (int i = 0; i < 70'000; ++i) ++counts[static_cast<std::size_t>(random.below(7))];
    for (const int count : counts) CHECK(count == doctest::Approx(10'000).epsilon(0.05));
    CHECK(random.below(1) == 0);
}

TEST_CASE("normal numbers have mean 0, variance 1 and kurtosis 3") {
    Random random({5});
    double sum = 0.0;
    double squares = 0.0;
    double fourth_powers = 0.0;
    constexpr int kCount = 200'000;
    for (int i = 0; i < kCount; ++i) {
        const double value = random.normal();
        sum += value;
        squares += value * value;
        fourth_powers += value * value * value * value;
    }
    CHECK(std::abs(sum / kCount) < 0.01);
    CHECK(squares / kCount == doctest::Approx(1.0).epsilon(0.02));
    CHECK(fourth_powers / kCount == doctest::Approx(3.0).epsilon(0.05));
}
