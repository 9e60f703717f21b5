#include "api/c/model.h"

#include "api/c/errors.h"
#include "api/c/log.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/passes/quantizer_candidates.h"

#include <tbb/task_arena.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <span>
#include <utility>

using namespace eigenbit::internal;

namespace {

static_assert(EIGENBIT_MAX_RANK == Shape::kMaxRank);

/// A limit of the caller's; 0 stands for none.
std::int64_t limit_of(std::int64_t most, std::string_view what) {
    if (most < 0) fail("The limit of {} is {}, expected 0 or more.", what, most);
    return most == 0 ? std::numeric_limits<std::int64_t>::max() : most;
}

Model open_within(const eigenbit_model_options& options, const std::shared_ptr<const FileBytes>& bytes,
                  std::string_view name) {
    const std::int64_t most_bytes = limit_of(options.most_bytes, "bytes");
    if (bytes->span().size() > static_cast<std::uint64_t>(most_bytes)) {
        fail("{}: the file has {} bytes, at most {} are allowed", name, bytes->span().size(), most_bytes);
    }
    return open_ebit(bytes, name, {limit_of(options.most_elements, "elements"), limit_of(options.most_nodes, "nodes")});
}

eigenbit_model* open(std::shared_ptr<const FileBytes> bytes, std::string_view name,
                     const eigenbit_model_options& options) {
    const LogScope log({options.log, options.log_user});
    // An arena of one has no threads but the caller's.
    return tbb::task_arena(1).execute([&] { return new eigenbit_model(std::move(bytes), name, options); });
}

eigenbit_model_options options_or_default(const eigenbit_model_options* options) {
    return options == nullptr ? eigenbit_model_options{} : *options;
}

/// The bytes of a caller's file.
std::span<const std::uint8_t> bytes_of(const void* bytes, std::size_t size) {
    return {&given(static_cast<const std::uint8_t*>(bytes), "pointer to bytes"), size};
}

constexpr std::string_view kInMemory = "The model in memory";

const Graph& graph_of(const eigenbit_model* model) { return given(model, "model").programs.graph(); }

/// The position of the value of this name. Throws Error, listing the names, when there is none.
std::size_t find(const Graph& graph, std::span<const ValueId> values, const char* name, std::string_view what) {
    const std::string_view wanted = &given(name, "name");
    std::vector<std::string_view> names;
    for (const ValueId value : values) names.push_back(graph.name(value));
    const auto found = std::ranges::find(names, wanted);
    if (found == names.end()) fail("The model has no {} '{}'; it has {}.", what, wanted, joined(names));
    return static_cast<std::size_t>(found - names.begin());
}

std::vector<ValueId> input_values(const Graph& graph) {
    std::vector<ValueId> values;
    for (const Graph::Input& input : graph.inputs()) values.push_back(input.value);
    return values;
}

/// Throws Error when the input has none, or there is no such input.
const ActivationQuantizer& input_quantizer(const Graph& graph, std::size_t input) {
    const ValueId value = item(graph.inputs(), input, "input").value;
    const auto found = graph.activations().find(value);
    if (found == graph.activations().end()) fail("Input '{}' has no quantizer.", graph.name(value));
    return found->second;
}

eigenbit_fit fit_of(Fit fit) {
    switch (fit) {
    case Fit::crop:
        return EIGENBIT_FIT_CROP;
    case Fit::cover:
        return EIGENBIT_FIT_COVER;
    case Fit::stretch:
        return EIGENBIT_FIT_STRETCH;
    case Fit::letterbox:
        return EIGENBIT_FIT_LETTERBOX;
    }
    fail("The model's way to fit images is unknown.");
}

eigenbit_preprocessing preprocessing_of(const std::optional<Preprocessing>& found) {
    if (!found) fail("The model does not say how to prepare images.");
    eigenbit_preprocessing result{.channels = found->channels,
                                  .is_bgr = found->channel_order == ChannelOrder::bgr ? 1 : 0,
                                  .resize = found->resize,
                                  .height = found->height,
                                  .width = found->width,
                                  .fit = fit_of(found->fit),
                                  .mean = {},
                                  .std = {}};
    for (std::size_t c = 0; c < static_cast<std::size_t>(found->channels); ++c) {
        result.mean[c] = found->mean[found->mean.size() == 1 ? 0 : c];
        result.std[c] = found->std[found->std.size() == 1 ? 0 : c];
    }
    return result;
}

}  // namespace

namespace eigenbit::internal {

Shape shape_of(const eigenbit_shape& shape) {
    if (shape.rank < 0 || shape.rank > EIGENBIT_MAX_RANK) {
        fail("A shape has {} extents, expected 0 to {}.", shape.rank, EIGENBIT_MAX_RANK);
    }
    return Shape(std::span(shape.extents, static_cast<std::size_t>(shape.rank)));
}

eigenbit_shape shape_of(const Shape& shape) {
    eigenbit_shape result{shape.rank(), {}};
    std::ranges::copy(shape, result.extents);
    return result;
}

}  // namespace eigenbit::internal

eigenbit_model::eigenbit_model(std::shared_ptr<const FileBytes> file_bytes, std::string_view name,
                               const eigenbit_model_options& options)
    : bytes(std::move(file_bytes)), model(open_within(options, bytes, name)), programs(std::move(model.graph)) {
    for (const FloatLayer& layer : eigenbit::internal::float_layers(programs.graph())) {
        float_layers.push_back(formatted("{}: {}", layer.name, layer.reason));
    }
}

eigenbit_model* eigenbit_model_open(const char* path, const eigenbit_model_options* options) {
    return pointer_or_null([&] {
        const std::string name = &given(path, "path");
        return open(std::make_shared<const FileBytes>(std::filesystem::path(name)), formatted("\"{}\"", name),
                    options_or_default(options));
    });
}

eigenbit_model* eigenbit_model_open_memory(const void* bytes, size_t size, const eigenbit_model_options* options) {
    return pointer_or_null([&] {
        const std::span<const std::uint8_t> given_bytes = bytes_of(bytes, size);
        return open(std::make_shared<const FileBytes>(std::vector(given_bytes.begin(), given_bytes.end())), kInMemory,
                    options_or_default(options));
    });
}

eigenbit_model* eigenbit_model_open_borrowed(const void* bytes, size_t size, const eigenbit_model_options* options) {
    return pointer_or_null([&] {
        return open(std::make_shared<const FileBytes>(bytes_of(bytes, size)), kInMemory, options_or_default(options));
    });
}

void eigenbit_model_close(eigenbit_model* model) { delete model; }

size_t eigenbit_model_input_count(const eigenbit_model* model) {
    return model == nullptr ? 0 : model->programs.graph().inputs().size();
}

size_t eigenbit_model_output_count(const eigenbit_model* model) {
    return model == nullptr ? 0 : model->programs.graph().outputs().size();
}

const char* eigenbit_model_input_name(const eigenbit_model* model, size_t input) {
    return pointer_or_null([&] {
        const Graph& graph = graph_of(model);
        return graph.name(item(graph.inputs(), input, "input").value).c_str();
    });
}

const char* eigenbit_model_output_name(const eigenbit_model* model, size_t output) {
    return pointer_or_null([&] {
        const Graph& graph = graph_of(model);
        return graph.name(item(graph.outputs(), output, "output")).c_str();
    });
}

eigenbit_status eigenbit_model_find_input(const eigenbit_model* model, const char* name, size_t* input) {
    return status_of([&] {
        const Graph& graph = graph_of(model);
        given(input, "pointer to an input's number") = find(graph, input_values(graph), name, "input");
    });
}

eigenbit_status eigenbit_model_find_output(const eigenbit_model* model, const char* name, size_t* output) {
    return status_of([&] {
        const Graph& graph = graph_of(model);
        given(output, "pointer to an output's number") = find(graph, graph.outputs(), name, "output");
    });
}

eigenbit_status eigenbit_model_input_shape(const eigenbit_model* model, size_t input, eigenbit_shape* shape) {
    return status_of(
        [&] { given(shape, "pointer to a shape") = shape_of(item(graph_of(model).inputs(), input, "input").shape); });
}

eigenbit_status eigenbit_model_input_quantizer(const eigenbit_model* model, size_t input,
                                               eigenbit_quantizer* quantizer) {
    return status_of([&] {
        const ActivationQuantizer& found = input_quantizer(graph_of(model), input);
        given(quantizer, "pointer to a quantizer") = {found.bit_depth, found.zero_point, found.step};
    });
}

eigenbit_status eigenbit_model_preprocessing(const eigenbit_model* model, eigenbit_preprocessing* preprocessing) {
    return status_of([&] {
        given(preprocessing, "pointer to a preprocessing") =
            preprocessing_of(given(model, "model").model.preprocessing);
    });
}

size_t eigenbit_model_class_count(const eigenbit_model* model) {
    return model == nullptr ? 0 : model->model.classes.size();
}

const char* eigenbit_model_class_name(const eigenbit_model* model, size_t index) {
    return pointer_or_null([&] { return item(given(model, "model").model.classes, index, "class").c_str(); });
}

size_t eigenbit_model_float_layer_count(const eigenbit_model* model) {
    return model == nullptr ? 0 : model->float_layers.size();
}

const char* eigenbit_model_float_layer(const eigenbit_model* model, size_t index) {
    return pointer_or_null([&] { return item(given(model, "model").float_layers, index, "float layer").c_str(); });
}
