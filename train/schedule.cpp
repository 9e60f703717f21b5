#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace eigenbit::internal {

double learning_rate(const Schedule& schedule, double epoch) {
    if (epoch < schedule.warmup) return schedule.peak * epoch / schedule.warmup;
    switch (schedule.kind) {
    case Schedule::Kind::constant:
        return schedule.peak;
    case Schedule::Kind::step: {
        const auto passed = std::ranges::count_if(schedule.milestones, [&](double m) { return epoch >= m; });
        return schedule.peak * std::pow(schedule.factor, static_cast<double>(passed));
    }
    case Schedule::Kind::cosine: {
        const double length = schedule.epochs - schedule.warmup;
        const double done = length > 0.0 ? std::min((epoch - schedule.warmup) / length, 1.0) : 1.0;
        return schedule.peak * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
    }
    }
    return schedule.peak;
}

}  // namespace eigenbit::internal
