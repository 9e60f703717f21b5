#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// Label-free correction (method section 10): from the front of the network to its end, with the earlier corrections in
/// place, every BatchNormalization's mean and variance are moved by what compression changed in its input's channels,
/// and layers that no BatchNormalization follows get their bias and the gain of their output channels corrected.
///
/// `original` and `compressed` must agree on the ValueIds of the outputs of layers and normalisations, as after
/// quantization. Images are (N, H, W, C); all of them run as one batch.
void correct(const Graph& original, Graph& compressed, ConstView images);

/// Gives a compressed network the biases and gains that correct() will fill in, so that it is already as large
/// as it will be.
void prepare_correction(const Graph& original, Graph& compressed);

}  // namespace eigenbit::internal
