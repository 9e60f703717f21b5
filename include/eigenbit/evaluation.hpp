#pragma once

#include "dataset.hpp"
#include "model.hpp"

#include <cstdint>
#include <optional>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// How well a network does on a data set.
struct Evaluation {
    std::int64_t images = 0;
    std::optional<double> top1{}, top5{};  ///< of a classifier, shares of the images
    std::optional<double> psnr{}, ssim{};  ///< of restoration, means over the images; PSNR in dB
};

enum class Arithmetic {
    simulated,  ///< what int8 computes, by the float operators that training uses
    floats,     ///< float activations
    int8        ///< activations and weights of 8 bits
};

/// Runs the network on every example and compares with its label or true image. Throws Error where the network does not
/// fit the data set.
Evaluation evaluate(const Model& model, const Dataset& data, Arithmetic arithmetic = Arithmetic::simulated);

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
