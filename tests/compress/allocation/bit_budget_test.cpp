#include "compress/allocation/bit_budget.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

using namespace eigenbit::internal;

namespace {

/// How many rounds until 99.5 to 100 % of the target are spent, or 20.
int rounds_until_close(double target, const std::function<double(double)>& spent) {
    BitBudget planned(target);
    for (int round = 1; round < 20; ++round) {
        const double bits = spent(planned.next());
        if (bits <= target && bits >= 0.995 * target) return round;
        planned.observe(bits);
    }
    return 20;
}

}  // namespace

TEST_CASE("planned bits meet a target whatever share of them is spent") {
    CHECK(rounds_until_close(1e6, [](double planned) { return planned; }) <= 2);
    CHECK(rounds_until_close(1e6, [](double planned) { return 0.8 * planned; }) <= 2);
    CHECK(rounds_until_close(1e6, [](double planned) { return 1.3 * planned; }) <= 2);
    // Spending that answers too strongly to a plan makes proportional steps swing for ever.
    CHECK(rounds_until_close(1e6, [](double planned) { return 7e5 * std::pow(planned / 1e6, 2.2); }) <= 6);
    CHECK(rounds_until_close(1e6, [](double planned) { return 1.1e6 * std::pow(planned / 1e6, 3.0); }) <= 6);
}

TEST_CASE("planned bits get below a target where plans hardly change what is spent") {
    CHECK(rounds_until_close(1e6, [](double planned) { return 1.5e6 * std::pow(planned / 1e6, 0.2); }) <= 8);
}

TEST_CASE("planned bits close in on a jump that no plan can land in") {
    BitBudget planned(1e6);
    double best = 0.0;
    for (int round = 0; round < 12; ++round) {
        const double plan = planned.next();
        const double bits = plan < 1.07e6 ? 0.9 * plan : plan;
        if (bits <= 1e6) best = std::max(best, bits);
        planned.observe(bits);
    }
    CHECK(best > 0.96e6);
}
