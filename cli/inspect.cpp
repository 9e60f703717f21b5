#include "api/compression.h"
#include "api/model_file.h"
#include "cli/execution.h"
#include "cli/verbs.h"
#include "engine/graph/layer_view.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/passes/quantizer_candidates.h"
#include "engine/program/program.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit inspect resnet20.onnx
  eigenbit inspect dncnn.onnx --size 256        for networks that take images of any size
  eigenbit inspect packed.ebit --json layers.json)";

struct InspectOptions {
    ModelSource model;
};

/// How a layer's integers are spread.
struct Packing {
    int lowest_bit_depth = 0;
    int highest_bit_depth = 0;
    std::int64_t weights = 0;
    std::int64_t bytes = 0;     ///< in the file, of the levels and what describes them
    std::int64_t channels = 0;  ///< along the axis that the blocks cut
    std::int64_t zero_channels = 0;

    double rate() const { return 8.0 * static_cast<double>(bytes) / static_cast<double>(weights); }
};

/// One node that has parameters, or multiplies by weights that others compute from theirs.
struct LayerRow {
    std::string name;
    std::string type;
    bool is_layer = false;  ///< convolution or fully-connected
    Results attributes;
    std::string weight{};  ///< shape
    std::string output;    ///< shape for one image
    std::int64_t parameters = 0;
    std::int64_t multiply_accumulates = 0;
    std::optional<int> input_bit_depth{};  ///< of a rounded input
    std::optional<Packing> packing{};
};

/// Collects attributes by name.
class AttributeResults {
  public:
    explicit AttributeResults(Results& results) : results_(results) {}

    void operator()(std::string_view name, const auto& value) { results_[std::string(name)] = value; }
    template <typename Item>
    requires requires { &Item::template fields<const Item&, AttributeResults&>; }
    void operator()(std::string_view name, const std::vector<Item>& items) {
        Results& list = results_[std::string(name)] = Results::array();
        for (const Item& item : items) item.fields(item, AttributeResults(list.emplace_back(Results::object())));
    }
    template <typename Enum>
    void operator()(std::string_view name, Enum value, std::span<const std::string_view> names) {
        results_[std::string(name)] = names[static_cast<std::size_t>(value)];
    }

  private:
    Results& results_;
};

Results attributes_of(const Operator& op) {
    Results results = Results::object();
    visit_fields(op, AttributeResults(results));
    return results;
}

/// Channels along the axis that blocks cut whose values are all zero.
std::int64_t count_zero_channels(const Quantized& weight) {
    const Tensor values = image(weight);
    const std::int64_t channels = weight.shape[weight.axis];
    const std::int64_t inner = weight.shape.elements(weight.axis + 1, weight.shape.rank());
    std::vector<bool> zero(static_cast<std::size_t>(channels), true);
    for (std::int64_t i = 0; i < values.elements(); ++i) {
        if (values[i] != 0.0F) zero[static_cast<std::size_t>(i / inner % channels)] = false;
    }
    return std::ranges::count(zero, true);
}

/// Of a quantized weight, or of a product: depths and channels are its kernel's, bytes those of all of its factors over
/// the weights that it stands for.
Packing packing_of(const Weight& weight, const SizeLedger::Layer* sizes) {
    const Quantized& kernel = *quantized_factors(weight).front();
    const auto [lowest, highest] = std::ranges::minmax(kernel.blocks, {}, &QuantizedBlock::bit_depth);
    Packing packing{.lowest_bit_depth = lowest.bit_depth,
                    .highest_bit_depth = highest.bit_depth,
                    .weights = weight.elements(),
                    .channels = kernel.shape[kernel.axis],
                    .zero_channels = count_zero_channels(kernel)};
    if (sizes != nullptr) packing.bytes = sizes->weight_bytes();
    return packing;
}

/// For an input: what depends on parameters alone is computed once.
std::int64_t macs_per_input(const Graph& graph, const Node& node, std::span<const Shape> shapes) {
    const bool once = std::ranges::all_of(node.inputs, [&](ValueId input) { return graph.is_parameter(input); });
    return once ? 0 : multiply_accumulates(node, shapes);
}

std::vector<LayerRow> layer_rows(const Graph& graph, const std::vector<Shape>& shapes, const SizeLedger& sizes) {
    std::vector<LayerRow> rows;
    for (const Node& node : graph.nodes()) {
        LayerRow row{.name = node.name,
                     .type = std::string(type_name(node.op)),
                     .is_layer = is_layer(node.op),
                     .attributes = attributes_of(node.op),
                     .output = to_string(shapes[static_cast<std::size_t>(node.outputs.front())]),
                     .multiply_accumulates = macs_per_input(graph, node, shapes)};
        const auto quantizer = graph.activations().find(node.inputs.front());
        if (quantizer != graph.activations().end()) row.input_bit_depth = quantizer->second.bit_depth;
        const auto charged = std::ranges::find(sizes.layers(), node.name, &SizeLedger::Layer::name);
        for (const ValueId input : node.inputs) {
            if (!graph.is_parameter(input)) continue;
            const Weight& weight = graph.parameter(input);
            if (row.weight.empty()) row.weight = to_string(weight.shape());
            row.parameters += weight.elements();
            if (weight.is_float()) continue;
            row.packing = packing_of(weight, charged == sizes.layers().end() ? nullptr : &*charged);
        }
        if (row.weight.empty() && row.multiply_accumulates > 0) {
            row.weight = to_string(shapes[static_cast<std::size_t>(node.inputs[1])]);
        }
        if (!row.weight.empty()) rows.push_back(std::move(row));
    }
    return rows;
}

void print_table(const std::vector<LayerRow>& rows) {
    std::size_t widest = 5;
    for (const LayerRow& row : rows) widest = std::max(widest, row.name.size());
    const bool packed = std::ranges::any_of(rows, [](const LayerRow& row) { return row.packing.has_value(); });
    const bool rounded = std::ranges::any_of(rows, [](const LayerRow& row) { return row.input_bit_depth.has_value(); });
    fmt::print("{:<{}}  {:<18}  {:<18}  {:<20}  {:>10}  {:>13}{}{}\n", "layer", widest, "operator", "weight", "output",
               "parameters", "MACs", rounded ? "  input bits" : "",
               packed ? "  bit-depths  bits/weight  zero channels" : "");
    for (const LayerRow& row : rows) {
        fmt::print("{:<{}}  {:<18}  {:<18}  {:<20}  {:>10}  {:>13}", row.name, widest, row.type, row.weight, row.output,
                   row.parameters, row.multiply_accumulates);
        if (rounded) {
            const std::string_view otherwise = row.is_layer ? "float" : "";
            fmt::print("  {:>10}", row.input_bit_depth ? std::to_string(*row.input_bit_depth) : otherwise);
        }
        if (row.packing) {
            fmt::print("  {:>4} to {:<2}  {:>11.2f}  {:>4} of {}", row.packing->lowest_bit_depth,
                       row.packing->highest_bit_depth, row.packing->rate(), row.packing->zero_channels,
                       row.packing->channels);
        }
        fmt::print("\n");
    }
}

Results as_results(const LayerRow& row) {
    Results layer{{"name", row.name},
                  {"operator", row.type},
                  {"attributes", row.attributes},
                  {"weight", row.weight},
                  {"output", row.output},
                  {"parameters", row.parameters},
                  {"multiply_accumulates", row.multiply_accumulates}};
    if (row.input_bit_depth) layer["input_bit_depth"] = *row.input_bit_depth;
    if (row.packing) {
        layer["lowest_bit_depth"] = row.packing->lowest_bit_depth;
        layer["highest_bit_depth"] = row.packing->highest_bit_depth;
        layer["weights"] = row.packing->weights;
        layer["rate_bits_per_weight"] = row.packing->rate();
        layer["channels"] = row.packing->channels;
        layer["zero_channels"] = row.packing->zero_channels;
    }
    return layer;
}

std::string describe(const Preprocessing& preprocessing) {
    std::string text = fmt::format("{}, mean {:.4g}, std {:.4g}",
                                   preprocessing.channels == 1                        ? "grey"
                                   : preprocessing.channel_order == ChannelOrder::rgb ? "RGB"
                                                                                      : "BGR",
                                   fmt::join(preprocessing.mean, " "), fmt::join(preprocessing.std, " "));
    if (preprocessing.resize > 0) text += fmt::format(", shorter side resized to {}", preprocessing.resize);
    constexpr std::array kWays{"centre {}x{} cropped", "resized to cover {}x{}, centre cropped", "stretched to {}x{}",
                               "put into {}x{} with bars of the mean colour"};  // by Fit
    if (preprocessing.height > 0) {
        text += ", "
                + fmt::format(fmt::runtime(kWays[static_cast<std::size_t>(preprocessing.fit)]), preprocessing.height,
                              preprocessing.width);
    }
    return text;
}

/// What the bytes of a packed file are spent on.
void report_sizes(const SizeLedger& sizes, Results& results) {
    fmt::print("bytes:");
    for (std::size_t i = 0; i < kSizeCategories; ++i) {
        const auto category = static_cast<SizeCategory>(i);
        const std::int64_t bytes = sizes.total(category);
        fmt::print("{} {} {}", i > 0 ? "," : "", to_string(category), bytes);
        results["bytes"][std::string(to_string(category))] = bytes;
    }
    fmt::print("\n");
}

/// What the weights of the network's layers take in memory where it runs in int8.
void report_memory(const Graph& graph, std::span<const Shape> inputs, Results& results) {
    Graph prepared = graph;
    prepare_for_inference(prepared);
    const std::shared_ptr<const Program> program = compile(prepared, inputs, Execution::int8);
    std::int64_t weights = 0;
    for (const Step& step : program->steps()) weights += step.weights;
    const double bits = 8.0 * static_cast<double>(program->weight_bytes()) / static_cast<double>(weights);
    fmt::print("{} bytes of weights in memory in int8, {:.2f} bits for each of {}\n", program->weight_bytes(), bits,
               weights);
    results["memory_weight_bytes"] = program->weight_bytes();
    results["memory_bits_per_weight"] = bits;
}

/// The rate that compression left in the model's notes: it is counted over the weights of the original layers.
void report_rate(const Model& model, Results& results) {
    const auto note = model.metadata.find(std::string(kRateNote));
    if (note == model.metadata.end()) return;
    const double rate = std::strtod(note->second.c_str(), nullptr);
    fmt::print("{:.3f} bits for each weight of the original layers, compression ratio {:.1f}\n", rate, 32.0 / rate);
    results["rate_bits_per_weight"] = rate;
    results["compression_ratio"] = 32.0 / rate;
}

/// "an input (1, 32, 32, 3)", or "inputs left (1, 4), right (1, 4)".
std::string describe_inputs(const Graph& graph, std::span<const Shape> shapes) {
    if (shapes.size() == 1) return "an input " + to_string(shapes.front());
    std::string text = "inputs ";
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        text += fmt::format("{}{} {}", i > 0 ? ", " : "", graph.name(graph.inputs()[i].value), to_string(shapes[i]));
    }
    return text;
}

Results inspect_model(const InspectOptions& options) {
    const ModelFile file = load_model_file(options.model);
    const Model& model = file.model;
    const std::vector<Shape> inputs = input_shapes(model.graph, 1, options.model.size);
    const std::vector<LayerRow> rows = layer_rows(model.graph, infer_shapes(model.graph, inputs), file.sizes);
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
    fmt::print("\n{} parameters, {} multiply-accumulates for {}, {} bytes in the file\n", parameters, products,
               describe_inputs(model.graph, inputs), file_bytes);
    if (const std::int64_t batch = model.graph.inputs().front().shape[0]; batch != 0) {
        fmt::print("takes batches of {} only\n", batch);
        results["batch"] = batch;
    }
    results["parameters"] = parameters;
    results["multiply_accumulates"] = products;
    results["file_bytes"] = file_bytes;
    report_rate(model, results);
    if (!model.graph.activations().empty()) report_float_layers(model.graph, results);
    if (runs_in_int8(model.graph)) report_memory(model.graph, inputs, results);
    if (!file.sizes.layers().empty()) report_sizes(file.sizes, results);
    if (model.preprocessing) fmt::print("preprocessing: {}\n", describe(*model.preprocessing));
    if (!model.classes.empty()) fmt::print("classes: {}\n", fmt::join(model.classes, ", "));
    for (const auto& [name, note] : model.metadata) fmt::print("{}: {}\n", name, note);
    return results;
}

}  // namespace

Verb inspect_verb(CLI::App& command) {
    const auto options = std::make_shared<InspectOptions>();
    CLI::App* const app = add_verb(command, "inspect", "Show a network's layers, sizes and bit-depths", kExamples);
    add_model_options(*app, options->model);
    add_size_option(*app, options->model);
    const auto files = [options] { return Files{.inputs = {options->model.path}}; };
    return {app, files, [options](const RunOptions&, Results& results) { results = inspect_model(*options); }};
}

}  // namespace eigenbit::internal
