#include "cli/verbs.h"
#include "include/eigenbit/inspection.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>

namespace eigenbit::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit inspect resnet20.onnx
  eigenbit inspect dncnn.onnx --size 256        for networks that take images of any size
  eigenbit inspect packed.ebit --json layers.json)";

Results as_results(const std::vector<Attribute>& attributes) {
    Results results = Results::object();
    for (const Attribute& attribute : attributes) {
        results[attribute.name] = std::visit(
            [](const auto& value) {
                if constexpr (!std::is_same_v<std::decay_t<decltype(value)>, std::vector<std::vector<Attribute>>>) {
                    return Results(value);
                } else {
                    Results list = Results::array();
                    for (const std::vector<Attribute>& item : value) list.push_back(as_results(item));
                    return list;
                }
            },
            attribute.value);
    }
    return results;
}

void print_table(const std::vector<LayerInspection>& rows) {
    std::size_t widest = 5;
    for (const LayerInspection& row : rows) widest = std::max(widest, row.name.size());
    const bool packed = std::ranges::any_of(rows, [](const LayerInspection& row) { return row.levels.has_value(); });
    const bool rounded =
        std::ranges::any_of(rows, [](const LayerInspection& row) { return row.input_bits.has_value(); });
    fmt::print("{:<{}}  {:<18}  {:<18}  {:<20}  {:>10}  {:>13}{}{}\n", "layer", widest, "operator", "weight", "output",
               "parameters", "MACs", rounded ? "  input bits" : "",
               packed ? "  bit-depths  bits/weight  zero channels" : "");
    for (const LayerInspection& row : rows) {
        fmt::print("{:<{}}  {:<18}  {:<18}  {:<20}  {:>10}  {:>13}", row.name, widest, row.type, to_string(row.weight),
                   to_string(row.output), row.parameters, row.multiply_accumulates);
        if (rounded) {
            const std::string_view otherwise = row.is_layer ? "float" : "";
            fmt::print("  {:>10}", row.input_bits ? std::to_string(*row.input_bits) : otherwise);
        }
        if (row.levels) {
            fmt::print("  {:>4} to {:<2}  {:>11.2f}  {:>4} of {}", row.levels->lowest_bit_depth,
                       row.levels->highest_bit_depth, row.levels->bits_per_weight(), row.levels->zero_channels,
                       row.levels->channels);
        }
        fmt::print("\n");
    }
}

Results as_results(const LayerInspection& row) {
    Results layer{{"name", row.name},
                  {"operator", row.type},
                  {"attributes", as_results(row.attributes)},
                  {"weight", to_string(row.weight)},
                  {"output", to_string(row.output)},
                  {"parameters", row.parameters},
                  {"multiply_accumulates", row.multiply_accumulates}};
    if (row.input_bits) layer["input_bit_depth"] = *row.input_bits;
    if (row.levels) {
        layer["lowest_bit_depth"] = row.levels->lowest_bit_depth;
        layer["highest_bit_depth"] = row.levels->highest_bit_depth;
        layer["weights"] = row.levels->weights;
        layer["rate_bits_per_weight"] = row.levels->bits_per_weight();
        layer["channels"] = row.levels->channels;
        layer["zero_channels"] = row.levels->zero_channels;
    }
    return layer;
}

/// What the bytes of a packed file are spent on.
void report_sizes(const Inspection& inspection, Results& results) {
    fmt::print("bytes:");
    std::string_view separator;
    for (const auto& [category, bytes] : inspection.bytes) {
        fmt::print("{} {} {}", separator, category, bytes);
        separator = ",";
        results["bytes"][category] = bytes;
    }
    fmt::print("\n");
}

/// What the weights of the network's layers take in memory where it runs in int8.
void report_memory(const WeightMemory& memory, Results& results) {
    fmt::print("{} bytes of weights in memory in int8, {:.2f} bits for each of {}\n", memory.bytes,
               memory.bits_per_weight(), memory.weights);
    results["memory_weight_bytes"] = memory.bytes;
    results["memory_bits_per_weight"] = memory.bits_per_weight();
}

/// The rate that compression left in the model's notes: it is counted over the weights of the original layers.
void report_rate(const std::map<std::string, std::string>& notes, Results& results) {
    const auto note = notes.find("compression.rate_bits_per_weight");
    if (note == notes.end()) return;
    const double rate = std::strtod(note->second.c_str(), nullptr);
    fmt::print("{:.3f} bits for each weight of the original layers, compression ratio {:.1f}\n", rate, 32.0 / rate);
    results["rate_bits_per_weight"] = rate;
    results["compression_ratio"] = 32.0 / rate;
}

/// "an input (1, 32, 32, 3)", or "inputs left (1, 4), right (1, 4)".
std::string describe_inputs(const Model& model, const std::vector<Extents>& shapes) {
    if (shapes.size() == 1) return "an input " + to_string(shapes.front());
    std::string text = "inputs ";
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        text += fmt::format("{}{} {}", i > 0 ? ", " : "", model.input_name(i), to_string(shapes[i]));
    }
    return text;
}

Results inspect_model(const ModelSource& source) {
    const Model model = load(source);
    const Inspection inspection = inspect(model);
    print_table(inspection.layers);

    Results results;
    for (const LayerInspection& row : inspection.layers) results["layers"].push_back(as_results(row));
    const auto file_bytes = std::filesystem::file_size(source.path);
    fmt::print("\n{} parameters, {} multiply-accumulates for {}, {} bytes in the file\n", inspection.parameters,
               inspection.multiply_accumulates, describe_inputs(model, inspection.inputs), file_bytes);
    if (const std::int64_t batch = model.input_shape().front(); batch != 0) {
        fmt::print("takes batches of {} only\n", batch);
        results["batch"] = batch;
    }
    results["parameters"] = inspection.parameters;
    results["multiply_accumulates"] = inspection.multiply_accumulates;
    results["file_bytes"] = file_bytes;
    report_rate(model.notes(), results);
    if (inspection.has_activation_quantizers) report_float_layers(model.float_layers(), results);
    if (inspection.memory) report_memory(*inspection.memory, results);
    if (!inspection.bytes.empty()) report_sizes(inspection, results);
    if (const auto preprocessing = model.preprocessing()) fmt::print("preprocessing: {}\n", describe(*preprocessing));
    if (!model.classes().empty()) fmt::print("classes: {}\n", fmt::join(model.classes(), ", "));
    for (const auto& [name, note] : model.notes()) fmt::print("{}: {}\n", name, note);
    return results;
}

}  // namespace

Verb inspect_verb(CLI::App& command) {
    const auto source = std::make_shared<ModelSource>();
    CLI::App* const app = add_verb(command, "inspect", "Show a network's layers, sizes and bit-depths", kExamples);
    add_model_options(*app, *source);
    add_size_option(*app, *source);
    const auto files = [source] { return Files{.inputs = {source->path}}; };
    return {app, files, [source](const RunOptions&, Results& results) { results = inspect_model(*source); }};
}

}  // namespace eigenbit::cli
