#pragma once

#include "tests/engine/operator_run.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {

/// Compares an operator's backward with differences of its forward.
///
/// The scalar is a sum of all outputs with random weights, taken in double. Its derivative is the fourth-order central
/// difference (8 (f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h, so that h can be large enough for float32 outputs; the
/// operator must be smooth within 2h. Every input is checked along random directions, and small ones element by
/// element, to within half a percent of the gradient's size: a wrong factor, sign or missing term does not pass.
class GradientCheck {
  public:
    explicit GradientCheck(OperatorRun run, double step = 0.02) : run_(std::move(run)), step_(step) {
        run_.forward();
        for (std::size_t i = 0; i < run_.outputs.size(); ++i) {
            weights_.push_back(random_tensor(run_.outputs[i].shape(), 100 + i));
        }
        gradients_ = run_.gradients(weights_);
        INFO("operator " << type_name(run_.op));
        check_finite();
        check_additive();
        if (overwrites_gradients(run_.op)) check_set();
        check_unwanted();
    }

    void input(std::size_t index) {
        INFO("operator " << type_name(run_.op) << ", input " << index << " of shape "
                         << to_string(run_.inputs[index].shape()));
        const Tensor& gradient = gradients_[index];
        double squares = 0.0;
        for (const float g : gradient.values()) squares += static_cast<double>(g) * static_cast<double>(g);
        const double size = std::sqrt(squares / static_cast<double>(std::max<std::int64_t>(gradient.elements(), 1)));

        for (std::uint64_t direction = 0; direction < 3; ++direction) {
            const Tensor step = random_tensor(gradient.shape(), 200 + direction);
            double expected = 0.0;
            for (std::int64_t i = 0; i < step.elements(); ++i) {
                expected += static_cast<double>(step[i]) * static_cast<double>(gradient[i]);
            }
            const double length = std::sqrt(static_cast<double>(step.elements()));
            CHECK(std::abs(derivative(index, step) - expected) <= kTolerance * length * size + kNoise);
        }
        if (gradient.elements() > kMostElements) return;
        double worst = 0.0;
        for (std::int64_t i = 0; i < gradient.elements(); ++i) {
            Tensor step(gradient.shape());
            step[i] = 1.0F;
            worst = std::max(worst, std::abs(derivative(index, step) - static_cast<double>(gradient[i])));
        }
        CHECK(worst <= kTolerance * size + kNoise);
    }

    const std::vector<Tensor>& gradients() const { return gradients_; }

  private:
    static constexpr double kTolerance = 0.005;
    static constexpr double kNoise = 1e-5;  // of float32 outputs of size 1, divided by the step
    static constexpr std::int64_t kMostElements = 400;

    double derivative(std::size_t input, const Tensor& direction) {
        const Tensor original = run_.inputs[input];
        const auto value = [&](double distance) {
            for (std::int64_t i = 0; i < original.elements(); ++i) {
                run_.inputs[input][i] =
                    static_cast<float>(static_cast<double>(original[i]) + distance * static_cast<double>(direction[i]));
            }
            run_.forward();
            double sum = 0.0;
            for (std::size_t o = 0; o < weights_.size(); ++o) {
                for (std::int64_t i = 0; i < weights_[o].elements(); ++i) {
                    sum += static_cast<double>(weights_[o][i]) * static_cast<double>(run_.outputs[o][i]);
                }
            }
            return sum;
        };
        const double near = value(step_) - value(-step_);
        const double far = value(2.0 * step_) - value(-2.0 * step_);
        run_.inputs[input] = original;
        return (8.0 * near - far) / (12.0 * step_);
    }

    void check_finite() const {
        const auto finite = [](const Tensor& tensor) {
            return std::ranges::all_of(tensor.values(), [](float value) { return std::isfinite(value); });
        };
        CHECK(std::ranges::all_of(run_.outputs, finite));
        CHECK(std::ranges::all_of(gradients_, finite));
    }

    /// Gradients are added to what is there.
    void check_additive() const {
        std::vector<Tensor> twice = gradients_;
        run_.backward(weights_, twice);
        for (std::size_t input = 0; input < twice.size(); ++input) {
            double worst = 0.0;
            double largest = 0.0;
            for (std::int64_t i = 0; i < twice[input].elements(); ++i) {
                const auto once = static_cast<double>(gradients_[input][i]);
                worst = std::max(worst, std::abs(static_cast<double>(twice[input][i]) - 2.0 * once));
                largest = std::max(largest, std::abs(once));
            }
            CHECK(worst <= 1e-5 * largest);
        }
    }

    /// Gradients that are set need nothing to be there.
    void check_set() const {
        std::vector<Tensor> set;
        for (const Tensor& gradient : gradients_) set.push_back(OperatorRun::unwritten(gradient.shape()));
        run_.backward(weights_, set, true);
        for (std::size_t input = 0; input < set.size(); ++input) {
            CHECK(std::ranges::equal(set[input].values(), gradients_[input].values()));
        }
    }

    /// Each gradient is the same when no other is wanted.
    void check_unwanted() const {
        std::vector<Tensor> none(gradients_.size());
        run_.backward(weights_, none);
        for (std::size_t input = 0; input < gradients_.size(); ++input) {
            std::vector<Tensor> only(gradients_.size());
            only[input] = Tensor(gradients_[input].shape());
            run_.backward(weights_, only);
            CHECK(same_bits(only[input], gradients_[input]));
        }
    }

    OperatorRun run_;
    double step_;
    std::vector<Tensor> weights_;
    std::vector<Tensor> gradients_;
};

/// Checks the gradients of all inputs.
inline void check_gradients(const OperatorRun& run, double step = 0.02) {
    GradientCheck check(run, step);
    for (std::size_t input = 0; input < run.inputs.size(); ++input) check.input(input);
}

/// Forward and backward give the same bits with 1 and with 4 threads.
inline void check_thread_independence(const OperatorRun& run) {
    const auto results = [&](int threads) {
        const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                        static_cast<std::size_t>(threads));
        tbb::task_arena arena(threads);
        return arena.execute([&] {
            OperatorRun copy = run;
            copy.forward();
            std::vector<Tensor> upstream;
            for (const Tensor& output : copy.outputs) upstream.push_back(random_tensor(output.shape(), 300));
            std::vector<Tensor> all = copy.gradients(upstream);
            for (Tensor& output : copy.outputs) all.push_back(std::move(output));
            all.push_back(std::move(copy.saved));
            return all;
        });
    };
    const std::vector<Tensor> alone = results(1);
    for (int repetition = 0; repetition < 3; ++repetition) {
        const std::vector<Tensor> together = results(4);
        REQUIRE(alone.size() == together.size());
        for (std::size_t i = 0; i < alone.size(); ++i) CHECK(same_bits(alone[i], together[i]));
    }
}

}  // namespace eigenbit::internal
