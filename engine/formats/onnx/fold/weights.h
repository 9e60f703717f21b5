#pragma once

#include "engine/formats/onnx/node.h"

namespace eigenbit::internal {

/// DequantizeLinear of constant levels: (level − zero point) · scale, with one scale, one for each channel along an
/// axis, or one for each block of them (opset 21).
Constant fold_dequantize(const OnnxNode& node);

/// QuantizeLinear of constants.
Constant fold_quantize(const OnnxNode& node);

/// MatMul of constants, with numpy's broadcasting of what goes before the matrices. Products and sums are rounded one
/// by one in the order of the columns, as those of a Product's image are.
Constant fold_matmul(const OnnxNode& node);

}  // namespace eigenbit::internal
