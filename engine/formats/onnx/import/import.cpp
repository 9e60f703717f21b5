#include "engine/base/error.h"
#include "engine/formats/file.h"
#include "engine/formats/onnx/file.h"
#include "engine/formats/onnx/fold/folding.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/metadata.h"
#include "engine/formats/onnx/onnx.h"

#include <algorithm>
#include <set>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kLargestSide = 1 << 16;
constexpr std::int64_t kAssumedSide = 224;  // only to see that nothing depends on the image size
// To the second probe, so that parities and remainders differ too.
constexpr std::int64_t kHeightDifference = 37;
constexpr std::int64_t kWidthDifference = 41;

/// The extents for which a network is imported at the same time.
struct Probe {
    std::int64_t batch;
    std::int64_t height;
    std::int64_t width;
};

/// What the file says about an input of the network.
struct Declared {
    std::string name;
    std::vector<std::int64_t> extents;  // ONNX's order; 0 where it is open
    bool channels_last;                 // nothing but a transpose to NCHW reads it
    bool is_batch = true;               // whether its first axis goes through the images

    std::size_t height_axis() const { return channels_last ? 1 : 2; }
    bool leaves_open(std::size_t axis) const { return extents.size() == 4 && extents[axis] == 0; }
};

ImportOperator find_import(const std::string& op_type) {
    for (const ImportTable* table : {&layer_imports(), &arithmetic_imports(), &shape_imports()}) {
        const auto found = table->find(op_type);
        if (found != table->end()) return found->second;
    }
    return nullptr;
}

bool is_standard(const onnx::NodeProto& node) { return node.domain().empty() || node.domain() == "ai.onnx"; }

bool yields_shape(const onnx::NodeProto& node) { return node.op_type() == "Shape" || node.op_type() == "Size"; }

/// Throws Error listing all nodes that can neither be evaluated nor translated.
void check_supported(const OnnxFile& file) {
    std::set<std::string, std::less<>> constants;
    for (const auto& [name, value] : file.initializers) constants.insert(name);
    std::vector<std::string> unsupported;
    for (const onnx::NodeProto* node : file.nodes) {
        const auto is_known = [&](const std::string& input) { return input.empty() || constants.contains(input); };
        const bool foldable = is_standard(*node) && can_fold(node->op_type());
        if (foldable && (yields_shape(*node) || std::ranges::all_of(node->input(), is_known))) {
            constants.insert(node->output().begin(), node->output().end());
        } else if (!is_standard(*node) || find_import(node->op_type()) == nullptr) {
            unsupported.push_back(describe(*node));
        }
    }
    if (unsupported.empty()) return;
    fail("{} of its nodes (opset {}) are not supported: {}", unsupported.size(), file.opset, joined(unsupported));
}

bool has_permutation(const onnx::NodeProto& node, std::array<std::int64_t, 4> permutation) {
    const auto given = OnnxNode{node, 0, {}}.integers("perm");
    return node.op_type() == "Transpose" && given && std::ranges::equal(*given, permutation);
}

bool is_read_transposed(const OnnxFile& file, const std::string& input) {
    const auto transposes_it = [&](const onnx::NodeProto* node) {
        return std::ranges::find(node->input(), input) == node->input().end() || has_permutation(*node, {0, 3, 1, 2});
    };
    const auto is_output = [&](const auto& output) { return output.name() == input; };
    return std::ranges::all_of(file.nodes, transposes_it)
           && std::ranges::none_of(file.model.graph().output(), is_output);
}

Declared read_declared(const OnnxFile& file, const onnx::ValueInfoProto& input) {
    const auto& type = input.type().tensor_type();
    if (!type.has_shape()) fail("input '{}' has no shape", input.name());
    if (type.elem_type() != onnx::TensorProto::FLOAT && type.elem_type() != onnx::TensorProto::FLOAT16
        && type.elem_type() != onnx::TensorProto::DOUBLE) {
        fail("input '{}' has the element type {}, reals were expected", input.name(), type.elem_type());
    }
    Declared declared{input.name(), {}, false};
    for (const auto& dimension : type.shape().dim()) {
        if (dimension.has_dim_value() && dimension.dim_value() < -1) {
            fail("input '{}' has the dimension {}", input.name(), dimension.dim_value());
        }
        declared.extents.push_back(std::max<std::int64_t>(dimension.dim_value(), 0));
    }
    if (declared.extents.empty()) fail("input '{}' is a single number", input.name());
    declared.channels_last =
        declared.extents.size() == 4 && declared.extents[3] != 0 && is_read_transposed(file, input.name());
    return declared;
}

/// The input's shape at a probe; sets what the file leaves open. Throws Error where that is neither the batch nor the
/// image size.
Shape shape_at(const Declared& declared, const Probe& probe) {
    const std::size_t height = declared.height_axis();
    std::vector<std::int64_t> extents = declared.extents;
    if (declared.is_batch) extents[0] = probe.batch;
    if (declared.leaves_open(height)) extents[height] = probe.height;
    if (declared.leaves_open(height + 1)) extents[height + 1] = probe.width;
    const auto open = std::ranges::find(extents, 0);
    if (open != extents.end()) {
        fail("input '{}' leaves dimension {} open, which is neither the batch nor the image size", declared.name,
             open - extents.begin());
    }
    const Shape shape(extents);
    return declared.channels_last ? shape : to_our_order(shape);
}

void add_inputs(ImportState& state, const OnnxFile& file, std::span<const Declared> inputs,
                std::span<const Probe> probes) {
    for (const Declared& input : inputs) {
        ProbedShapes shapes;
        for (const Probe& probe : probes) shapes.push_back(shape_at(input, probe));
        Shape declared = shapes.front();
        for (int axis = 0; axis < declared.rank(); ++axis) declared[axis] = fixed_extent(shapes, axis);
        const ValueId value = state.graph.add_input(input.name, declared, shapes);
        state.values[input.name].activation = value;
        if (!input.channels_last) continue;
        for (const onnx::NodeProto* node : file.nodes) {
            if (has_permutation(*node, {0, 3, 1, 2}) && node->input(0) == input.name) {
                state.values[node->output(0)].activation = value;
            }
        }
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
            const Shape input = node.shapes(0)[probe];
            return node.proto().op_type() == "Shape" ? shape_constant(node.at(probe), input) : size_constant(input);
        }();
        const bool is_new = result.constants.empty() || !(value == *result.constants.front());
        result.constants.push_back(is_new ? std::make_shared<Constant>(std::move(value)) : result.constants.front());
    }
    return result;
}

void import_node(ImportState& state, const onnx::NodeProto& proto) {
    if (!proto.output(0).empty() && state.values.contains(proto.output(0))) return;  // reads a channels-last input
    NodeImport node(proto, state);
    bool all_constant = true;
    bool all_fixed = !yields_shape(proto);
    for (const std::string& input : proto.input()) {
        if (input.empty()) continue;
        const ImportedValue& value = state.values.find(input)->second;
        all_constant = all_constant && value.is_constant();
        all_fixed = all_fixed && value.is_fixed();
    }
    if (can_fold(proto.op_type()) && (all_constant || yields_shape(proto))) {
        ImportedValue value = evaluate(node, all_fixed);
        state.folded_elements += value.constants.front()->shape.elements();
        if (state.folded_elements > state.most_folded) fail("all constants computed so far are too large together");
        state.values[proto.output(0)] = std::move(value);
    } else {
        state.graph.begin_node(node_name(proto));
        find_import(proto.op_type())(node);
    }
    for (const std::string& output : proto.output()) {
        if (state.readers.contains(output) && !state.values.contains(output)) {
            fail("its output '{}' is not supported", output);
        }
    }
}

/// The value of an output, without a last transpose to NHWC, which is our layout anyway.
ValueId output_value(ImportState& state, const OnnxFile& file, const std::string& name) {
    onnx::NodeProto reader;
    reader.add_input(name);
    for (const onnx::NodeProto* node : file.nodes) {
        if (node->output(0) == name && has_permutation(*node, {0, 2, 3, 1})) reader.set_input(0, node->input(0));
    }
    NodeImport output(reader, state);
    if (output.is_constant(0)) fail("output '{}' does not depend on an input", name);
    return output.value(0);
}

Graph import_at(const OnnxFile& file, std::span<const Declared> inputs, std::span<const Probe> probes) {
    ImportState state;
    state.probes = probes.size();
    state.opset = file.opset;
    state.readers = file.readers;
    if (inputs.front().extents[0] != 0) state.declared_batch = inputs.front().extents[0];
    for (const auto& [name, value] : file.initializers) {
        state.values[name].constants.assign(probes.size(), value);
        state.most_folded += 8 * value->shape.elements();
    }
    add_inputs(state, file, inputs, probes);
    for (const onnx::NodeProto* node : file.nodes) {
        try {
            import_node(state, *node);
        } catch (const Error& error) {
            fail("node {}: {}", describe(*node), error.what());
        }
    }
    std::vector<ValueId> outputs;
    for (const auto& output : file.model.graph().output()) {
        outputs.push_back(output_value(state, file, output.name()));
    }
    return state.graph.finish(outputs);
}

std::int64_t assumed_side(std::int64_t given, std::string_view name) {
    if (given < 0 || given > kLargestSide) fail("the {} given is {}, 1 to {} was expected", name, given, kLargestSide);
    return given == 0 ? kAssumedSide : given;
}

/// Imports for any batch and, where the file leaves it open, any image size; where the network depends on one of them,
/// for the declared batch and the given size.
Graph import_graph(const OnnxFile& file, const OnnxOptions& options) {
    std::vector<Declared> inputs;
    for (const auto* input : file.inputs) inputs.push_back(read_declared(file, *input));
    if (inputs.empty()) fail("the network has no input");
    const auto is_open = [](std::size_t offset) {
        return [offset](const Declared& input) { return input.leaves_open(input.height_axis() + offset); };
    };
    const bool open_height = std::ranges::any_of(inputs, is_open(0));
    const bool open_width = std::ranges::any_of(inputs, is_open(1));
    const std::int64_t batch = inputs.front().extents[0];
    for (Declared& input : inputs) input.is_batch = input.extents[0] == 0 || input.extents[0] == batch;
    const Probe base{batch == 0 ? 2 : batch, assumed_side(options.height, "height"),
                     assumed_side(options.width, "width")};
    const Probe more_images{base.batch + 1, base.height, base.width};
    const Probe larger{base.batch, base.height + kHeightDifference, base.width + kWidthDifference};

    if (open_height || open_width) {
        try {
            return import_at(file, inputs, std::array{base, more_images, larger});
        } catch (const Error& error) {
            if ((open_height && options.height == 0) || (open_width && options.width == 0)) {
                fail("{} (the file leaves the image size open; a height and a width may have to be given)",
                     error.what());
            }
        }
    }
    try {
        return import_at(file, inputs, std::array{base, more_images});
    } catch (const Error&) {
        if (batch == 0) throw;
    }
    return import_at(file, inputs, std::array{base});
}

}  // namespace

Model read_onnx(const std::filesystem::path& path, const OnnxOptions& options) {
    return read_onnx(read_file(path), path.string(), options);
}

Model read_onnx(std::span<const std::uint8_t> bytes, std::string_view name, const OnnxOptions& options) {
    try {
        const OnnxFile file = load_onnx(bytes);
        check_supported(file);
        Model model;
        model.graph = import_graph(file, options);
        read_metadata(file.model, model);
        return model;
    } catch (const Error& error) {
        fail("cannot read \"{}\": {}", name, error.what());
    }
}

}  // namespace eigenbit::internal
