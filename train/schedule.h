#pragma once

#include <vector>

namespace eigenbit::internal {

/// How the learning rate moves over training.
struct Schedule {
    enum class Kind { constant, step, cosine };

    Kind kind = Kind::cosine;
    double peak = 0.1;                 ///< learning rate after warm-up
    double epochs = 1.0;               ///< length of training
    double warmup = 0.0;               ///< epochs of linear rise from 0 at the start
    std::vector<double> milestones{};  ///< step: the epochs at which the rate is multiplied by `factor`
    double factor = 0.1;
};

/// After this many epochs, fractions counting. Cosine: half a period from peak to 0, begun after warm-up (Loshchilov
/// and Hutter 2017, eq. 5).
double learning_rate(const Schedule& schedule, double epoch);

}  // namespace eigenbit::internal
