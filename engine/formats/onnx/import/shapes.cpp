#include "engine/formats/onnx/shapes.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/layout.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

void import_identity(NodeImport& node) { node.output_input(0); }

void import_cast(NodeImport& node) {
    const auto type = node.fixed().integer("to").value_or(0);
    const bool real =
        type == onnx::TensorProto::FLOAT || type == onnx::TensorProto::FLOAT16 || type == onnx::TensorProto::DOUBLE;
    if (!real) fail("a cast of activations to element type {} is not supported", type);
    node.output_input(0);
}

void import_concat(NodeImport& node) {
    const int rank = node.rank(0);
    const auto axis = node.fixed().integer("axis");
    if (!axis) fail("attribute 'axis' is missing");
    std::vector<ValueId> inputs;
    for (int input = 0; input < node.proto().input_size(); ++input) inputs.push_back(node.value(input));
    node.output(node.graph().add(Concat{our_axis(normalized_axis(*axis, rank), rank)}, inputs));
}

/// The sizes when none are given: equal, the last one what remains.
std::vector<std::int64_t> equal_parts(std::int64_t extent, std::int64_t parts) {
    const std::int64_t size = (extent + parts - 1) / parts;
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(parts), size);
    sizes.back() = extent - size * (parts - 1);
    return sizes;
}

void import_split(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    const int rank = node.rank(0);
    const int axis = normalized_axis(attributes.integer("axis").value_or(0), rank);
    const int outputs = node.proto().output_size();
    const std::int64_t extent = fixed_extent(node.shapes(0), axis);
    if (extent == 0) fail("it splits axis {}, which depends on the batch or the image size", axis);
    const Split split{our_axis(axis, rank), attributes.integers("split", 1).value_or(equal_parts(extent, outputs))};
    if (split.sizes.size() != static_cast<std::size_t>(outputs)) {
        fail("{} sizes are given for {} outputs", split.sizes.size(), outputs);
    }
    const std::vector<ValueId> values = node.graph().add(split, {node.value(0)}, outputs);
    for (int output = 0; output < outputs; ++output) node.output(values[static_cast<std::size_t>(output)], output);
}

/// A range as it is at every probe; ends at or beyond the last element say so.
Slice::Range common_range(NodeImport& node, int axis) {
    const ProbedShapes shapes = node.shapes(0);
    std::vector<Slice::Range> ranges;
    bool to_the_end = true;
    for (std::size_t probe = 0; probe < node.probes(); ++probe) {
        ranges.push_back(slice_ranges(node.at(probe), node.rank(0))[static_cast<std::size_t>(axis)]);
        to_the_end = to_the_end && ranges.back().step > 0 && ranges.back().end >= shapes[probe][axis];
    }
    for (Slice::Range& range : ranges) {
        if (to_the_end) range.end = kEnd;
        const Slice::Range& first = ranges.front();
        if (range.begin != first.begin || range.end != first.end || range.step != first.step) {
            fail("its range along axis {} depends on the batch or the image size", axis);
        }
    }
    return ranges.front();
}

void import_slice(NodeImport& node) {
    const int rank = node.rank(0);
    Slice slice{std::vector<Slice::Range>(static_cast<std::size_t>(rank))};
    bool selects_all = true;
    for (int axis = 0; axis < rank; ++axis) {
        const Slice::Range range = common_range(node, axis);
        selects_all = selects_all && range.begin == 0 && range.end == kEnd && range.step == 1;
        slice.ranges[static_cast<std::size_t>(our_axis(axis, rank))] = range;
    }
    if (selects_all) return node.output_input(0);
    node.output(node.graph().add(slice, {node.value(0)}));
}

Pad::Mode pad_mode(const OnnxNode& node) {
    const std::string mode = node.text("mode").value_or("constant");
    if (mode == "constant") return Pad::Mode::constant;
    if (mode == "reflect") return Pad::Mode::reflect;
    if (mode == "edge") return Pad::Mode::edge;
    fail("the mode '{}' is not supported", mode);
}

void import_pad(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    const int rank = node.rank(0);
    const auto pads = attributes.integers("pads", 1);
    if (!pads) fail("'pads' is missing");
    std::vector<std::int64_t> axes(static_cast<std::size_t>(rank));
    std::iota(axes.begin(), axes.end(), std::int64_t{0});
    if (attributes.has_input(3)) axes = attributes.constant(3).integers();
    if (pads->size() != 2 * axes.size()) fail("{} pads are given for {} axes", pads->size(), axes.size());

    const std::vector<std::int64_t> none(static_cast<std::size_t>(rank), 0);
    Pad pad{none, none, pad_mode(attributes), attributes.real("value", 2).value_or(0.0F)};
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const auto axis = static_cast<std::size_t>(our_axis(normalized_axis(axes[i], rank), rank));
        pad.before[axis] = (*pads)[i];
        pad.after[axis] = (*pads)[i + axes.size()];
        if (std::min(pad.before[axis], pad.after[axis]) < 0
            || std::max(pad.before[axis], pad.after[axis]) > (1 << 24)) {
            fail("pads of {} and {} are not supported", pad.before[axis], pad.after[axis]);
        }
    }
    if (pad.before == none && pad.after == none) return node.output_input(0);
    node.output(node.graph().add(pad, {node.value(0)}));
}

/// Whether images become rows of a matrix, one each, all of one size.
bool flattens_images(NodeImport& node, const ProbedShapes& targets) {
    const ProbedShapes shapes = node.shapes(0);
    if (shapes.front().rank() != 4 || targets.front().rank() != 2) return false;
    for (std::size_t probe = 0; probe < shapes.size(); ++probe) {
        if (targets[probe][0] != shapes[probe][0]) return false;
    }
    return fixed_extent(shapes, 1) != 0 && fixed_extent(shapes, 2) != 0 && fixed_extent(shapes, 3) != 0;
}

void output_reshaped(NodeImport& node, const ProbedShapes& targets) {
    GraphBuilder& graph = node.graph();
    const ValueId x = node.value(0);
    const Node* producer = graph.producer(x);
    const bool is_transposed = producer != nullptr && std::holds_alternative<Transpose>(producer->op);
    if (!flattens_images(node, targets) || same_order(graph.shapes(x).front()) || is_transposed) {
        return node.output(graph.onnx_reshape(x, targets));
    }
    const Shape image = graph.shapes(x).front();
    node.output(graph.reshape(x, targets));
    node.state().values.find(node.proto().output(0))->second.columns = Shape{image[1], image[2], image[3]};
}

/// Whether a shape begins with the batch that the file fixes, which our graphs leave free.
bool names_declared_batch(NodeImport& node, std::span<const std::int64_t> extents) {
    const auto batch = node.state().declared_batch;
    const ProbedShapes shapes = node.shapes(0);
    return batch && !extents.empty() && extents[0] == *batch && shapes.front().rank() > 0 && shapes.front()[0] == *batch
           && fixed_extent(shapes, 0) == 0;
}

void import_reshape(NodeImport& node) {
    ProbedShapes targets;
    for (std::size_t probe = 0; probe < node.probes(); ++probe) {
        const OnnxNode& attributes = node.at(probe);
        auto extents = attributes.integers("shape", 1);
        if (!extents) fail("'shape' is missing");
        const bool zero_is_empty = attributes.integer("allowzero").value_or(0) != 0;
        if (names_declared_batch(node, *extents) && !zero_is_empty) (*extents)[0] = 0;
        targets.push_back(reshaped(*extents, zero_is_empty, node.shapes(0)[probe]));
    }
    output_reshaped(node, targets);
}

template <ShapeRule rule>
void import_by_rule(NodeImport& node) {
    const ProbedShapes shapes = node.shapes(0);
    ProbedShapes targets;
    for (std::size_t probe = 0; probe < node.probes(); ++probe) targets.push_back(rule(node.at(probe), shapes[probe]));
    if (std::ranges::any_of(targets, [&](const Shape& target) { return target.rank() != targets.front().rank(); })) {
        fail("how many dimensions it outputs depends on the batch or the image size");
    }
    output_reshaped(node, targets);
}

void import_transpose(NodeImport& node) {
    const int rank = node.rank(0);
    const std::vector<int> axes = permutation(node.fixed(), rank);
    node.output(node.graph().transpose(node.value(0), rank == 4 ? to_our_permutation(axes) : axes));
}

void import_expand(NodeImport& node) {
    const ProbedShapes shapes = node.shapes(0);
    for (std::size_t probe = 0; probe < node.probes(); ++probe) {
        const Shape target(node.at(probe).constant(1).integers());
        if (!(broadcast_shape("Expand", shapes[probe], target) == shapes[probe])) {
            fail("activations of shape {} cannot be repeated to {}", to_string(shapes[probe]), to_string(target));
        }
    }
    node.output_input(0);
}

void import_depth_to_space(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    if (node.rank(0) != 4) fail("input 0 has shape {}, images were expected", to_string(node.shapes(0).front()));
    const std::string mode = attributes.text("mode").value_or("DCR");
    if (mode != "DCR" && mode != "CRD") fail("the mode '{}' is not supported", mode);
    const DepthToSpace op{attributes.integer("blocksize").value_or(0),
                          mode == "DCR" ? DepthToSpace::Order::depth_first : DepthToSpace::Order::column_first};
    if (op.block < 1 || op.block > (1 << 12)) fail("attribute 'blocksize' is {}", op.block);
    node.output(node.graph().add(op, {node.value(0)}));
}

}  // namespace

const ImportTable& shape_imports() {
    static const ImportTable table = {
        {"Cast", import_cast},
        {"Concat", import_concat},
        {"DepthToSpace", import_depth_to_space},
        {"Expand", import_expand},
        {"Flatten", import_by_rule<flattened>},
        {"Identity", import_identity},
        {"Pad", import_pad},
        {"Reshape", import_reshape},
        {"Slice", import_slice},
        {"Split", import_split},
        {"Squeeze", import_by_rule<squeezed>},
        {"Transpose", import_transpose},
        {"Unsqueeze", import_by_rule<unsqueezed>},
    };
    return table;
}

}  // namespace eigenbit::internal
