#pragma once

#include "engine/graph/model.h"

#include <cstdint>

namespace eigenbit::internal {

/// How the blocks of a random quantized parameter look.
struct RandomBlocks {
    int axis = 0;
    std::int64_t channels = 2;  ///< of each block; 0 for blocks of random sizes
    int bit_depth = 4;          ///< 0 for random depths from 0 to 16
};

/// A weight with random blocks, steps on and off the grid of one-byte steps, and offsets.
Quantized random_quantized(const Shape& shape, const RandomBlocks& blocks, std::uint64_t seed);

/// A weight of this shape, (O, KH, KW, I) or (O, I), as a random kernel of which `kept` channels of each mixed axis are
/// left, and random bases. Those of channels have quantizers for the values between with odd seeds.
Product random_product(const Shape& shape, const std::vector<Axis>& mixed, std::int64_t kept, std::uint64_t seed);

/// A convolution whose weight is a product, batch normalization, a fully-connected layer with gains; with
/// preprocessing, class names and notes. With odd seeds some of its activations are rounded, one inside the product.
Model small_packed_model(std::uint64_t seed);

/// One graph with every operator, every attribute of which differs from its default.
Model model_of_every_operator();

}  // namespace eigenbit::internal
