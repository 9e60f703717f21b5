#pragma once

#include "engine/formats/onnx/export/export.h"

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

using Integers = std::vector<std::int64_t>;

/// Add the nodes that do what a node of ours does, where its operator is one of theirs. Whether it is.
bool export_arithmetic(OnnxExport& file, const Node& node);
bool export_layer(OnnxExport& file, const Node& node);
bool export_normalization(OnnxExport& file, const Node& node);
bool export_shape(OnnxExport& file, const Node& node);

/// Calls the function with the node's operator where it takes such. Whether it does.
bool visit_known(const Node& node, const auto& function) {
    return std::visit(
        [&](const auto& op) {
            constexpr bool kIsKnown = std::invocable<decltype(function), decltype(op)>;
            if constexpr (kIsKnown) function(op);
            return kIsKnown;
        },
        node.op);
}

std::vector<std::string> inputs_in_onnx_order(OnnxExport& file, const Node& node);

/// A node that does the same to values in ONNX's order as ours does in our order.
onnx::NodeProto& add_like(OnnxExport& file, const Node& node, std::string_view type, std::vector<std::string> inputs);

std::string add_number(OnnxExport& file, const std::string& name, float value);

/// Throws Error unless the file has this opset or a later one, which has what the node needs.
void expect_opset(const OnnxExport& file, const Node& node, int opset, std::string_view what);

/// An operand of a broadcast to this rank, in ONNX's order.
std::string operand(OnnxExport& file, const Node& node, ValueId value, int rank);

}  // namespace eigenbit::internal
