#pragma once

#include "engine/formats/onnx/import/flow.h"

namespace eigenbit::internal {

/// Whether a node rounds activations, or computes with their levels.
bool is_rounding(const onnx::NodeProto& node);

/// Translates such a node: the value before QuantizeLinear gets a quantizer, and is what DequantizeLinear outputs.
/// False for other nodes, and for DequantizeLinear of constants. Throws Error where that is no quantizer of ours.
bool import_rounding(ImportState& state, const onnx::NodeProto& node, ImportNode import_node);

/// Notes by which steps the output of a node on constants is made of levels, where it is.
void note_steps(ImportState& state, const onnx::NodeProto& node);

/// Gives the layers of a graph whose weights the file holds as levels these levels.
void keep_levels(const ImportState& state, Graph& graph);

}  // namespace eigenbit::internal
