#include "engine/formats/onnx/import/flow.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/file.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>

namespace eigenbit::internal {
namespace {

using Names = std::vector<std::string>;

/// Notes a value's name as one that others may read: none of them is its only reader.
void make_readable(ImportState& state, const std::string& name) { state.readers[name] += 2; }

void set_integers(onnx::NodeProto& node, const std::string& name, std::span<const std::int64_t> values) {
    auto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute.add_ints(value);
}

void set_integer(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
    auto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
}

onnx::NodeProto made_node(ImportState& state, const onnx::NodeProto& like, const std::string& type, const Names& inputs,
                          const Names& outputs) {
    onnx::NodeProto node;
    node.set_op_type(type);
    node.set_name(node_name(like));
    for (const std::string& input : inputs) node.add_input(input);
    for (const std::string& output : outputs) node.add_output(output);
    for (const std::string& output : outputs) make_readable(state, output);
    return node;
}

Names& sequence(ImportState& state, const onnx::NodeProto& node) {
    const auto found = node.input_size() == 0 ? state.sequences.end() : state.sequences.find(node.input(0));
    if (found == state.sequences.end()) fail("its sequence is not known before the network runs");
    return found->second;
}

/// The only element of an input that is known.
std::int64_t number(ImportState& state, const onnx::NodeProto& node, int input) {
    onnx::NodeProto reader;
    reader.add_input(input < node.input_size() ? node.input(input) : "");
    const NodeImport read(reader, state);
    const Constant& constant = read.fixed().constant(0);
    if (constant.shape.elements() != 1) fail("input {} is not one number", input);
    return constant.integers().front();
}

std::size_t position(ImportState& state, const onnx::NodeProto& node, int input, std::size_t count) {
    std::int64_t index = number(state, node, input);
    if (index < 0) index += static_cast<std::int64_t>(count);
    if (index < 0 || index >= static_cast<std::int64_t>(count)) {
        fail("position {} is outside a sequence of {}", index, count);
    }
    return static_cast<std::size_t>(index);
}

const ImportedValue& known(const ImportState& state, const std::string& name) {
    const auto found = state.values.find(name);
    if (found == state.values.end()) fail("it reads '{}', which is not computed before", name);
    return found->second;
}

void import_if(ImportState& state, const onnx::NodeProto& node, ImportNode import_node) {
    onnx::NodeProto reader;
    if (node.input_size() != 1) fail("{} inputs, 1 was expected", node.input_size());
    reader.add_input(node.input(0));
    if (!known(state, node.input(0)).is_constant()) {
        fail("which of its branches runs is known only when the network runs: export the network with one of them");
    }
    const bool condition = number(state, node, 0) != 0;
    const auto* branch = OnnxNode{node, state.opset, {}}.find_attribute(condition ? "then_branch" : "else_branch");
    if (branch == nullptr || !branch->has_g()) fail("a branch is missing");
    const onnx::GraphProto& graph = branch->g();
    if (graph.output_size() != node.output_size()) {
        fail("a branch has {} outputs, {} were expected", graph.output_size(), node.output_size());
    }
    for (const onnx::NodeProto& inner : graph.node()) {
        try {
            import_node(state, inner);
        } catch (const Error& error) {
            fail("node {}: {}", describe(inner), error.what());
        }
    }
    for (int i = 0; i < node.output_size(); ++i) {
        const auto list = state.sequences.find(graph.output(i).name());
        if (list != state.sequences.end()) {
            state.sequences[node.output(i)] = Names(list->second);
        } else {
            state.values[node.output(i)] = ImportedValue(known(state, graph.output(i).name()));
        }
    }
}

void import_construct(ImportState& state, const onnx::NodeProto& node, ImportNode) {
    state.sequences[node.output(0)] = Names(node.input().begin(), node.input().end());
}

void import_empty(ImportState& state, const onnx::NodeProto& node, ImportNode) { state.sequences[node.output(0)] = {}; }

void import_insert(ImportState& state, const onnx::NodeProto& node, ImportNode) {
    constexpr std::size_t kMost = 1 << 12;  // values of a sequence
    Names values = sequence(state, node);
    if (node.input_size() < 2 || values.size() >= kMost) fail("a sequence of {} values takes no more", values.size());
    const bool at_end = node.input_size() < 3 || node.input(2).empty();
    const std::size_t place = at_end ? values.size() : position(state, node, 2, values.size() + 1);
    values.insert(values.begin() + static_cast<std::ptrdiff_t>(place), node.input(1));
    state.sequences[node.output(0)] = std::move(values);
}

void import_at(ImportState& state, const onnx::NodeProto& node, ImportNode) {
    const Names& values = sequence(state, node);
    state.values[node.output(0)] = ImportedValue(known(state, values[position(state, node, 1, values.size())]));
}

void import_length(ImportState& state, const onnx::NodeProto& node, ImportNode) {
    const auto length = static_cast<std::int64_t>(sequence(state, node).size());
    const auto constant = std::make_shared<Constant>(Constant{Shape{}, std::vector{length}});
    state.values[node.output(0)].constants.assign(state.probes, constant);
}

void import_concat(ImportState& state, const onnx::NodeProto& node, ImportNode import_node) {
    const OnnxNode attributes{node, state.opset, {}};
    const auto axis = attributes.integer("axis");
    if (!axis) fail("attribute 'axis' is missing");
    Names values = sequence(state, node);
    if (values.empty()) fail("its sequence is empty");
    if (attributes.integer("new_axis").value_or(0) != 0) {
        for (std::string& value : values) {
            onnx::NodeProto insertion = made_node(state, node, "Unsqueeze", {value}, {value + ":" + node.output(0)});
            set_integers(insertion, "axes", {{*axis}});
            value = insertion.output(0);
            if (!state.values.contains(value)) import_node(state, insertion);
        }
    }
    onnx::NodeProto concat = made_node(state, node, "Concat", values, {node.output(0)});
    set_integer(concat, "axis", *axis);
    import_node(state, concat);
}

/// The sizes of the parts: as they are given, or equal ones of a given size.
std::vector<std::int64_t> part_sizes(ImportState& state, const onnx::NodeProto& node, std::int64_t extent) {
    constexpr std::int64_t kMost = 1 << 12;
    std::int64_t size = 1;
    if (node.input_size() > 1 && !node.input(1).empty()) {
        onnx::NodeProto reader;
        reader.add_input(node.input(1));
        const NodeImport read(reader, state);
        const Constant& given = read.fixed().constant(0);
        if (given.shape.rank() > 0) return given.integers();
        size = scalar(given) < 1.0F ? 0 : given.integers().front();
    }
    if (size < 1 || extent / size >= kMost) fail("it makes parts of {} of {} values", size, extent);
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(extent / size), size);
    if (extent % size != 0) sizes.push_back(extent % size);
    return sizes;
}

void import_split(ImportState& state, const onnx::NodeProto& node, ImportNode import_node) {
    if (node.input_size() == 0) fail("input 0 is missing");
    const OnnxNode attributes{node, state.opset, {}};
    onnx::NodeProto reader;
    reader.add_input(node.input(0));
    known(state, node.input(0));
    const ProbedShapes shapes = NodeImport(reader, state).shapes(0);
    const int axis = normalized_axis(attributes.integer("axis").value_or(0), shapes.front().rank());
    const std::int64_t extent = fixed_extent(shapes, axis);
    if (extent == 0) fail("it splits axis {}, which depends on the batch or the image size", axis);
    const std::vector<std::int64_t> sizes = part_sizes(state, node, extent);
    Names parts;
    for (std::size_t i = 0; i < sizes.size(); ++i) parts.push_back(fmt::format("{}[{}]", node.output(0), i));
    onnx::NodeProto split = made_node(state, node, "Split", {node.input(0)}, parts);
    set_integers(split, "split", sizes);
    set_integer(split, "axis", axis);
    import_node(state, split);
    const bool gives_sizes = node.input_size() > 1 && !node.input(1).empty();
    if (!gives_sizes && attributes.integer("keepdims").value_or(1) == 0) {
        for (std::string& part : parts) {
            onnx::NodeProto squeeze = made_node(state, node, "Squeeze", {part}, {part + ":squeezed"});
            set_integers(squeeze, "axes", {{std::int64_t{axis}}});
            import_node(state, squeeze);
            part = squeeze.output(0);
        }
    }
    state.sequences[node.output(0)] = std::move(parts);
}

using Follow = void (*)(ImportState&, const onnx::NodeProto&, ImportNode);

const std::map<std::string_view, Follow>& follows() {
    static const std::map<std::string_view, Follow> table = {
        {"ConcatFromSequence", import_concat},
        {"If", import_if},
        {"SequenceAt", import_at},
        {"SequenceConstruct", import_construct},
        {"SequenceEmpty", import_empty},
        {"SequenceInsert", import_insert},
        {"SequenceLength", import_length},
        {"SplitToSequence", import_split},
    };
    return table;
}

}  // namespace

bool is_flow(const onnx::NodeProto& node) { return follows().contains(node.op_type()); }

bool import_flow(ImportState& state, const onnx::NodeProto& node, ImportNode import_node) {
    const auto follow = follows().find(node.op_type());
    if (follow == follows().end()) return false;
    if (node.output_size() == 0) fail("it has no output");
    follow->second(state, node, import_node);
    return true;
}

}  // namespace eigenbit::internal
