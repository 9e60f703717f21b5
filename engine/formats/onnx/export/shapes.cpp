#include "engine/formats/onnx/export/operators.h"
#include "engine/formats/onnx/layout.h"

#include <algorithm>
#include <array>
#include <limits>

namespace eigenbit::internal {
namespace {

/// A list over our axes as a list over ONNX's.
Integers by_onnx_axis(const Integers& by_our_axis) {
    Integers result;
    const int rank = static_cast<int>(by_our_axis.size());
    for (int axis = 0; axis < rank; ++axis)
        result.push_back(by_our_axis[static_cast<std::size_t>(our_axis(axis, rank))]);
    return result;
}

/// The extents of a value of the file from one axis on to another.
std::string add_extents(OnnxExport& file, const Node& node, const std::string& value, std::int64_t begin,
                        std::int64_t end) {
    const std::string shape = file.add_node("Shape", node.name + "/shape", {value}).output(0);
    const std::string from = file.add_constant(node.name + ".begin", Integers{begin});
    const std::string to = file.add_constant(node.name + ".end", Integers{end});
    return file.add_node("Slice", node.name + "/extents", {shape, from, to}).output(0);
}

/// Reshapes a value of the file, whose extents are copied from any of its axes.
std::string add_reshape(OnnxExport& file, const Node& node, const std::string& value, const Integers& extents) {
    const auto is_copied = [](std::int64_t extent) { return extent < -1; };
    if (std::ranges::none_of(extents, is_copied)) {
        const std::string shape = file.add_constant(node.name + ".shape", extents);
        return file.add_node("Reshape", node.name, {value, shape}).output(0);
    }
    std::vector<std::string> parts;
    for (const std::int64_t extent : extents) {
        parts.push_back(is_copied(extent) ? add_extents(file, node, value, -2 - extent, -1 - extent)
                                          : file.add_constant(node.name + ".extent", Integers{extent}));
    }
    onnx::NodeProto& shape = file.add_node("Concat", node.name + "/shape", parts);
    set_attribute(shape, "axis", std::int64_t{0});
    return file.add_node("Reshape", node.name, {value, shape.output(0)}).output(0);
}

/// Blocks that are not square: a reshape to (N, C, b, w, H, W), or (N, b, w, C, H, W), a transpose, and reshapes that
/// join rows and columns one after the other, since a Reshape leaves one extent open.
void export_depth_to_rectangles(const DepthToSpace& op, const Node& node, OnnxExport& file) {
    const ProbedShapes x = to_onnx_order(file.shapes(node.inputs[0]));
    const ProbedShapes y = to_onnx_order(file.shapes(node.outputs[0]));
    const bool depth_first = op.order == DepthToSpace::Order::depth_first;
    ProbedShapes blocks, interleaved, joined_rows;
    for (std::size_t probe = 0; probe < x.size(); ++probe) {
        const auto [n, c, h, w] = std::array{x[probe][0], y[probe][1], x[probe][2], x[probe][3]};
        blocks.push_back(depth_first ? Shape{n, op.block, op.width(), c, h, w}
                                     : Shape{n, c, op.block, op.width(), h, w});
        interleaved.push_back({n, c, h, op.block, w, op.width()});
        joined_rows.push_back({n, c, h * op.block, w, op.width()});
    }
    const auto reshape = [&](const std::string& input, const ProbedShapes& from, const ProbedShapes& to) {
        return add_reshape(file, node, input, reshape_extents(from, to));
    };
    const std::string split = reshape(file.in_onnx_order(node.inputs[0]), x, blocks);
    onnx::NodeProto& transpose = file.add_node("Transpose", node.name + "/transposed", {split});
    set_attribute(transpose, "perm", depth_first ? Integers{0, 3, 4, 1, 5, 2} : Integers{0, 1, 4, 2, 5, 3});
    const std::string rows = reshape(transpose.output(0), interleaved, joined_rows);
    file.define_in_onnx_order(node.outputs[0], reshape(rows, joined_rows, y));
}

/// Whether our graph itself reorders the axes of a value.
bool is_transposed(const Graph& graph, ValueId value) {
    return std::ranges::any_of(graph.nodes(), [&](const Node& node) {
        return std::holds_alternative<Transpose>(node.op) && node.inputs[0] == value;
    });
}

void export_op(const Concat& op, const Node& node, OnnxExport& file) {
    const std::int64_t axis = onnx_axis(op.axis, file.rank(node.outputs[0]));
    set_attribute(add_like(file, node, "Concat", inputs_in_onnx_order(file, node)), "axis", axis);
}

void export_op(const DepthToSpace& op, const Node& node, OnnxExport& file) {
    if (op.width() != op.block) return export_depth_to_rectangles(op, node, file);
    onnx::NodeProto& result = add_like(file, node, "DepthToSpace", inputs_in_onnx_order(file, node));
    set_attribute(result, "blocksize", op.block);
    set_attribute(result, "mode", op.order == DepthToSpace::Order::depth_first ? "DCR" : "CRD");
}

void export_op(const Gather& op, const Node& node, OnnxExport& file) {
    const std::string positions = file.add_constant(node.name + ".positions", op.positions);
    onnx::NodeProto& result = add_like(file, node, "Gather", {file.in_onnx_order(node.inputs[0]), positions});
    set_attribute(result, "axis", std::int64_t{onnx_axis(op.axis, file.rank(node.inputs[0]))});
}

void export_op(const Pad& op, const Node& node, OnnxExport& file) {
    if (op.mode == Pad::Mode::wrap) expect_opset(file, node, 19, "padding that wraps around");
    constexpr std::array<std::string_view, 4> kModes{"constant", "reflect", "edge", "wrap"};
    Integers pads = by_onnx_axis(op.before);
    const Integers after = by_onnx_axis(op.after);
    pads.insert(pads.end(), after.begin(), after.end());
    std::vector<std::string> inputs{file.in_onnx_order(node.inputs[0]), file.add_constant(node.name + ".pads", pads)};
    if (op.mode == Pad::Mode::constant) inputs.push_back(add_number(file, node.name + ".value", op.value));
    set_attribute(add_like(file, node, "Pad", inputs), "mode", kModes[static_cast<std::size_t>(op.mode)]);
}

void export_op(const Reshape& op, const Node& node, OnnxExport& file) {
    const ValueId x = node.inputs[0];
    const ValueId y = node.outputs[0];
    // Images of one channel or one pixel need no transpose to lie in the other order.
    const bool free_input = file.rank(x) == 4 && same_order(file.shapes(x)) && !file.is_in_our_order(x);
    const bool free_output = file.rank(y) == 4 && same_order(file.shapes(y)) && !is_transposed(file.graph(), y);
    Integers extents = op.extents;
    if (free_input || free_output) {
        extents = reshape_extents(free_input ? to_onnx_order(file.shapes(x)) : file.shapes(x),
                                  free_output ? to_onnx_order(file.shapes(y)) : file.shapes(y));
    }
    const std::string name = free_input ? file.in_onnx_order(x) : file.in_our_order(x);
    const std::string result = add_reshape(file, node, name, extents);
    if (free_output) {
        file.define_in_onnx_order(y, result);
    } else {
        file.define_in_our_order(y, result);
    }
}

void export_op(const Resize& op, const Node& node, OnnxExport& file) {
    constexpr std::array<std::string_view, 5> kCoordinates{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
                                                           "align_corners", "asymmetric"};
    constexpr std::array<std::string_view, 4> kRoundings{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    if (op.coordinates == Resize::Coordinates::half_pixel_symmetric) {
        expect_opset(file, node, 19, "the coordinates half_pixel_symmetric");
    }
    const std::string x = file.in_onnx_order(node.inputs[0]);
    std::vector<std::string> inputs{x, "", ""};
    if (op.has_scales()) {
        inputs[2] = file.add_constant(node.name + ".scales",
                                      Tensor(Shape{4}, std::array{1.0F, 1.0F, op.height_scale, op.width_scale}));
    } else {
        const std::string size = node.inputs.size() > 1
                                     ? add_extents(file, node, file.in_onnx_order(node.inputs[1]), 2, 4)
                                     : file.add_constant(node.name + ".size", Integers(op.size.begin(), op.size.end()));
        const std::string others = add_extents(file, node, x, 0, 2);
        onnx::NodeProto& sizes = file.add_node("Concat", node.name + "/sizes", {others, size});
        set_attribute(sizes, "axis", std::int64_t{0});
        inputs.push_back(sizes.output(0));
    }
    onnx::NodeProto& result = add_like(file, node, "Resize", inputs);
    set_attribute(result, "mode", Resize::kModes[static_cast<std::size_t>(op.mode)]);
    set_attribute(result, "coordinate_transformation_mode", kCoordinates[static_cast<std::size_t>(op.coordinates)]);
    if (op.mode == Resize::Mode::nearest) {
        set_attribute(result, "nearest_mode", kRoundings[static_cast<std::size_t>(op.rounding)]);
    }
    if (op.mode == Resize::Mode::cubic) {
        set_attribute(result, "cubic_coeff_a", op.cubic_coefficient);
        set_attribute(result, "exclude_outside", std::int64_t{op.exclude_outside});
    }
}

void export_op(const Slice& op, const Node& node, OnnxExport& file) {
    Integers starts, ends, axes, steps;
    const int rank = file.rank(node.inputs[0]);
    for (int axis = 0; axis < rank; ++axis) {
        const Slice::Range& range = op.ranges[static_cast<std::size_t>(our_axis(axis, rank))];
        if (range.begin == 0 && range.end == std::numeric_limits<std::int64_t>::max() && range.step == 1) continue;
        starts.push_back(range.begin);
        ends.push_back(range.end);
        axes.push_back(axis);
        steps.push_back(range.step);
    }
    std::vector<std::string> inputs{file.in_onnx_order(node.inputs[0])};
    inputs.push_back(file.add_constant(node.name + ".starts", starts));
    inputs.push_back(file.add_constant(node.name + ".ends", ends));
    inputs.push_back(file.add_constant(node.name + ".axes", axes));
    inputs.push_back(file.add_constant(node.name + ".steps", steps));
    add_like(file, node, "Slice", inputs);
}

void export_op(const SpaceToDepth& op, const Node& node, OnnxExport& file) {
    set_attribute(add_like(file, node, "SpaceToDepth", inputs_in_onnx_order(file, node)), "blocksize", op.block);
}

void export_op(const Split& op, const Node& node, OnnxExport& file) {
    const std::string x = file.in_onnx_order(node.inputs[0]);
    onnx::NodeProto& result = add_like(file, node, "Split", {x, file.add_constant(node.name + ".sizes", op.sizes)});
    set_attribute(result, "axis", std::int64_t{onnx_axis(op.axis, file.rank(node.inputs[0]))});
    for (std::size_t i = 1; i < node.outputs.size(); ++i) {
        result.add_output(file.new_name(file.graph().name(node.outputs[i])));
        file.define_in_onnx_order(node.outputs[i], result.output(static_cast<int>(i)));
    }
}

void export_op(const Tile& op, const Node& node, OnnxExport& file) {
    const std::string repeats = file.add_constant(node.name + ".repeats", by_onnx_axis(op.repeats));
    add_like(file, node, "Tile", {file.in_onnx_order(node.inputs[0]), repeats});
}

void export_op(const Transpose& op, const Node& node, OnnxExport& file) {
    file.define_transposed(node.outputs[0], node.inputs[0], op.permutation);
}

}  // namespace

bool export_shape(OnnxExport& file, const Node& node) {
    return visit_known(
        node, [&](const auto& op) requires requires { export_op(op, node, file); } { export_op(op, node, file); });
}

}  // namespace eigenbit::internal
