#pragma once

#include "engine/formats/onnx/import/node_import.h"

namespace eigenbit::internal {

/// Translates one node.
using ImportNode = void (*)(ImportState&, const onnx::NodeProto&);

/// Whether a node chooses between networks (If) or handles sequences of values: it leaves nothing in the graph.
bool is_flow(const onnx::NodeProto& node);

/// Follows such a node: imports the branch that an If takes, or notes what a sequence holds. False for other nodes.
/// Throws Error where that is not known before the network runs.
bool import_flow(ImportState& state, const onnx::NodeProto& node, ImportNode import_node);

}  // namespace eigenbit::internal
