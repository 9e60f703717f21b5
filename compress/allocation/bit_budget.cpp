#include "compress/allocation/bit_budget.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace eigenbit::internal {
namespace {

constexpr double kSlightlyBelow = 0.999;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

BitBudget::BitBudget(double target)
    : aim_(std::log(kSlightlyBelow * target)),
      next_(std::log(target)),
      below_{0.0, -kInfinity},
      above_{0.0, kInfinity} {}

double BitBudget::next() const { return std::exp(next_); }

void BitBudget::observe(double bits) {
    constexpr double kOctave = std::numbers::ln2;
    const Trial trial{next_, std::log(bits) - aim_};
    (trial.excess > 0.0 ? above_ : below_) = trial;
    if (std::isfinite(above_.excess) && std::isfinite(below_.excess)) {
        const double share = below_.excess / (below_.excess - above_.excess);
        next_ = std::lerp(below_.planned, above_.planned, std::clamp(share, 0.1, 0.9));
    } else {
        next_ -= stride_ * std::clamp(trial.excess, -kOctave, kOctave);
        stride_ *= 2.0;
    }
}

}  // namespace eigenbit::internal
