#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// Label-free correction (method section 10): from the front of the network to its end, with the earlier corrections in
/// place, every BatchNormalization's mean and variance are moved by what compression changed in its input's channels,
/// and layers that no BatchNormalization follows get their bias and the gain of their output channels corrected.
/// What layers that run in int8 lose by the rounding of their weights is part of that.
///
/// `original` and `compressed` must agree on the ValueIds of the outputs of layers and normalisations, as after
/// quantization. Images are (N, H, W, C); all of them run as one batch.
///
/// Up to `most_judging` of the images, at most half of them, tell for each correction, learned from the others, whether
/// it, half of it, or none of it brings the network's outputs closest to those of the float network; with 0, every
/// correction is kept. One image alone says nothing of others: nothing is corrected.
void correct(const Graph& original, Graph& compressed, ConstView images, std::int64_t most_judging);

/// Gives a compressed network the biases and gains that correct() will fill in, so that it is already as large
/// as it will be.
void prepare_correction(const Graph& original, Graph& compressed);

}  // namespace eigenbit::internal
