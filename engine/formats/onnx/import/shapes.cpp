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
    if (type == onnx::TensorProto::BOOL) {  // 1 for all but 0
        const ValueId magnitude =
            node.graph().add(Activation{.kind = Activation::Kind::abs}, {node.unordered_value(0)});
        return node.output_like(0, node.graph().add(Activation{.kind = Activation::Kind::sign}, {magnitude}));
    }
    const bool real =
        type == onnx::TensorProto::FLOAT || type == onnx::TensorProto::FLOAT16 || type == onnx::TensorProto::DOUBLE;
    if (!real) fail("a cast of activations to element type {} is not supported", type);
    node.output_input(0);
}

/// Input 0 as our operators take it: a value (N, C, L) that lies as an image of height 1 remains one.
class Source {
  public:
    explicit Source(NodeImport& node) : node_(node), rank_(node.rank(0)), value_(node.value(0)) {
        const auto image = node.graph().image_behind(value_);
        is_row_ = image.has_value();
        if (image) value_ = *image;
    }

    ValueId value() const { return value_; }
    /// As our operators count axes.
    int rank() const { return is_row_ ? 4 : rank_; }
    int axis(int onnx_axis) const {
        return is_row_ ? our_axis(onnx_axis == 2 ? 3 : onnx_axis, 4) : our_axis(onnx_axis, rank_);
    }
    int axis(std::int64_t onnx_axis) const { return axis(normalized_axis(onnx_axis, rank_)); }
    void output(ValueId value, int index = 0) const {
        node_.output(is_row_ ? node_.graph().row_of_image(value) : value, index);
    }

  private:
    NodeImport& node_;
    int rank_;
    ValueId value_;
    bool is_row_ = false;
};

void import_concat(NodeImport& node) {
    GraphBuilder& graph = node.graph();
    const auto axis = node.fixed().integer("axis");
    if (!axis) fail("attribute 'axis' is missing");
    std::vector<ValueId> inputs;
    for (int input = 0; input < node.proto().input_size(); ++input) inputs.push_back(node.value(input));
    const int rank = node.rank(0);
    const int position = normalized_axis(*axis, rank);
    if (!std::ranges::any_of(inputs, [&](ValueId value) { return graph.image_behind(value).has_value(); })) {
        return node.output(graph.add(Concat{our_axis(position, rank)}, inputs));
    }
    for (ValueId& input : inputs) input = graph.image_of_row(input);
    const int row_axis = our_axis(position == 2 ? 3 : position, 4);
    node.output(graph.row_of_image(graph.add(Concat{row_axis}, inputs)));
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
    const Source source(node);
    const int axis = normalized_axis(attributes.integer("axis").value_or(0), node.rank(0));
    const int outputs = node.proto().output_size();
    const std::int64_t extent = fixed_extent(node.shapes(0), axis);
    if (extent == 0) fail("it splits axis {}, which depends on the batch or the image size", axis);
    const Split split{source.axis(axis), attributes.integers("split", 1).value_or(equal_parts(extent, outputs))};
    if (split.sizes.size() != static_cast<std::size_t>(outputs)) {
        fail("{} sizes are given for {} outputs", split.sizes.size(), outputs);
    }
    const std::vector<ValueId> values = node.graph().add(split, {source.value()}, outputs);
    for (int output = 0; output < outputs; ++output) source.output(values[static_cast<std::size_t>(output)], output);
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
    const Source source(node);
    Slice slice{std::vector<Slice::Range>(static_cast<std::size_t>(source.rank()))};
    bool selects_all = true;
    for (int axis = 0; axis < node.rank(0); ++axis) {
        const Slice::Range range = common_range(node, axis);
        selects_all = selects_all && range.begin == 0 && range.end == kEnd && range.step == 1;
        slice.ranges[static_cast<std::size_t>(source.axis(axis))] = range;
    }
    if (selects_all) return node.output_input(0);
    source.output(node.graph().add(slice, {source.value()}));
}

Pad::Mode pad_mode(const OnnxNode& node) {
    const std::string mode = node.text("mode").value_or("constant");
    if (mode == "constant") return Pad::Mode::constant;
    if (mode == "reflect") return Pad::Mode::reflect;
    if (mode == "edge") return Pad::Mode::edge;
    if (mode == "wrap") return Pad::Mode::wrap;
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

    const Source source(node);
    const std::vector<std::int64_t> none(static_cast<std::size_t>(source.rank()), 0);
    Pad pad{none, none, pad_mode(attributes), attributes.real("value", 2).value_or(0.0F)};
    Slice cut{std::vector<Slice::Range>(static_cast<std::size_t>(source.rank()))};
    bool cuts = false;
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const auto axis = static_cast<std::size_t>(source.axis(axes[i]));
        const std::int64_t before = (*pads)[i];
        const std::int64_t after = (*pads)[i + axes.size()];
        constexpr std::int64_t kLargest = 1 << 24;
        if (std::min(before, after) < -kLargest || std::max(before, after) > kLargest) {
            fail("pads of {} and {} are not supported", before, after);
        }
        pad.before[axis] = std::max<std::int64_t>(before, 0);
        pad.after[axis] = std::max<std::int64_t>(after, 0);
        cut.ranges[axis].begin = std::max<std::int64_t>(-before, 0);
        if (after < 0) cut.ranges[axis].end = after;
        cuts = cuts || std::min(before, after) < 0;
    }
    const bool pads_too = pad.before != none || pad.after != none;
    if (!cuts && !pads_too) return node.output_input(0);
    if (cuts && pads_too && pad.mode != Pad::Mode::constant) fail("it both cuts and pads with what it cuts from");
    ValueId value = source.value();
    if (cuts) value = node.graph().add(cut, {value});
    if (pads_too) value = node.graph().add(pad, {value});
    source.output(value);
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

/// Repeats a value of ONNX's shapes along axes of extent 1 until it has the targets.
void output_repeated(NodeImport& node, ProbedShapes shapes, const ProbedShapes& targets) {
    if (shapes == targets) return node.output_input(0);
    GraphBuilder& graph = node.graph();
    const int rank = targets.front().rank();
    for (Shape& shape : shapes) shape = with_leading_ones(shape, rank);
    ValueId value = graph.onnx_reshape(node.value(0), shapes);
    Tile tile{std::vector<std::int64_t>(static_cast<std::size_t>(rank), 1)};
    std::vector<std::array<std::int64_t, 2>> sizes;  // of images of one pixel, where these depend on the image size
    for (int axis = 0; axis < rank; ++axis) {
        std::vector<std::int64_t> factors;
        for (std::size_t probe = 0; probe < shapes.size(); ++probe) {
            factors.push_back(targets[probe][axis] / shapes[probe][axis]);
        }
        const bool is_fixed = std::ranges::all_of(factors, [&](std::int64_t f) { return f == factors.front(); });
        if (is_fixed && sizes.empty()) {
            tile.repeats[static_cast<std::size_t>(our_axis(axis, rank))] = factors.front();
            continue;
        }
        const auto is_pixel = [](const Shape& shape) { return shape.rank() == 4 && shape[2] * shape[3] == 1; };
        if (axis < 2 || !std::ranges::all_of(shapes, is_pixel)) {
            fail("activations of shape {} cannot be repeated to {}, which depends on the batch or the image size",
                 to_string(shapes.front()), to_string(targets.front()));
        }
        sizes.clear();
        for (const Shape& target : targets) sizes.push_back({target[2], target[3]});
        tile.repeats[1] = 1;
    }
    if (std::ranges::any_of(tile.repeats, [](std::int64_t factor) { return factor != 1; })) {
        value = graph.add(tile, {value});
    }
    if (!sizes.empty()) {
        const auto like = graph.image_of_size(sizes);
        if (!like) fail("it is repeated to an image size that depends on the input's, and is that of no other value");
        value = graph.add(Resize{}, {value, *like});
    }
    node.output(value);
}

void import_expand(NodeImport& node) {
    const ProbedShapes shapes = node.shapes(0);
    ProbedShapes targets;
    for (std::size_t probe = 0; probe < node.probes(); ++probe) {
        const Shape target(node.at(probe).constant(1).integers());
        targets.push_back(broadcast_shape("Expand", shapes[probe], target));
    }
    output_repeated(node, shapes, targets);
}

void import_tile(NodeImport& node) {
    const int rank = node.rank(0);
    const std::vector<std::int64_t>& given = node.fixed().constant(1).integers();
    if (given.size() != static_cast<std::size_t>(rank)) fail("{} repeats are given for {} axes", given.size(), rank);
    if (std::ranges::all_of(given, [](std::int64_t factor) { return factor == 1; })) return node.output_input(0);
    Tile tile{std::vector<std::int64_t>(given.size())};
    for (int axis = 0; axis < rank; ++axis) {
        tile.repeats[static_cast<std::size_t>(our_axis(axis, rank))] = given[static_cast<std::size_t>(axis)];
    }
    node.output(node.graph().add(tile, {node.value(0)}));
}

/// The range that these positions are, if they are one.
std::optional<Slice::Range> as_range(const std::vector<std::int64_t>& positions) {
    const std::int64_t step = positions.size() > 1 ? positions[1] - positions[0] : 1;
    for (std::size_t i = 1; i < positions.size(); ++i) {
        if (positions[i] - positions[i - 1] != step) return std::nullopt;
    }
    const bool crosses_end = (positions.front() < 0) != (positions.back() < 0);
    if (step == 0 || crosses_end) return std::nullopt;
    Slice::Range range{positions.front(), positions.back() + (step > 0 ? 1 : -1), step};
    if (step > 0 && range.end == 0) range.end = kEnd;
    if (step < 0 && range.end == -1) range.end = -kEnd;
    return range;
}

void import_gather(NodeImport& node) {
    if (node.is_constant(0)) fail("the positions that it reads are computed by the network; a constant was expected");
    GraphBuilder& graph = node.graph();
    const OnnxNode& attributes = node.fixed();
    const Constant& indices = attributes.constant(1);
    const std::vector<std::int64_t>& positions = indices.integers();
    if (positions.empty()) fail("it reads no positions");
    const Source source(node);
    const int axis = normalized_axis(attributes.integer("axis").value_or(0), node.rank(0));
    ValueId value = source.value();
    const auto extent = fixed_extent(node.shapes(0), axis);
    const auto range = as_range(positions);
    const bool is_all =
        range && range->begin == 0 && range->step == 1 && extent == static_cast<std::int64_t>(positions.size());
    if (range) {
        for (const Shape& shape : node.shapes(0)) {  // a slice would clamp what a gather refuses
            normalized_axis(positions.front(), static_cast<int>(shape[axis]));
            normalized_axis(positions.back(), static_cast<int>(shape[axis]));
        }
        Slice slice{std::vector<Slice::Range>(static_cast<std::size_t>(source.rank()))};
        slice.ranges[static_cast<std::size_t>(source.axis(axis))] = *range;
        if (!is_all) value = graph.add(slice, {value});
    } else {
        value = graph.add(Gather{source.axis(axis), positions}, {value});
    }
    source.output(value);
    if (indices.shape.rank() == 1) return;
    ProbedShapes targets;
    for (const Shape& shape : node.shapes(0)) {
        std::vector<std::int64_t> extents(shape.begin(), shape.begin() + axis);
        extents.insert(extents.end(), indices.shape.begin(), indices.shape.end());
        extents.insert(extents.end(), shape.begin() + axis + 1, shape.end());
        targets.push_back(Shape(extents));
    }
    const ValueId gathered = node.state().values.find(node.proto().output(0))->second.activation;
    node.output(graph.onnx_reshape(gathered, targets));
}

void import_gather_nd(NodeImport& node) {
    if (node.is_constant(0)) fail("the positions that it reads are computed by the network; a constant was expected");
    GraphBuilder& graph = node.graph();
    const ProbedShapes shapes = node.shapes(0);
    const PointPositions points = point_positions(node.fixed(), shapes.front());
    if (points.positions.empty()) fail("it reads no positions");
    std::int64_t count = 1;
    for (int axis = 0; axis < points.axes; ++axis) {
        const std::int64_t extent = fixed_extent(shapes, axis);
        if (extent == 0) fail("it reads positions of axis {}, which depends on the batch or the image size", axis);
        count *= extent;
    }
    ProbedShapes in_a_row;
    ProbedShapes targets;
    for (const Shape& shape : shapes) {
        in_a_row.push_back(with_first_axes({count}, shape, points.axes));
        targets.push_back(with_first_axes(points.shape, shape, points.axes));
    }
    const ValueId gathered = graph.add(Gather{0, points.positions}, {graph.onnx_reshape(node.value(0), in_a_row)});
    node.output(graph.onnx_reshape(gathered, targets));
}

void import_space_to_depth(NodeImport& node) {
    if (node.rank(0) != 4) fail("input 0 has shape {}, images were expected", to_string(node.shapes(0).front()));
    const SpaceToDepth op{node.fixed().integer("blocksize").value_or(0)};
    if (op.block < 1 || op.block > (1 << 12)) fail("attribute 'blocksize' is {}", op.block);
    node.output(node.graph().add(op, {node.value(0)}));
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
        {"Cast", {import_cast, "round_mode saturate to"}},
        {"Concat", {import_concat, "axis"}},
        {"DepthToSpace", {import_depth_to_space, "blocksize mode"}},
        {"Expand", {import_expand, "", 8}},
        {"Flatten", {import_by_rule<flattened>, "axis"}},
        {"Gather", {import_gather, "axis"}},
        {"GatherND", {import_gather_nd, "batch_dims", 11}},
        {"Identity", {import_identity}},
        {"Pad", {import_pad, "mode pads value"}},
        {"Reshape", {import_reshape, "allowzero"}},
        {"Slice", {import_slice, "axes ends starts"}},
        {"SpaceToDepth", {import_space_to_depth, "blocksize"}},
        {"Split", {import_split, "axis num_outputs split"}},
        {"Squeeze", {import_by_rule<squeezed>, "axes"}},
        {"Tile", {import_tile}},
        {"Transpose", {import_transpose, "perm"}},
        {"Unsqueeze", {import_by_rule<unsqueezed>, "axes"}},
    };
    return table;
}

}  // namespace eigenbit::internal
