#include "engine/formats/onnx/import/translation.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/fold/folding.h"
#include "engine/formats/onnx/functions.h"
#include "engine/formats/onnx/import/flow.h"
#include "engine/formats/onnx/import/maxima.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/import/quantized.h"
#include "engine/formats/onnx/layout.h"

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

bool yields_shape(const onnx::NodeProto& node) { return node.op_type() == "Shape" || node.op_type() == "Size"; }

void add_inputs(ImportState& state, std::span<const Declared> inputs, std::span<const Probe> probes) {
    for (const Declared& input : inputs) {
        ProbedShapes shapes;
        for (const Probe& probe : probes) shapes.push_back(shape_at(input, probe));
        Shape declared = shapes.front();
        for (int axis = 0; axis < declared.rank(); ++axis) declared[axis] = fixed_extent(shapes, axis);
        state.values[input.name].activation = state.graph.add_input(input.name, declared, shapes);
        state.channels_last.insert(input.channels_last.begin(), input.channels_last.end());
        state.reorders.insert(input.reorders.begin(), input.reorders.end());
    }
}

/// Evaluates a node at every probe, once where that makes no difference.
ImportedValue evaluate(const NodeImport& node, bool same_everywhere) {
    ImportedValue result;
    for (std::size_t probe = 0; probe < node.probes(); ++probe) {
        if (probe > 0 && same_everywhere) {
            result.constants.push_back(result.constants.front());
            continue;
        }
        Constant value = [&] {
            if (!yields_shape(node.proto())) return fold(node.at(probe));
            const Shape input = node.file_shapes(0)[probe];
            return node.proto().op_type() == "Shape" ? shape_constant(node.at(probe), input) : size_constant(input);
        }();
        const bool is_new = result.constants.empty() || !(value == *result.constants.front());
        result.constants.push_back(is_new ? std::make_shared<Constant>(std::move(value)) : result.constants.front());
    }
    return result;
}

const ImportedValue& value_named(const ImportState& state, const std::string& name) {
    const auto found = state.values.find(name);
    if (found == state.values.end() && state.levels.contains(name)) {
        fail("it reads the levels of rounded values, '{}'; only their values are supported", name);
    }
    if (found == state.values.end() && state.dynamic.contains(name)) {
        fail("it reads '{}', which follows from values that are rounded as they come; only products of these, times "
             "their scale, are supported",
             name);
    }
    if (found == state.values.end()) fail("it reads '{}' before that is computed", name);
    return found->second;
}

/// A node that works on images kept as NHWC, as one that works on them as NCHW.
onnx::NodeProto reordered_node(ImportState& state, const onnx::NodeProto& proto) {
    onnx::NodeProto node = proto;
    const bool pads = node.op_type() == "Pad";
    for (int input = 0; input < node.input_size(); ++input) {
        if (node.input(input).empty() || !value_named(state, node.input(input)).is_constant()) continue;
        const bool is_pads = pads && input == 1;
        if (value_named(state, node.input(input)).constants.front()->shape.rank() == 0) continue;  // one for all
        if (pads && input == 3) fail("padding of some axes is not supported where images are NHWC");
        const std::string name = node.input(input) + (is_pads ? ":pads as NCHW" : ":as NCHW");
        if (!state.values.contains(name)) {
            const ImportedValue& given = value_named(state, node.input(input));
            ImportedValue reordered;
            for (std::size_t probe = 0; probe < state.probes; ++probe) {
                const Constant& constant = *given.constants[probe];
                const bool is_new = probe == 0 || given.constants[probe] != given.constants[probe - 1];
                reordered.constants.push_back(
                    !is_new   ? reordered.constants.back()
                    : is_pads ? std::make_shared<Constant>(integer_list(reordered_pads(constant.integers())))
                              : std::make_shared<Constant>(reordered_constant(constant)));
            }
            state.values[name] = std::move(reordered);
        }
        node.set_input(input, name);
    }
    for (auto& attribute : *node.mutable_attribute()) {
        if (!pads || attribute.name() != "pads") continue;
        const auto given = reordered_pads(std::vector<std::int64_t>(attribute.ints().begin(), attribute.ints().end()));
        attribute.mutable_ints()->Assign(given.begin(), given.end());
    }
    return node;
}

void import_node(ImportState& state, const onnx::NodeProto& proto) {
    if (proto.output_size() == 0) fail("it has no output");
    if (import_flow(state, proto, import_node) || import_rounding(state, proto, import_node)) return;
    if (import_maxima(state, proto)) return;
    const ImportedOperator* const known = find_import(proto.op_type());
    if (known != nullptr) known->check_attributes(proto);
    bool all_constant = true;
    bool all_fixed = !yields_shape(proto);
    for (const std::string& input : proto.input()) {
        if (input.empty()) continue;
        const ImportedValue& value = value_named(state, input);
        all_constant = all_constant && value.is_constant();
        all_fixed = all_fixed && value.is_fixed();
    }
    NodeImport node(proto, state);
    if (can_fold(proto.op_type()) && (all_constant || yields_shape(proto))) {
        ImportedValue value = evaluate(node, all_fixed);
        state.folded_elements += value.constants.front()->shape.elements();
        if (state.folded_elements > state.most_folded) fail("all constants computed so far are too large together");
        state.values[proto.output(0)] = std::move(value);
        note_steps(state, proto);
    } else {
        if (known == nullptr) fail("it is not supported");
        state.graph.begin_node(node_name(proto));
        known->import(node);
    }
    for (const std::string& output : proto.output()) {
        if (state.readers.contains(output) && !state.values.contains(output)) {
            fail("its output '{}' is not supported", output);
        }
    }
}

/// The same for a node of the file, whose images may be kept as NHWC.
void import_file_node(ImportState& state, const onnx::NodeProto& proto) {
    const auto is_channels_last = [&](const std::string& input) { return state.channels_last.contains(input); };
    if (std::ranges::none_of(proto.input(), is_channels_last) || yields_shape(proto)) {
        import_node(state, proto);
    } else if (state.reorders.contains(&proto)) {
        state.values[proto.output(0)] = value_named(state, proto.input(0));  // our images are NHWC anyway
    } else {
        import_node(state, reordered_node(state, proto));
    }
}

/// The value of an output, without a last transpose to NHWC, which is our layout anyway.
ValueId output_value(ImportState& state, const OnnxFile& file, const std::string& name) {
    onnx::NodeProto reader;
    reader.add_input(name);
    for (const onnx::NodeProto* node : file.nodes) {
        if (node->output(0) == name && has_permutation(*node, {0, 2, 3, 1})) reader.set_input(0, node->input(0));
    }
    if (value_named(state, reader.input(0)).is_constant()) fail("output '{}' does not depend on an input", name);
    return NodeImport(reader, state).value(0);
}

Graph import_graph(ImportState& state, const OnnxFile& file, std::span<const Declared> inputs,
                   std::span<const Probe> probes) {
    for (const auto& [name, value] : file.initializers) {
        state.values[name].constants.assign(probes.size(), value);
        state.most_folded += 8 * value->shape.elements();
    }
    add_inputs(state, inputs, probes);
    for (const onnx::NodeProto* node : file.nodes) {
        try {
            import_file_node(state, *node);
        } catch (const Error& error) {
            fail("node {}: {}", describe(*node), error.what());
        }
    }
    std::vector<ValueId> outputs;
    std::vector<std::string> names;
    for (const auto& output : file.model.graph().output()) {
        outputs.push_back(output_value(state, file, output.name()));
        names.push_back(output.name());
    }
    Graph graph = state.graph.finish(outputs, names);
    keep_levels(state, graph);
    return graph;
}

}  // namespace

std::set<std::string, std::less<>> constant_values(const OnnxFile& file) {
    std::set<std::string, std::less<>> constants;
    for (const auto& [name, value] : file.initializers) constants.insert(name);
    const auto is_known = [&](const std::string& input) { return input.empty() || constants.contains(input); };
    for (const onnx::NodeProto* node : file.nodes) {
        const bool foldable = is_standard(*node) && (can_fold(node->op_type()) || is_flow(*node));
        if (foldable && (yields_shape(*node) || std::ranges::all_of(values_read(*node), is_known))) {
            constants.insert(node->output().begin(), node->output().end());
        }
    }
    return constants;
}

Translation translate(const OnnxFile& file, std::span<const Declared> inputs, std::span<const Probe> probes,
                      std::int64_t batch) {
    ImportState state;
    state.probes = probes.size();
    state.opset = file.opset;
    state.readers = file.readers;
    if (batch != 0) state.declared_batch = batch;
    try {
        return {.graph = import_graph(state, file, inputs, probes)};
    } catch (const Error& error) {
        return {.error = error.what(), .misfit = state.misfit};
    }
}

}  // namespace eigenbit::internal
