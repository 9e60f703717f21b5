#pragma once

#include "engine/formats/onnx/node.h"
#include "engine/ops/activation.h"
#include "engine/ops/reduce.h"

#include <cstdint>
#include <map>
#include <string_view>

namespace eigenbit::internal {

/// An operator of ONNX that is a function of every element of its first input; further inputs are constants.
struct ElementFunction {
    Activation (*of)(const OnnxNode&);
    std::string_view attributes = "";  ///< as in ImportedOperator
    std::int64_t since = kOldestOpset;
};
const std::map<std::string_view, ElementFunction>& element_functions();

/// What such a node computes.
Activation function_of(const OnnxNode& node);

/// ONNX's reductions.
const std::map<std::string_view, Reduce::Kind>& reductions();

/// What such a node computes of an input of this rank, with ONNX's axes.
Reduce reduction_of(const OnnxNode& node, int rank);

}  // namespace eigenbit::internal
