#pragma once

#include <onnx/onnx_pb.h>

#include <functional>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Puts the bodies of the file's own functions in place of the nodes that call them, and gives the values within
/// branches of If nodes names that no other value has. Throws Error when functions call themselves, or would fill
/// memory.
void inline_functions(onnx::ModelProto& model);

/// The networks within a node: the branches of an If.
std::vector<const onnx::GraphProto*> inner_graphs(const onnx::NodeProto& node);
/// The values that a node reads, also from within its branches.
std::vector<std::string> values_read(const onnx::NodeProto& node);
/// Calls visit for a node and for all nodes within it.
void for_each_node(const onnx::NodeProto& node, const std::function<void(const onnx::NodeProto&)>& visit);

}  // namespace eigenbit::internal
