#pragma once

#include "engine/formats/onnx/node.h"

#include <string_view>

namespace eigenbit::internal {

/// Whether nodes of this type, all of whose inputs are constants, can be evaluated at import.
bool can_fold(std::string_view op_type);

/// The output of a node all of whose inputs are constants. Throws Error when they do not fit.
Constant fold(const OnnxNode& node);

/// What Shape outputs for an input of this shape.
Constant shape_constant(const OnnxNode& node, const Shape& input);
/// What Size outputs for an input of this shape.
Constant size_constant(const Shape& input);

}  // namespace eigenbit::internal
