#include "engine/formats/onnx/import/inputs.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/fold/arithmetic.h"
#include "engine/formats/onnx/functions.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/node.h"
#include "engine/formats/onnx/shapes.h"

#include <algorithm>
#include <array>
#include <optional>

namespace eigenbit::internal {
namespace {

using Values = std::set<std::string, std::less<>>;

/// Operators that do the same to all elements, whatever the order of their axes.
bool treats_elements_alike(const onnx::NodeProto& node) {
    static const Values kTypes{"Abs", "Add", "Cast", "Clip", "Div",  "Identity", "Max",  "Min",
                               "Mul", "Neg", "Pad",  "Pow",  "Relu", "Shape",    "Sqrt", "Sub"};
    return kTypes.contains(node.op_type()) && (node.domain().empty() || node.domain() == "ai.onnx");
}

/// The target of a Reshape, where it is written in the file.
std::optional<std::vector<std::int64_t>> reshape_target(const OnnxFile& file, const onnx::NodeProto& node) {
    if (node.op_type() != "Reshape" || node.input_size() != 2) return std::nullopt;
    const auto initializer = file.initializers.find(node.input(1));
    if (initializer != file.initializers.end() && initializer->second->is_integer()) {
        return initializer->second->integers();
    }
    const auto made = std::ranges::find_if(file.nodes, [&](const onnx::NodeProto* other) {
        return other->op_type() == "Constant" && other->output_size() > 0 && other->output(0) == node.input(1);
    });
    if (made == file.nodes.end()) return std::nullopt;
    const auto* value = OnnxNode{**made, file.opset, {}}.find_attribute("value");
    if (value == nullptr || !value->has_t() || value->t().data_type() != onnx::TensorProto::INT64) return std::nullopt;
    return read_constant(value->t()).integers();
}

/// Whether a node takes images from NHWC to NCHW: by a transpose or, of one channel, by a reshape.
bool reorders(const OnnxFile& file, const Declared& declared, const onnx::NodeProto& node) {
    if (has_permutation(node, {0, 3, 1, 2})) return true;
    const auto target = reshape_target(file, node);
    const std::vector<std::int64_t>& from = declared.extents;
    return from[3] == 1 && from[1] > 1 && from[2] > 1 && target && target->size() == 4 && (*target)[1] == 1
           && (*target)[2] == from[1] && (*target)[3] == from[2];
}

/// Finds out whether the file keeps an input as NHWC.
void find_channels_last(const OnnxFile& file, const Values& constants, Declared& declared) {
    if (declared.extents.size() != 4 || declared.extents[3] == 0) return;
    Values values{declared.name};
    std::set<const onnx::NodeProto*> reordering;
    for (const onnx::NodeProto* node : file.nodes) {
        const std::vector<std::string> read = values_read(*node);
        if (std::ranges::none_of(read, [&](const std::string& value) { return values.contains(value); })) continue;
        if (reorders(file, declared, *node)) {
            reordering.insert(node);
            continue;
        }
        const auto fits = [&](const std::string& value) {
            return value.empty() || values.contains(value) || constants.contains(value);
        };
        if (!treats_elements_alike(*node) || node->output_size() != 1 || !std::ranges::all_of(read, fits)) return;
        if (node->op_type() != "Shape") values.insert(node->output(0));
    }
    const auto is_channels_last = [&](const auto& output) { return values.contains(output.name()); };
    if (reordering.empty() || std::ranges::any_of(file.model.graph().output(), is_channels_last)) return;
    declared.channels_last = std::move(values);
    declared.reorders = std::move(reordering);
}

/// Integers are reals to us where nothing reads them but a cast.
bool holds_reals(const OnnxFile& file, const std::string& input, std::int64_t element_type) {
    if (is_real(element_type)) return true;
    if (element_type == onnx::TensorProto::STRING || element_type == onnx::TensorProto::BOOL) return false;
    const auto is_cast = [&](const onnx::NodeProto* node) {
        return !std::ranges::count(values_read(*node), input) || node->op_type() == "Cast"
               || node->op_type() == "Shape";
    };
    return std::ranges::all_of(file.nodes, is_cast);
}

Declared read_declared(const OnnxFile& file, const Values& constants, const onnx::ValueInfoProto& input) {
    const auto& type = input.type().tensor_type();
    if (!type.has_shape()) fail("input '{}' has no shape", input.name());
    if (!holds_reals(file, input.name(), type.elem_type())) {
        fail("input '{}' has the element type {}, reals were expected", input.name(),
             element_type_name(type.elem_type()));
    }
    Declared declared{input.name(), {}};
    for (const auto& dimension : type.shape().dim()) {
        if (dimension.has_dim_value() && dimension.dim_value() < -1) {
            fail("input '{}' has the dimension {}", input.name(), dimension.dim_value());
        }
        declared.extents.push_back(std::max<std::int64_t>(dimension.dim_value(), 0));
    }
    if (declared.extents.empty()) fail("input '{}' is a single number", input.name());
    find_channels_last(file, constants, declared);
    return declared;
}

}  // namespace

int Declared::open_height() const {
    const std::size_t axis = channels_last.empty() ? 2 : 1;
    return extents.size() == 4 && extents[axis] == 0 ? static_cast<int>(axis) : -1;
}

int Declared::open_width() const {
    const std::size_t rank = extents.size();
    const std::size_t axis = rank == 4 && !channels_last.empty() ? 2 : rank - 1;
    return 2 <= rank && rank <= 4 && extents[axis] == 0 ? static_cast<int>(axis) : -1;
}

std::vector<Declared> read_declared(const OnnxFile& file, const Values& constants) {
    std::vector<Declared> inputs;
    for (const auto* input : file.inputs) inputs.push_back(read_declared(file, constants, *input));
    if (inputs.empty()) fail("the network has no input");
    const std::int64_t batch = inputs.front().extents[0];
    for (Declared& input : inputs) input.is_batch = input.extents[0] == 0 || input.extents[0] == batch;
    return inputs;
}

Shape shape_at(const Declared& declared, const Probe& probe) {
    std::vector<std::int64_t> extents = declared.extents;
    if (declared.is_batch) extents[0] = probe.batch;
    if (declared.open_height() >= 0) extents[static_cast<std::size_t>(declared.open_height())] = probe.height;
    if (declared.open_width() >= 0) extents[static_cast<std::size_t>(declared.open_width())] = probe.width;
    const auto open = std::ranges::find(extents, 0);
    if (open != extents.end()) {
        fail("input '{}' leaves dimension {} open, which is neither the batch nor the image size", declared.name,
             open - extents.begin());
    }
    const Shape shape(extents);
    return declared.channels_last.empty() ? to_our_order(shape) : shape;
}

Constant reordered_constant(const Constant& channels_last) {
    const Shape shape = with_leading_ones(channels_last.shape, 4);
    if (shape.rank() > 4) fail("a constant has shape {}, at most 4 dimensions were expected", to_string(shape));
    const Strides strides = dense_strides(shape);
    Strides reordered{};
    for (std::size_t axis = 0; axis < 4; ++axis) {
        reordered[axis] = strides[static_cast<std::size_t>(kOurAxis[axis])];
    }
    return strided({shape, channels_last.values}, permuted(shape, kOurAxis), 0, reordered);
}

std::vector<std::int64_t> reordered_pads(std::span<const std::int64_t> channels_last) {
    if (channels_last.size() != 8) fail("'pads' has {} values, 8 were expected", channels_last.size());
    std::vector<std::int64_t> pads(8);
    for (std::size_t axis = 0; axis < 4; ++axis) {
        pads[axis] = channels_last[static_cast<std::size_t>(kOurAxis[axis])];
        pads[axis + 4] = channels_last[static_cast<std::size_t>(kOurAxis[axis]) + 4];
    }
    return pads;
}

bool has_permutation(const onnx::NodeProto& node, std::array<std::int64_t, 4> permutation) {
    const auto given = OnnxNode{node, 0, {}}.integers("perm");
    return node.op_type() == "Transpose" && given && std::ranges::equal(*given, permutation);
}

}  // namespace eigenbit::internal
