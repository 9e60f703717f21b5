#pragma once

#include "engine/base/tensor.h"

#include <array>
#include <vector>

namespace eigenbit::internal {

/// ONNX's images are NCHW, ours NHWC: values of 4 dimensions are reordered between the two, all others are the same in
/// both. (Convolution weights OIHW and OHWI are covered by the same rule.)
inline constexpr std::array<int, 4> kOurAxis{0, 3, 1, 2};   ///< by ONNX axis; as a permutation it takes ours to ONNX's
inline constexpr std::array<int, 4> kOnnxAxis{0, 2, 3, 1};  ///< by our axis; as a permutation it takes ONNX's to ours

int our_axis(int onnx_axis, int rank);
int onnx_axis(int our_axis, int rank);

Shape permuted(const Shape& shape, std::span<const int> permutation);
Shape to_our_order(const Shape& onnx);
Shape to_onnx_order(const Shape& ours);

Tensor permuted(ConstView values, std::span<const int> permutation);
Tensor to_our_order(ConstView onnx);
Tensor to_onnx_order(ConstView ours);

/// The permutation of our axes that does what a permutation of four ONNX axes does.
std::vector<int> to_our_permutation(std::span<const int> onnx);

/// The permutation that puts what is left of an image without these axes of ours into ONNX's order.
std::vector<int> remaining_to_onnx_order(std::span<const int> removed_axes);

/// Whether an image of our shape has its elements in the same order in ONNX's: one channel, or one pixel.
bool same_order(const Shape& ours);

std::vector<int> composed(std::span<const int> first, std::span<const int> second);
bool is_identity(std::span<const int> permutation);

}  // namespace eigenbit::internal
