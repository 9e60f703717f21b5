#pragma once

#include "engine/formats/onnx/export/export.h"

namespace eigenbit::internal {

/// Adds what a quantized weight is made of: levels with DequantizeLinear, which are multiplied with bases where it is a
/// product, and with gains (O) where the layer has them. Returns the name of the value that stands for the weight, in
/// ONNX's order of axes.
std::string add_quantized_weight(OnnxExport& file, std::string_view name, const Weight& weight,
                                 const std::optional<Tensor>& gain);

}  // namespace eigenbit::internal
