#include "engine/formats/onnx/export/export.h"

#include "engine/base/error.h"
#include "engine/base/warning.h"
#include "engine/formats/file.h"
#include "engine/formats/onnx/export/weights.h"
#include "engine/formats/onnx/file.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/metadata.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/ops/channel_gain.h"
#include "engine/passes/expand_products.h"
#include "engine/passes/simulate_int8.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace eigenbit::internal {
namespace {

/// The file format that came with an opset.
constexpr std::int64_t ir_version(int opset) { return opset >= 21 ? 10 : 7; }

// Batch, height and width assumed for inputs that leave them open; the second for networks that halve images several
// times and take no odd sizes.
using Probes = std::array<std::array<std::int64_t, 3>, 2>;
constexpr Probes kOddProbes{{{2, 224, 224}, {3, 261, 265}}};
constexpr Probes kEvenProbes{{{2, 256, 256}, {3, 384, 640}}};

std::vector<int> identity(int rank) {
    std::vector<int> result(static_cast<std::size_t>(rank));
    std::iota(result.begin(), result.end(), 0);
    return result;
}

std::vector<int> inverse(std::span<const int> permutation) {
    std::vector<int> result(permutation.size());
    for (std::size_t i = 0; i < permutation.size(); ++i)
        result[static_cast<std::size_t>(permutation[i])] = static_cast<int>(i);
    return result;
}

std::vector<int> onnx_order(int rank) {
    return rank == 4 ? std::vector<int>(kOurAxis.begin(), kOurAxis.end()) : identity(rank);
}

std::vector<ProbedShapes> shapes_at(const Graph& graph, const Probes& probes) {
    std::vector<ProbedShapes> result(graph.value_count());
    for (const auto& extents : probes) {
        std::vector<Shape> inputs;
        for (const Graph::Input& input : graph.inputs()) {
            Shape shape = input.shape;
            for (int axis = 0; axis < shape.rank(); ++axis) {
                if (shape[axis] == 0) shape[axis] = extents[static_cast<std::size_t>(std::min(axis, 2))];
            }
            inputs.push_back(shape);
        }
        const std::vector<Shape> shapes = infer_shapes(graph, inputs);
        for (std::size_t value = 0; value < shapes.size(); ++value) result[value].push_back(shapes[value]);
    }
    return result;
}

std::vector<ProbedShapes> probe(const Graph& graph) {
    try {
        return shapes_at(graph, kOddProbes);
    } catch (const Error&) {
        return shapes_at(graph, kEvenProbes);
    }
}

onnx::AttributeProto& add_attribute(onnx::NodeProto& node, std::string_view name,
                                    onnx::AttributeProto::AttributeType type) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(std::string(name));
    attribute.set_type(type);
    return attribute;
}

}  // namespace

OnnxExport::OnnxExport(const Graph& graph, onnx::GraphProto& file, const OnnxWriteOptions& options)
    : graph_(graph), file_(file), options_(options), shapes_(probe(graph)) {}

std::string OnnxExport::new_name(std::string_view name) {
    std::string result(name.empty() ? "value" : name);
    const std::string wanted = result;
    for (int number = 2; !names_.insert(result).second; ++number) result = fmt::format("{}_{}", wanted, number);
    return result;
}

onnx::NodeProto& OnnxExport::add_node(std::string_view type, std::string_view name, std::vector<std::string> inputs) {
    onnx::NodeProto& node = *file_.add_node();
    node.set_op_type(std::string(type));
    node.set_name(new_name(name));
    for (std::string& input : inputs) node.add_input(std::move(input));
    node.add_output(node.name());
    return node;
}

std::string OnnxExport::add_constant(std::string_view name, ConstView values) {
    onnx::TensorProto& tensor = *file_.add_initializer();
    tensor.set_name(new_name(name));
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : values.shape) tensor.add_dims(extent);
    tensor.set_raw_data(values.data, values.values().size_bytes());
    return tensor.name();
}

std::string OnnxExport::add_constant(std::string_view name, std::span<const std::int64_t> values) {
    onnx::TensorProto& tensor = *file_.add_initializer();
    tensor.set_name(new_name(name));
    tensor.set_data_type(onnx::TensorProto::INT64);
    tensor.add_dims(static_cast<std::int64_t>(values.size()));
    tensor.set_raw_data(values.data(), values.size_bytes());
    return tensor.name();
}

std::string OnnxExport::add_levels(std::string_view name, onnx::TensorProto::DataType type, const Shape& shape,
                                   std::span<const std::int16_t> levels) {
    onnx::TensorProto& tensor = *file_.add_initializer();
    tensor.set_name(new_name(name));
    tensor.set_data_type(type);
    for (const std::int64_t extent : shape) tensor.add_dims(extent);
    const auto set_raw = [&]<typename Element>(Element) {
        const std::vector<Element> elements(levels.begin(), levels.end());
        tensor.set_raw_data(elements.data(), elements.size() * sizeof(Element));
    };
    switch (type) {
    case onnx::TensorProto::INT8:
        set_raw(std::int8_t{});
        break;
    case onnx::TensorProto::INT16:
        set_raw(std::int16_t{});
        break;
    case onnx::TensorProto::UINT8:
        set_raw(std::uint8_t{});
        break;
    default: {  // 4 bits, the first of two levels in the lower half
        std::string bytes((levels.size() + 1) / 2, '\0');
        for (std::size_t i = 0; i < levels.size(); ++i) {
            bytes[i / 2] = static_cast<char>(bytes[i / 2] | (levels[i] & 15) << (4 * (i % 2)));
        }
        tensor.set_raw_data(bytes);
    }
    }
    return tensor.name();
}

std::string OnnxExport::add_zero_point(std::string_view name, onnx::TensorProto::DataType type, std::int32_t value) {
    onnx::TensorProto& tensor = *file_.add_initializer();
    tensor.set_name(new_name(name));
    tensor.set_data_type(type);
    tensor.add_int32_data(value);
    return tensor.name();
}

void OnnxExport::add_rounding(ValueId value) {
    const auto found = graph_.activations().find(value);
    if (found == graph_.activations().end()) return;
    const ActivationQuantizer& quantizer = found->second;
    const bool is_byte = quantizer.bit_depth <= 8;
    const int type_depth = is_byte ? 8 : 16;
    const bool has_type = is_byte || opset() >= 21;
    const std::string& name = graph_.name(value);
    const auto number = [&](std::string_view suffix, float constant) {
        return add_constant(name + std::string(suffix), Tensor(Shape{}, std::array{constant}));
    };
    Location& location = locations_.at(value);
    const auto apply = [&](std::string_view type, std::string_view suffix, std::vector<std::string> more) {
        more.insert(more.begin(), location.base);
        location.base = add_node(type, name + std::string(suffix), std::move(more)).output(0);
    };
    if (quantizer.bit_depth < type_depth || !has_type) {
        const std::string low = number(".min", quantizer.lowest());
        apply("Clip", "/clipped", {low, number(".max", quantizer.highest())});
    }
    const std::string step = number(".step", quantizer.step);
    if (!has_type) {
        apply("Div", "/in_steps", {step});
        apply("Round", "/levels", {});
        return apply("Mul", "/rounded", {step});
    }
    const std::string zero_point = add_zero_point(
        name + ".zero_point", is_byte ? onnx::TensorProto::UINT8 : onnx::TensorProto::UINT16, quantizer.zero_point);
    apply("QuantizeLinear", "/levels", {step, zero_point});
    apply("DequantizeLinear", "/rounded", {step, zero_point});
}

void OnnxExport::define(ValueId value, const std::string& name, std::span<const int> permutation) {
    locations_[value] = {name, inverse(permutation)};
}

void OnnxExport::define_in_onnx_order(ValueId value, const std::string& name) {
    define(value, name, onnx_order(rank(value)));
}

void OnnxExport::define_in_our_order(ValueId value, const std::string& name) {
    define(value, name, identity(rank(value)));
}

void OnnxExport::define_transposed(ValueId value, ValueId source, std::span<const int> permutation) {
    const Location& location = locate(source);
    locations_[value] = {location.base, composed(location.to_ours, permutation)};
}

const OnnxExport::Location& OnnxExport::locate(ValueId value) {
    const auto found = locations_.find(value);
    if (found != locations_.end()) return found->second;
    define_in_onnx_order(value, add_weight(value, std::nullopt));
    return locations_.at(value);
}

std::string OnnxExport::add_weight(ValueId value, const std::optional<Tensor>& gain) {
    const Weight& weight = graph_.parameter(value);
    if (!weight.is_float() && !options_.flat) return add_quantized_weight(*this, graph_.name(value), weight, gain);
    const Tensor values = image(weight);
    return add_constant(graph_.name(value), to_onnx_order(gain ? with_gain(values, *gain) : values));
}

std::string OnnxExport::layer_weight(const Node& layer) {
    const ValueId weight = input_of(layer, InputRole::weight).value();
    if (!graph_.is_parameter(weight)) return in_onnx_order(weight);
    const std::optional<ValueId> gain = input_of(layer, InputRole::gain);
    const std::string name = gain ? add_weight(weight, graph_.parameter(*gain).values()) : in_onnx_order(weight);
    const bool is_float = options_.flat || graph_.parameter(weight).is_float();
    return is_float && graph_.activations().contains(layer.inputs[0]) ? add_kept_float(name) : name;
}

std::string OnnxExport::add_kept_float(const std::string& weight) {
    const std::string zero = add_zero_point(weight + ".zero", onnx::TensorProto::INT8, 0);
    const std::string step = add_constant(weight + ".zero.step", Tensor(Shape{}, std::array{1.0F}));
    const std::string none = add_node("DequantizeLinear", weight + "/zero", {zero, step}).output(0);
    return add_node("Add", weight + "/kept", {weight, none}).output(0);
}

std::string OnnxExport::in_order(ValueId value, std::span<const int> permutation) {
    const Location location = locate(value);
    std::vector<int> whole = composed(location.to_ours, permutation);
    if (is_identity(whole)) return location.base;
    const auto [entry, is_new] = transposes_.try_emplace({location.base, whole});
    if (is_new) {
        onnx::NodeProto& node = add_node("Transpose", graph_.name(value) + "/transposed", {location.base});
        set_attribute(node, "perm", std::vector<std::int64_t>(whole.begin(), whole.end()));
        entry->second = node.output(0);
    }
    return entry->second;
}

std::string OnnxExport::in_onnx_order(ValueId value) { return in_order(value, onnx_order(rank(value))); }

std::string OnnxExport::in_our_order(ValueId value) { return in_order(value, identity(rank(value))); }

void OnnxExport::describe(onnx::ValueInfoProto& info, ValueId value) const {
    auto& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    const ProbedShapes onnx = to_onnx_order(shapes(value));
    for (int axis = 0; axis < onnx.front().rank(); ++axis) {
        auto& dimension = *type.mutable_shape()->add_dim();
        const std::int64_t extent = fixed_extent(onnx, axis);
        if (extent != 0) {
            dimension.set_dim_value(extent);
        } else if (axis == 0) {
            dimension.set_dim_param("N");
        }
    }
}

void OnnxExport::add_inputs() {
    for (const Graph::Input& input : graph_.inputs()) {
        onnx::ValueInfoProto& info = *file_.add_input();
        info.set_name(new_name(graph_.name(input.value)));
        describe(info, input.value);
        define_in_onnx_order(input.value, info.name());
        add_rounding(input.value);
    }
}

void OnnxExport::name_output(onnx::ValueInfoProto& output, const std::string& name) {
    const auto has_name = [&](const auto& item) { return item.name() == name; };
    if (std::ranges::any_of(file_.output(), has_name) || std::ranges::any_of(file_.input(), has_name)
        || std::ranges::any_of(file_.initializer(), has_name)) {
        return;
    }
    const std::string inner = new_name(name + "/inner");
    const auto rename = [&](std::string& value) {
        if (value == name) {
            value = inner;
        } else if (value == output.name()) {
            value = name;
        }
    };
    for (onnx::NodeProto& node : *file_.mutable_node()) {
        std::ranges::for_each(*node.mutable_input(), rename);
        std::ranges::for_each(*node.mutable_output(), rename);
    }
    output.set_name(name);
}

void OnnxExport::add_outputs() {
    for (const ValueId output : graph_.outputs()) {
        std::string name = in_onnx_order(output);
        const auto is_name = [&](const auto& info) { return info.name() == name; };
        // Import would take a last transpose for one to NHWC, and leave it out.
        const auto transposes_to_it = [&](const onnx::NodeProto& node) {
            return node.op_type() == "Transpose" && node.output(0) == name;
        };
        if (std::ranges::any_of(file_.node(), transposes_to_it) || std::ranges::any_of(file_.input(), is_name)
            || std::ranges::any_of(file_.output(), is_name) || graph_.is_parameter(output)) {
            name = add_node("Identity", graph_.name(output) + "/output", {name}).output(0);
        }
        onnx::ValueInfoProto& info = *file_.add_output();
        info.set_name(name);
        describe(info, output);
    }
    for (int i = 0; i < file_.output_size(); ++i) {
        name_output(*file_.mutable_output(i), graph_.name(graph_.outputs()[static_cast<std::size_t>(i)]));
    }
}

void set_attribute(onnx::NodeProto& node, std::string_view name, std::int64_t value) {
    add_attribute(node, name, onnx::AttributeProto::INT).set_i(value);
}

void set_attribute(onnx::NodeProto& node, std::string_view name, float value) {
    add_attribute(node, name, onnx::AttributeProto::FLOAT).set_f(value);
}

void set_attribute(onnx::NodeProto& node, std::string_view name, std::string_view value) {
    add_attribute(node, name, onnx::AttributeProto::STRING).set_s(std::string(value));
}

void set_attribute(onnx::NodeProto& node, std::string_view name, std::span<const std::int64_t> values) {
    onnx::AttributeProto& attribute = add_attribute(node, name, onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute.add_ints(value);
}

namespace {

std::span<const std::uint8_t> as_bytes(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Whether there is an ONNX file here whose tensors lie in the file of this name.
bool refers_to(const std::filesystem::path& path, const std::string& file) {
    if (!std::filesystem::is_regular_file(path)) return false;
    const auto lies_there = [&](const onnx::TensorProto& tensor) {
        return std::ranges::any_of(tensor.external_data(), [&](const onnx::StringStringEntryProto& entry) {
            return entry.key() == "location" && entry.value() == file;
        });
    };
    try {
        return std::ranges::any_of(parse_onnx(FileBytes(path).span()).graph().initializer(), lies_there);
    } catch (const Error&) {
        return false;  // no ONNX file
    }
}

/// Where the tensors go that a network's file cannot hold: NAME.data, or NAME.2.data and so on where others have files
/// of these names. That of a network that is to be replaced is replaced with it.
std::filesystem::path place_of_data(const std::filesystem::path& path) {
    for (int number = 1;; ++number) {
        std::filesystem::path place = path;
        place += number == 1 ? ".data" : formatted(".{}.data", number);
        if (!std::filesystem::exists(place) || refers_to(path, place.filename().string())) return place;
    }
}

/// Takes the values of all but small tensors out of the graph, which then says that they lie in a file of this name:
/// the pieces of that file. Tensors begin at multiples of a page, so that they can be mapped.
std::vector<std::string> take_out_data(onnx::GraphProto& graph, const std::string& file) {
    constexpr std::size_t kSmall = 1024;
    constexpr std::size_t kPage = 4096;
    std::vector<std::string> pieces;
    std::size_t offset = 0;
    for (onnx::TensorProto& tensor : *graph.mutable_initializer()) {
        const std::size_t length = tensor.raw_data().size();
        if (length < kSmall) continue;
        const auto add_entry = [&](const char* key, const std::string& value) {
            auto& entry = *tensor.add_external_data();
            entry.set_key(key);
            entry.set_value(value);
        };
        add_entry("location", file);
        add_entry("offset", std::to_string(offset));
        add_entry("length", std::to_string(length));
        tensor.set_data_location(onnx::TensorProto::EXTERNAL);
        pieces.push_back(std::move(*tensor.mutable_raw_data()));
        tensor.clear_raw_data();
        pieces.emplace_back((kPage - length % kPage) % kPage, '\0');
        offset += length + pieces.back().size();
    }
    return pieces;
}

}  // namespace

void write_onnx(const Model& model, const std::filesystem::path& path, const OnnxWriteOptions& options) {
    if (options.opset != 13 && options.opset != 21) {
        fail("cannot write \"{}\": files of opset 13 and 21 are written, none of opset {}", path.string(),
             options.opset);
    }
    onnx::ModelProto file;
    file.set_ir_version(ir_version(options.opset));
    file.set_producer_name("eigenbit");
    file.mutable_graph()->set_name("network");
    write_metadata(model, file);
    try {
        Graph graph = model.graph;
        expand_products(graph);
        round_to_int8(graph);
        OnnxExport network(graph, *file.mutable_graph(), options);
        network.add_inputs();
        for (const Node& node : graph.nodes()) {
            export_node(network, node);
            for (const ValueId output : node.outputs) network.add_rounding(output);
        }
        network.add_outputs();
    } catch (const Error& error) {
        fail("cannot write \"{}\": {}", path.string(), error.what());
    }
    // The opset goes last, as a message of its own (messages of protobuf that follow each other are one), so that a
    // file that was cut off anywhere lacks it.
    onnx::ModelProto last;
    last.add_opset_import()->set_version(options.opset);
    last.mutable_opset_import(0)->set_domain("");
    const auto fits = [&](std::int64_t largest) {
        return file.ByteSizeLong() + last.ByteSizeLong() <= static_cast<std::size_t>(largest);
    };
    const std::filesystem::path data_path = place_of_data(path);
    std::vector<std::string> data;
    if (!fits(options.largest_file)) data = take_out_data(*file.mutable_graph(), data_path.filename().string());
    if (!fits(std::numeric_limits<std::int32_t>::max())) {
        fail(
            "cannot write \"{}\": without its tensors, the network takes more than the 2 GB that an ONNX file can hold",
            path.string());
    }
    const std::string bytes = file.SerializeAsString() + last.SerializeAsString();
    if (data.empty()) return write_text_file(path, bytes);
    NewFile beside{data_path, {}};
    for (const std::string& piece : data) beside.pieces.push_back(as_bytes(piece));
    write_files(std::array{std::move(beside), NewFile{path, {as_bytes(bytes)}}});
    warn("\"{}\" keeps its tensors in \"{}\" beside it, as no ONNX file can hold them: both belong together.",
         path.string(), data_path.string());
}

}  // namespace eigenbit::internal
