#include "cli/model_file.h"
#include "cli/verbs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace eigenbit {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit inspect resnet20.onnx
  eigenbit inspect dncnn.onnx --size 256        for networks that take images of any size
  eigenbit inspect packed.ebit --json layers.json)";

struct InspectOptions {
    ModelOptions model;
    std::int64_t size = 224;
};

/// How a layer's integers are spread.
struct Packing {
    int lowest_bit_depth = 0;
    int highest_bit_depth = 0;
    std::int64_t bits = 0;
    std::int64_t zero_slices = 0;  ///< channels along the quantized axis that are all zero
    std::int64_t slices = 0;
};

/// One node that has parameters.
struct LayerRow {
    std::string name;
    std::string type;
    std::string weight{};  ///< shape
    std::string output;    ///< shape for one image
    std::int64_t parameters = 0;
    std::int64_t multiply_accumulates = 0;
    std::int64_t quantized_weights = 0;
    std::optional<Packing> packing{};
};

Packing packing_of(const Parameter& parameter) {
    const Quantization& quantization = *parameter.quantization;
    const std::int64_t slices = parameter.values.shape()[quantization.axis];
    const std::int64_t slice_elements = parameter.values.elements() / std::max<std::int64_t>(slices, 1);
    Packing packing{.lowest_bit_depth = 32, .slices = slices};
    for (const QuantizedBlock& block : quantization.blocks) {
        packing.lowest_bit_depth = std::min(packing.lowest_bit_depth, block.bit_depth);
        packing.highest_bit_depth = std::max(packing.highest_bit_depth, block.bit_depth);
        packing.bits += (block.end - block.begin) * slice_elements * block.bit_depth;
        if (block.bit_depth == 0) packing.zero_slices += block.end - block.begin;
    }
    return packing;
}

std::vector<LayerRow> layer_rows(const Graph& graph, const std::vector<Shape>& shapes) {
    std::vector<LayerRow> rows;
    for (const Node& node : graph.nodes()) {
        LayerRow row{.name = node.name,
                     .type = std::string(type_name(node.op)),
                     .output = to_string(shapes[static_cast<std::size_t>(node.outputs.front())]),
                     .multiply_accumulates = multiply_accumulates(node, shapes)};
        for (const ValueId input : node.inputs) {
            if (!graph.is_parameter(input)) continue;
            const Parameter& parameter = graph.parameter(input);
            if (row.weight.empty()) row.weight = to_string(parameter.values.shape());
            row.parameters += parameter.values.elements();
            if (!parameter.quantization) continue;
            row.packing = packing_of(parameter);
            row.quantized_weights = parameter.values.elements();
        }
        if (row.parameters > 0) rows.push_back(std::move(row));
    }
    return rows;
}

double rate(const LayerRow& row) {
    return static_cast<double>(row.packing->bits) / static_cast<double>(row.quantized_weights);
}

void print_table(const std::vector<LayerRow>& rows) {
    std::size_t widest = 5;
    for (const LayerRow& row : rows) widest = std::max(widest, row.name.size());
    const bool packed = std::ranges::any_of(rows, [](const LayerRow& row) { return row.packing.has_value(); });
    fmt::print("{:<{}}  {:<18}  {:<18}  {:<20}  {:>10}  {:>13}{}\n", "layer", widest, "operator", "weight", "output",
               "parameters", "MACs", packed ? "  bit-depths   rate  zero rows" : "");
    for (const LayerRow& row : rows) {
        fmt::print("{:<{}}  {:<18}  {:<18}  {:<20}  {:>10}  {:>13}", row.name, widest, row.type, row.weight, row.output,
                   row.parameters, row.multiply_accumulates);
        if (row.packing) {
            fmt::print("  {:>4} to {:<2}  {:>5.2f}  {:>4} of {}", row.packing->lowest_bit_depth,
                       row.packing->highest_bit_depth, rate(row), row.packing->zero_slices, row.packing->slices);
        }
        fmt::print("\n");
    }
}

Results as_results(const LayerRow& row) {
    Results layer{
        {"name", row.name},     {"operator", row.type},         {"weight", row.weight},
        {"output", row.output}, {"parameters", row.parameters}, {"multiply_accumulates", row.multiply_accumulates}};
    if (row.packing) {
        layer["lowest_bit_depth"] = row.packing->lowest_bit_depth;
        layer["highest_bit_depth"] = row.packing->highest_bit_depth;
        layer["rate_bits_per_weight"] = rate(row);
        layer["zero_rows"] = row.packing->zero_slices;
    }
    return layer;
}

/// The shape of one image; what the network leaves open is `size` pixels.
Shape one_image(const Graph& graph, std::int64_t size) {
    Shape shape = graph.inputs().front().shape;
    shape[0] = 1;
    for (int axis = 1; axis < shape.rank(); ++axis) {
        if (shape[axis] == 0) shape[axis] = size;
    }
    return shape;
}

std::string describe(const Preprocessing& preprocessing) {
    std::string text = fmt::format("{}, mean {:.4g}, std {:.4g}",
                                   preprocessing.channels == 1                        ? "grey"
                                   : preprocessing.channel_order == ChannelOrder::rgb ? "RGB"
                                                                                      : "BGR",
                                   fmt::join(preprocessing.mean, " "), fmt::join(preprocessing.std, " "));
    if (preprocessing.resize > 0) text += fmt::format(", shorter side resized to {}", preprocessing.resize);
    if (preprocessing.height > 0)
        text += fmt::format(", centre {}x{} cropped", preprocessing.height, preprocessing.width);
    return text;
}

Results inspect_model(const InspectOptions& options) {
    const Model model = load_model(options.model);
    const Shape input = one_image(model.graph, options.size);
    const std::vector<LayerRow> rows = layer_rows(model.graph, infer_shapes(model.graph, std::span(&input, 1)));
    print_table(rows);

    Results results;
    std::int64_t parameters = 0;
    std::int64_t products = 0;
    for (const LayerRow& row : rows) {
        parameters += row.parameters;
        products += row.multiply_accumulates;
        results["layers"].push_back(as_results(row));
    }
    const auto file_bytes = std::filesystem::file_size(options.model.path);
    fmt::print("\n{} parameters, {} multiply-accumulates for an input {}, {} bytes in the file\n", parameters, products,
               to_string(input), file_bytes);
    if (model.preprocessing) fmt::print("preprocessing: {}\n", describe(*model.preprocessing));
    if (!model.classes.empty()) fmt::print("classes: {}\n", fmt::join(model.classes, ", "));
    results["parameters"] = parameters;
    results["multiply_accumulates"] = products;
    results["file_bytes"] = file_bytes;
    return results;
}

}  // namespace

Verb inspect_verb(CLI::App& command) {
    const auto options = std::make_shared<InspectOptions>();
    CLI::App* const app = command.add_subcommand("inspect", "Show a network's layers, sizes and bit-depths");
    app->footer(std::string(kExamples));
    add_model_options(*app, options->model);
    app->add_option("--size", options->size, "Pixels of each side, where the network leaves them open")
        ->type_name("N")
        ->check(CLI::Range(1, 65536))
        ->capture_default_str();
    return {app, [options](const RunOptions&) { return inspect_model(*options); }};
}

}  // namespace eigenbit
