#pragma once

#include "dataset.hpp"
#include "model.hpp"

#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// How well a network does on a data set.
struct Evaluation {
    std::int64_t images = 0;       ///< how many it was measured on
    std::optional<double> top1{};  ///< of a classifier, share of the images whose class is the first
    std::optional<double> top5{};  ///< … one of the first five
    std::optional<double> psnr{};  ///< of restoration, mean over the images in dB
    std::optional<double> ssim{};  ///< of restoration, mean over the images

    /// Of the share that top1 is: √(p (1 − p) / n).
    double top1_standard_error() const { return std::sqrt(*top1 * (1.0 - *top1) / static_cast<double>(images)); }
};

enum class Arithmetic {
    simulated,  ///< what int8 computes, by the float operators that training uses
    floats,     ///< float activations
    int8        ///< activations and weights of 8 bits
};

/// How to evaluate.
struct EvaluationOptions {
    Arithmetic arithmetic = Arithmetic::simulated;  ///< what the network computes with
    int batch = 100;  ///< images at a time; a network that takes batches of one size alone has these
    int threads = 0;  ///< 0: as many as processors; the result does not depend on it
    /// Told how many images are done, by the thread that called evaluate; what it throws comes out of evaluate.
    std::function<void(std::int64_t images)> on_progress{};
    Log log{};  ///< hears warnings of the calling thread
};

/// Runs the network on every example and compares with its label or true image. Throws Error where the network does not
/// fit the data set.
Evaluation evaluate(const Model& model, const Dataset& data, const EvaluationOptions& options = {});

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
