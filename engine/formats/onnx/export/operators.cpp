#include "engine/formats/onnx/export/operators.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"

#include <array>
#include <numeric>

namespace eigenbit::internal {

std::vector<std::string> inputs_in_onnx_order(OnnxExport& file, const Node& node) {
    std::vector<std::string> names;
    for (const ValueId input : node.inputs) names.push_back(file.in_onnx_order(input));
    return names;
}

onnx::NodeProto& add_like(OnnxExport& file, const Node& node, std::string_view type, std::vector<std::string> inputs) {
    onnx::NodeProto& result = file.add_node(type, node.name, std::move(inputs));
    file.define_in_onnx_order(node.outputs.front(), result.output(0));
    return result;
}

std::string add_number(OnnxExport& file, const std::string& name, float value) {
    return file.add_constant(name, Tensor(Shape{}, std::array{value}));
}

void expect_opset(const OnnxExport& file, const Node& node, int opset, std::string_view what) {
    if (file.opset() < opset) fail("node '{}': opset {} does not have {}", node.name, file.opset(), what);
}

std::string operand(OnnxExport& file, const Node& node, ValueId value, int rank) {
    if (rank != 4) return file.in_our_order(value);
    if (file.rank(value) == 4) return file.in_onnx_order(value);
    const int missing = 4 - file.rank(value);
    if (file.graph().is_parameter(value)) {
        Tensor values = image(file.graph().parameter(value));
        values.reshape(with_leading_ones(values.shape(), 4));
        values = to_onnx_order(values);
        values.reshape(without_leading_ones(values.shape()));
        return file.add_constant(file.graph().name(value), values);
    }
    Integers axes(static_cast<std::size_t>(missing));
    std::iota(axes.begin(), axes.end(), std::int64_t{0});
    const std::string list = file.add_constant(node.name + ".axes", axes);
    const onnx::NodeProto& image =
        file.add_node("Unsqueeze", node.name + "/unsqueezed", {file.in_our_order(value), list});
    onnx::NodeProto& transpose = file.add_node("Transpose", node.name + "/transposed", {image.output(0)});
    set_attribute(transpose, "perm", Integers(kOurAxis.begin(), kOurAxis.end()));
    return transpose.output(0);
}

void export_node(OnnxExport& file, const Node& node) {
    for (const auto exports : {export_arithmetic, export_layer, export_normalization, export_shape}) {
        if (exports(file, node)) return;
    }
    fail("node '{}': {} cannot be written", node.name, type_name(node.op));
}

}  // namespace eigenbit::internal
