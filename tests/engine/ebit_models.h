#pragma once

#include "engine/model.h"

#include <cstdint>

namespace eigenbit {

/// How the blocks of a random quantized parameter look.
struct RandomBlocks {
    int axis = 0;
    std::int64_t channels = 2;  ///< of each block; 0 for blocks of random sizes
    int bit_depth = 4;          ///< 0 for random depths from 0 to 16
};

/// A parameter with random blocks, steps on and off the grid of one-byte steps, offsets and, sometimes, channel scales.
Parameter random_quantized_parameter(const Shape& shape, const RandomBlocks& blocks, std::uint64_t seed);

/// A convolution as a basis and coefficients, batch normalization, a fully-connected layer; with preprocessing, class
/// names and notes. With odd seeds some of its activations are rounded.
Model small_packed_model(std::uint64_t seed);

/// One graph with every operator, every attribute of which differs from its default.
Model model_of_every_operator();

}  // namespace eigenbit
