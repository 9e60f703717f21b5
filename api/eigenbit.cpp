#include "include/eigenbit/eigenbit.h"

#include "engine/base/error.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/formats/preprocess.h"
#include "engine/kernels/cpu.h"
#include "engine/passes/quantizer_candidates.h"
#include "engine/program/inference.h"
#include "engine/program/programs.h"

#include <tbb/info.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace eigenbit::internal;

struct eigenbit_model {
    eigenbit_model(std::shared_ptr<const FileBytes> file_bytes, std::string_view name)
        : bytes(std::move(file_bytes)), model(open_ebit(bytes, name)), programs(std::move(model.graph)) {
        for (const FloatLayer& layer : eigenbit::internal::float_layers(programs.graph())) {
            float_layers.push_back(formatted("{}: {}", layer.name, layer.reason));
        }
    }

    std::shared_ptr<const FileBytes> bytes;
    Model model;  // but for its graph
    Programs programs;
    std::vector<std::string> float_layers{};
};

struct eigenbit_session {
    tbb::task_arena arena;
    std::optional<Preprocessing> preprocessing;
    std::vector<Tensor> inputs{};
    bool is_int8 = false;
    std::optional<Inference> inference{};
};

namespace {

static_assert(EIGENBIT_MAX_RANK == Shape::kMaxRank);

thread_local std::string last_error;

/// Runs `call`; what it throws becomes the thread's last error. Returns whether it threw nothing.
template <typename Call>
bool succeeds(const Call& call) noexcept {
    try {
        try {
            call();
            return true;
        } catch (const std::bad_alloc&) {
            last_error = "There is not enough memory.";
        } catch (const std::exception& error) {
            last_error = error.what();
        }
    } catch (...) {
        last_error.clear();
    }
    return false;
}

/// The status of a call.
template <typename Call>
eigenbit_status status_of(const Call& call) noexcept {
    return succeeds(call) ? EIGENBIT_OK : EIGENBIT_ERROR;
}

/// What a pointer of the caller's points to. Throws Error when it is NULL.
template <typename Value>
Value& given(Value* pointer, std::string_view what) {
    if (pointer == nullptr) fail("The {} is NULL.", what);
    return *pointer;
}

/// The item of this index. Throws Error when there is none.
const auto& item(const auto& items, std::size_t index, std::string_view what) {
    if (index >= items.size()) fail("There is no {} {}; there are {}.", what, index, items.size());
    return items[index];
}

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

/// The extent of the images that the preprocessing makes, where the network leaves it open.
Shape declared_shape(const eigenbit_model& model, std::size_t input) {
    Shape shape = model.programs.graph().inputs()[input].shape;
    if (shape[0] == 0) shape[0] = 1;
    const std::optional<Preprocessing>& preprocessing = model.model.preprocessing;
    if (preprocessing && shape.rank() == 4) {
        if (shape[1] == 0) shape[1] = preprocessing->height;
        if (shape[2] == 0) shape[2] = preprocessing->width;
    }
    return shape;
}

std::vector<Shape> input_shapes(const eigenbit_model& model, const eigenbit_session_options& options) {
    const Graph& graph = model.programs.graph();
    std::vector<Shape> shapes;
    for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
        const Shape shape =
            options.input_shapes == nullptr ? declared_shape(model, i) : shape_of(options.input_shapes[i]);
        if (shape.elements() <= 0) {
            fail("Input '{}' has shape {}: every extent must be given.", graph.name(graph.inputs()[i].value),
                 to_string(shape));
        }
        shapes.push_back(shape);
    }
    return shapes;
}

bool wants_int8(const Graph& graph, eigenbit_execution execution) {
    switch (execution) {
    case EIGENBIT_EXECUTION_AUTO:
        return runs_in_int8(graph);
    case EIGENBIT_EXECUTION_FLOAT:
        return false;
    case EIGENBIT_EXECUTION_INT8:
        if (!runs_in_int8(graph)) {
            fail("The model does not say how to round its activations; eigenbit pack --data SPEC makes it so.");
        }
        return true;
    }
    fail("Execution {} is unknown.", static_cast<int>(execution));
}

/// Packing weights frees several times what it keeps, which the C library would hold back for later.
void release_free_heap() {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

eigenbit_session* create_session(const eigenbit_model& model, const eigenbit_session_options& options) {
    if (options.threads < 0) fail("The session is to have {} threads, expected 0 or more.", options.threads);
    const int processors = tbb::info::default_concurrency();
    const int threads = options.threads == 0 ? processors : std::min(options.threads, processors);
    auto session = std::unique_ptr<eigenbit_session>(
        new eigenbit_session{.arena = tbb::task_arena(threads), .preprocessing = model.model.preprocessing});
    const std::vector<Shape> shapes = input_shapes(model, options);
    const Graph& graph = model.programs.graph();
    session->is_int8 = wants_int8(graph, options.execution);
    session->arena.execute([&] {
        const Execution execution = session->is_int8 ? Execution::int8 : Execution::float32;
        session->inference.emplace(model.programs.of(shapes, execution));
        model.bytes->release_memory();
        release_free_heap();
    });
    for (const Shape& shape : shapes) session->inputs.emplace_back(shape);
    return session.release();
}

void set_image(eigenbit_session& session, std::int64_t index, Image image) {
    if (!session.preprocessing) {
        fail("The model does not say how to prepare images; write its input's values instead.");
    }
    if (session.inputs.empty() || session.inputs.front().shape().rank() != 4) {
        fail("The model's first input does not hold images.");
    }
    Tensor& input = session.inputs.front();
    if (index < 0 || index >= input.shape()[0]) {
        fail("There is no image {} in a batch of {}.", index, input.shape()[0]);
    }
    const Tensor values = preprocess(std::move(image), *session.preprocessing, "The image");
    const View place = input.view().slice(index, index + 1);
    if (!(values.shape() == place.shape)) {
        fail("The image was prepared to shape {}, expected {}.", to_string(values.shape()), to_string(place.shape));
    }
    std::ranges::copy(values.values(), place.data);
}

Image image_of(const std::uint8_t* pixels, int height, int width, int channels) {
    constexpr int kLongest = 1 << 16;
    if (height < 1 || width < 1 || height > kLongest || width > kLongest || (channels != 1 && channels != 3)) {
        fail("The image has {}×{} pixels of {} channels, expected 1 to {} a side and 1 or 3 channels.", height, width,
             channels, kLongest);
    }
    const auto size = static_cast<std::size_t>(height) * static_cast<std::size_t>(width * channels);
    return {height, width, channels, {&given(pixels, "pointer to pixels"), pixels + size}};
}

void run(eigenbit_session& session) {
    std::vector<ConstView> inputs;
    for (const Tensor& input : session.inputs) {
        const bool is_finite = std::ranges::all_of(input.values(), [](float value) { return std::isfinite(value); });
        if (!is_finite) fail("Input {} holds NaN or infinity.", inputs.size());
        inputs.push_back(input);
    }
    session.arena.execute([&] { session.inference->run(inputs); });
}

ConstView output_of(const eigenbit_session* session, std::size_t output) {
    const Inference& inference = *given(session, "session").inference;
    if (output >= inference.output_count()) {
        fail("There is no output {}; there are {}.", output, inference.output_count());
    }
    return inference.output(output);
}

/// The pointer that `find` returns, or NULL with the error kept.
template <typename Find>
auto pointer_or_null(const Find& find) noexcept -> decltype(find()) {
    decltype(find()) found = nullptr;
    succeeds([&] { found = find(); });
    return found;
}

}  // namespace

const char* eigenbit_last_error(void) { return last_error.c_str(); }

const char* eigenbit_version(void) { return EIGENBIT_VERSION; }

const char* eigenbit_cpu(void) {
    return pointer_or_null([] { return active_cpu_implementation().name; });
}

eigenbit_model* eigenbit_model_open(const char* path) {
    return pointer_or_null([&] {
        const std::string name = &given(path, "path");
        return new eigenbit_model(std::make_shared<const FileBytes>(std::filesystem::path(name)),
                                  formatted("\"{}\"", name));
    });
}

eigenbit_model* eigenbit_model_open_memory(const void* bytes, size_t size) {
    return pointer_or_null([&] {
        const auto* const first = &given(static_cast<const std::uint8_t*>(bytes), "pointer to bytes");
        return new eigenbit_model(std::make_shared<const FileBytes>(std::vector(first, first + size)),
                                  "The model in memory");
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
        const Graph& graph = given(model, "model").programs.graph();
        return graph.name(item(graph.inputs(), input, "input").value).c_str();
    });
}

const char* eigenbit_model_output_name(const eigenbit_model* model, size_t output) {
    return pointer_or_null([&] {
        const Graph& graph = given(model, "model").programs.graph();
        return graph.name(item(graph.outputs(), output, "output")).c_str();
    });
}

eigenbit_status eigenbit_model_input_shape(const eigenbit_model* model, size_t input, eigenbit_shape* shape) {
    return status_of([&] {
        given(shape, "pointer to a shape") =
            shape_of(item(given(model, "model").programs.graph().inputs(), input, "input").shape);
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

eigenbit_session* eigenbit_session_create(const eigenbit_model* model, const eigenbit_session_options* options) {
    return pointer_or_null([&] {
        return create_session(given(model, "model"), options == nullptr ? eigenbit_session_options{} : *options);
    });
}

void eigenbit_session_close(eigenbit_session* session) { delete session; }

float* eigenbit_session_input(eigenbit_session* session, size_t input) {
    return pointer_or_null([&]() -> float* {
        item(given(session, "session").inputs, input, "input");
        return session->inputs[input].data();
    });
}

eigenbit_status eigenbit_session_input_shape(const eigenbit_session* session, size_t input, eigenbit_shape* shape) {
    return status_of([&] {
        given(shape, "pointer to a shape") = shape_of(item(given(session, "session").inputs, input, "input").shape());
    });
}

eigenbit_status eigenbit_session_set_image(eigenbit_session* session, int64_t image, const uint8_t* pixels,
                                           int32_t height, int32_t width, int32_t channels) {
    return status_of([&] { set_image(given(session, "session"), image, image_of(pixels, height, width, channels)); });
}

eigenbit_status eigenbit_session_run(eigenbit_session* session) {
    return status_of([&] { run(given(session, "session")); });
}

const float* eigenbit_session_output(const eigenbit_session* session, size_t output) {
    return pointer_or_null([&] { return output_of(session, output).data; });
}

eigenbit_status eigenbit_session_output_shape(const eigenbit_session* session, size_t output, eigenbit_shape* shape) {
    return status_of([&] { given(shape, "pointer to a shape") = shape_of(output_of(session, output).shape); });
}

size_t eigenbit_session_weight_bytes(const eigenbit_session* session) {
    return session == nullptr ? 0 : static_cast<std::size_t>(session->inference->program().weight_bytes());
}

size_t eigenbit_session_activation_bytes(const eigenbit_session* session) {
    return session == nullptr ? 0 : static_cast<std::size_t>(session->inference->activation_bytes());
}

int eigenbit_session_is_int8(const eigenbit_session* session) { return session != nullptr && session->is_int8 ? 1 : 0; }
