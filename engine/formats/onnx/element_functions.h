#pragma once

#include "engine/formats/onnx/node.h"
#include "engine/ops/activation.h"
#include "engine/ops/reduce.h"

#include <optional>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// ONNX's operators that are functions of every element of their first input; further inputs are constants.
std::span<const std::string_view> function_types();

/// What such a node computes.
Activation function_of(const OnnxNode& node);

/// ONNX's reductions.
std::span<const std::string_view> reduction_types();

/// What such a node computes of an input of this rank, with ONNX's axes.
Reduce reduction_of(const OnnxNode& node, int rank);

}  // namespace eigenbit::internal
