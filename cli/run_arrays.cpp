#include "cli/run_arrays.h"

#include "cli/arrays.h"
#include "engine/base/error.h"
#include "engine/executor/graph_executor.h"
#include "engine/formats/arrays/npy.h"
#include "engine/formats/file.h"
#include "engine/ops/transpose.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/passes/simulate_int8.h"
#include "engine/program/inference.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kMostListedValues = 10000;  // of an output in the JSON
constexpr std::int64_t kMostShownValues = 8;

struct NamedArray {
    std::string input;  ///< empty for the only one
    std::filesystem::path file;
};

NamedArray parse(const std::filesystem::path& argument) {
    const std::string text = argument.string();
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || std::filesystem::exists(argument)) return {"", argument};
    return {text.substr(0, equals), text.substr(equals + 1)};
}

/// The outputs for these inputs, in the graph's order.
std::vector<Tensor> outputs_of(Graph graph, NetworkRunner::Mode mode, std::span<const Tensor> inputs) {
    std::vector<Shape> shapes;
    std::vector<ConstView> views;
    for (const Tensor& input : inputs) {
        shapes.push_back(input.shape());
        views.push_back(input);
    }
    std::vector<Tensor> outputs;
    if (mode == NetworkRunner::Mode::simulated) {
        simulate_int8(graph);
        GraphExecutor executor(graph, shapes, {.keep_values = true});
        for (std::size_t i = 0; i < views.size(); ++i) executor.bind(graph.inputs()[i].value, views[i]);
        executor.forward();
        for (const ValueId output : graph.outputs()) outputs.emplace_back(executor.value(output));
        return outputs;
    }
    prepare_for_inference(graph);
    Inference inference(graph, shapes, mode == NetworkRunner::Mode::int8 ? Execution::int8 : Execution::float32);
    inference.run(views);
    for (std::size_t i = 0; i < inference.output_count(); ++i) outputs.emplace_back(inference.output(i));
    return outputs;
}

Tensor channels_first(ConstView images) {
    const Shape& shape = images.shape;
    Tensor result(Shape{shape[0], shape[3], shape[1], shape[2]});
    const Transpose transpose{{0, 3, 1, 2}};
    const View to = result;
    forward(transpose, ForwardArguments{.inputs = {&images, 1}, .outputs = {&to, 1}, .saved = {}});
    return result;
}

void run_once(const Model& model, NetworkRunner::Mode mode, const std::vector<NamedArray>& arrays,
              const std::filesystem::path& folder, Results& results) {
    const Graph& graph = model.graph;
    std::vector<Tensor> inputs;
    bool is_onnx_order = false;
    std::string files;
    for (const Graph::Input& input : graph.inputs()) {
        const auto given = arrays.size() == 1 && arrays.front().input.empty() && graph.inputs().size() == 1
                               ? arrays.begin()
                               : std::ranges::find(arrays, graph.name(input.value), &NamedArray::input);
        if (given == arrays.end()) fail("Input '{0}' is not given: say {0}=FILE.npy.", graph.name(input.value));
        Tensor array = read_npy(given->file);
        const bool lacks_batch = array.shape().rank() + 1 == input.shape.rank();
        Shape shape = array.shape();
        if (lacks_batch) {
            std::vector<std::int64_t> extents{1};
            extents.insert(extents.end(), shape.begin(), shape.end());
            shape = Shape(extents);
        }
        is_onnx_order = is_onnx_order || is_reordered(shape, input);
        inputs.push_back(as_input(std::move(array), graph, input, given->file.string()));
        files += formatted("{}{}", files.empty() ? "" : ", ", given->file.string());
    }
    const std::vector<Tensor> outputs = outputs_of(graph, mode, inputs);
    fmt::print("{}\n", files);
    Results run{{"file", files}};
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        const std::string& name = graph.name(graph.outputs()[i]);
        const bool is_image = outputs[i].shape().rank() == 4 && is_onnx_order;
        const Tensor output = is_image ? channels_first(outputs[i]) : outputs[i];
        if (outputs.size() > 1) fmt::print("  {}\n", name);
        Results shown = print_values(output);
        shown["name"] = name;
        if (!folder.empty()) {
            std::string plain = name;
            std::ranges::replace(plain, '/', '_');
            const std::filesystem::path file =
                folder / formatted("{}.{}.npy", arrays.front().file.stem().string(), plain);
            write_file(file, encode_npy(output));
            fmt::print("  {} written\n", file.string());
            shown["file"] = file.string();
        }
        run["outputs"].push_back(std::move(shown));
    }
    results["runs"].push_back(std::move(run));
}

}  // namespace

bool is_array(const std::filesystem::path& argument) { return argument.extension() == ".npy"; }

std::filesystem::path array_file(const std::filesystem::path& argument) { return parse(argument).file; }

void run_arrays(const Model& model, NetworkRunner::Mode mode, std::span<const std::filesystem::path> arguments,
                const std::filesystem::path& folder, Results& results) {
    std::vector<NamedArray> arrays;
    for (const std::filesystem::path& argument : arguments) {
        if (!is_array(argument)) fail("{} is no .npy file; run takes either such or images.", argument.string());
        arrays.push_back(parse(argument));
    }
    if (model.graph.inputs().size() > 1) return run_once(model, mode, arrays, folder, results);
    for (const NamedArray& array : arrays) run_once(model, mode, {{"", array.file}}, folder, results);
}

Results print_values(ConstView output) {
    const std::span values = output.values();
    const auto [least, greatest] = std::ranges::minmax(values);
    fmt::print("  {}:", to_string(output.shape));
    for (const float value : values.first(static_cast<std::size_t>(std::min(output.elements(), kMostShownValues)))) {
        fmt::print(" {:.6g}", value);
    }
    fmt::print("{}\n",
               output.elements() > kMostShownValues ? fmt::format(" …, from {:.6g} to {:.6g}", least, greatest) : "");
    Results result{
        {"shape", std::vector(output.shape.begin(), output.shape.end())}, {"least", least}, {"greatest", greatest}};
    if (output.elements() <= kMostListedValues) result["values"] = std::vector(values.begin(), values.end());
    return result;
}

}  // namespace eigenbit::internal
