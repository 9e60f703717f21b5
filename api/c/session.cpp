#include "api/c/errors.h"
#include "api/c/log.h"
#include "api/c/model.h"
#include "api/c/session_input.h"
#include "api/c/threads.h"
#include "engine/formats/preprocess.h"
#include "engine/passes/quantizer_candidates.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace eigenbit::internal;

struct eigenbit_session {
    Threads threads;
    std::optional<Preprocessing> preprocessing;
    std::vector<SessionInput> inputs{};
    std::vector<std::optional<ActivationQuantizer>> quantizers{};  // of the inputs
    bool is_int8 = false;
    std::optional<Inference> inference{};
    std::atomic<bool> is_cancelled = false;
};

namespace {

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

bool wants_int8(const eigenbit_model& model, eigenbit_execution execution) {
    const Graph& graph = model.programs.graph();
    switch (execution) {
    case EIGENBIT_EXECUTION_AUTO: {
        const bool is_int8 = runs_in_int8(graph);
        if (!is_int8 && !graph.activations().empty()) {
            warn("The session computes in floats, as layers lack quantizers: {}.", joined(model.float_layers));
        }
        return is_int8;
    }
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

/// Packing takes and frees much the same memory layer by layer. Once the C library has seen as large an allocation come
/// and go, it holds such memory back, in the whole process from then on, instead of asking the system each time.
void hold_free_heap() {
#ifdef __GLIBC__
    constexpr std::size_t kLayerBytes = 4 << 20;
    void* volatile large = ::malloc(kLayerBytes);  // volatile: compilers leave out what they see through
    ::free(large);
#endif
}

/// What is held back is several times what weights take.
void release_free_heap() {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

std::shared_ptr<const Program> program_within(const eigenbit_model& model, std::span<const Shape> shapes,
                                              Execution execution, std::int64_t most_activation_bytes) {
    std::shared_ptr<const Program> program = model.programs.of(shapes, execution);
    const std::int64_t bytes = program->arena_elements() * static_cast<std::int64_t>(sizeof(float));
    if (most_activation_bytes < 0 || (most_activation_bytes > 0 && bytes > most_activation_bytes)) {
        fail("The session's activations take {} bytes, at most {} are allowed.", bytes, most_activation_bytes);
    }
    return program;
}

eigenbit_session* create_session(const eigenbit_model& model, const eigenbit_session_options& options) {
    auto session = std::unique_ptr<eigenbit_session>(
        new eigenbit_session{.threads = Threads(options.threads, options.parallel, options.parallel_user),
                             .preprocessing = model.model.preprocessing});
    const std::vector<Shape> shapes = input_shapes(model, options);
    session->threads.run([&] {
        const LogScope log({options.log, options.log_user});
        session->is_int8 = wants_int8(model, options.execution);
        const Execution execution = session->is_int8 ? Execution::int8 : Execution::float32;
        hold_free_heap();
        session->inference.emplace(program_within(model, shapes, execution, options.most_activation_bytes));
        model.bytes->release_memory();
        release_free_heap();
    });
    const Graph& graph = model.programs.graph();
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        session->inputs.emplace_back(shapes[i], session->inference->program().only_rounds(i));
        const auto quantizer = graph.activations().find(graph.inputs()[i].value);
        session->quantizers.push_back(quantizer == graph.activations().end() ? std::nullopt
                                                                             : std::optional(quantizer->second));
    }
    return session.release();
}

/// How images become the first input. Throws Error where the model does not say so, or it holds none.
const Preprocessing& preprocessing_of(const eigenbit_session& session) {
    if (!session.preprocessing) {
        fail("The model does not say how to prepare images; write its input's values instead.");
    }
    if (session.inputs.empty() || session.inputs.front().shape().rank() != 4) {
        fail("The model's first input does not hold images.");
    }
    return *session.preprocessing;
}

void set_image(eigenbit_session& session, std::int64_t index, Image image) {
    const Preprocessing& preprocessing = preprocessing_of(session);
    SessionInput& input = session.inputs.front();
    if (index < 0 || index >= input.shape()[0]) {
        fail("There is no image {} in a batch of {}.", index, input.shape()[0]);
    }
    convert_and_resize(image, preprocessing, "The image");
    const Window window = centre_window(image, preprocessing.height, preprocessing.width, "The image");
    const Shape prepared{1, window.height, window.width, image.channels};
    Shape expected = input.shape();
    expected[0] = 1;
    if (!(prepared == expected)) {
        fail("The image was prepared to shape {}, expected {}.", to_string(prepared), to_string(expected));
    }
    const Normalizer normalizer(preprocessing);
    if (input.shape()[0] == 1) {
        input.set_bytes(normalizer.values(), [&](std::uint8_t* bytes) { normalizer.write(image, window, bytes); });
    } else {
        normalizer.write(image, window, input.floats().slice(index, index + 1).data);
    }
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

/// Values with channels second as values with channels last.
void interleave_channels(const float* planes, View interleaved) {
    const int rank = interleaved.shape.rank();
    const std::int64_t channels = rank < 3 ? 1 : interleaved.shape.back();
    const std::int64_t images = rank < 3 ? 1 : interleaved.shape[0];
    const std::int64_t pixels = interleaved.elements() / (images * channels);
    float* value = interleaved.data;
    for (std::int64_t image = 0; image < images; ++image) {
        for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
            for (std::int64_t c = 0; c < channels; ++c) *value++ = planes[(image * channels + c) * pixels + pixel];
        }
    }
}

/// All images of the first input, of its own size.
void set_pixels(eigenbit_session& session, std::size_t input, std::span<const std::uint8_t> pixels) {
    const Normalizer normalizer(preprocessing_of(session));
    if (input != 0) fail("Input {} does not hold images, only input 0 does.", input);
    const Shape& shape = session.inputs.front().shape();
    const auto size = static_cast<std::size_t>(shape.elements(1, 4));
    const int height = static_cast<int>(shape[1]);
    const int width = static_cast<int>(shape[2]);
    session.inputs.front().set_bytes(normalizer.values(), [&](std::uint8_t* bytes) {
        for (std::size_t begin = 0; begin < pixels.size(); begin += size) {
            const auto own = pixels.subspan(begin, size);
            normalizer.write({height, width, static_cast<int>(shape[3]), {own.begin(), own.end()}},
                             {.height = height, .width = width}, bytes + begin);
        }
    });
}

/// Bytes that stand for levels − `offset` of the input's quantizer.
template <typename Byte>
void set_levels(eigenbit_session& session, std::size_t input, const Byte* bytes, int offset) {
    const std::optional<ActivationQuantizer>& quantizer = session.quantizers[input];
    if (!quantizer) fail("Input {} has no quantizer, of which there could be levels.", input);
    if (quantizer->bit_depth > 8) {
        fail("The quantizer of input {} has {} bits, levels of bytes have 8.", input, quantizer->bit_depth);
    }
    std::vector<float> meanings;
    for (int byte = 0; byte < 256; ++byte) {
        const int level = std::min(static_cast<Byte>(byte) + offset, quantizer->largest_level());
        meanings.push_back(quantizer->step * static_cast<float>(level - quantizer->zero_point));
    }
    SessionInput& place = session.inputs[input];
    place.set_bytes(std::move(meanings), [&](std::uint8_t* to) { std::copy_n(bytes, place.shape().elements(), to); });
}

void set_input(eigenbit_session& session, std::size_t input, eigenbit_format format, const void* values,
               std::size_t count) {
    SessionInput& place = item(session.inputs, input, "input");
    const auto elements = static_cast<std::size_t>(place.shape().elements());
    if (count != elements) fail("Input {} was given {} values, expected {}.", input, count, elements);
    given(static_cast<const std::uint8_t*>(values), "pointer to values");
    switch (format) {
    case EIGENBIT_FLOAT_NHWC:
        std::copy_n(static_cast<const float*>(values), elements, place.floats().data);
        return;
    case EIGENBIT_FLOAT_NCHW:
        interleave_channels(static_cast<const float*>(values), place.floats());
        return;
    case EIGENBIT_PIXELS_NHWC:
        set_pixels(session, input, {static_cast<const std::uint8_t*>(values), elements});
        return;
    case EIGENBIT_LEVELS_UINT8:
        set_levels(session, input, static_cast<const std::uint8_t*>(values), 0);
        return;
    case EIGENBIT_LEVELS_INT8:
        set_levels(session, input, static_cast<const std::int8_t*>(values), 128);
        return;
    }
    fail("Format {} is unknown.", static_cast<int>(format));
}

void run(eigenbit_session& session) {
    std::vector<InputValues> inputs;
    for (SessionInput& input : session.inputs) inputs.push_back(input.values(inputs.size()));
    const auto end_if_cancelled = [&] {
        if (session.is_cancelled.exchange(false)) throw Cancelled();
    };
    end_if_cancelled();
    session.threads.run([&] { session.inference->run(inputs, [&](std::size_t, double) { end_if_cancelled(); }); });
}

ConstView output_of(const eigenbit_session* session, std::size_t output) {
    const Inference& inference = *given(session, "session").inference;
    if (output >= inference.output_count()) {
        fail("There is no output {}; there are {}.", output, inference.output_count());
    }
    return inference.output(output);
}

}  // namespace

eigenbit_session* eigenbit_session_create(const eigenbit_model* model, const eigenbit_session_options* options) {
    return pointer_or_null([&] {
        return create_session(given(model, "model"), options == nullptr ? eigenbit_session_options{} : *options);
    });
}

void eigenbit_session_close(eigenbit_session* session) { delete session; }

float* eigenbit_session_input(eigenbit_session* session, size_t input) {
    return pointer_or_null([&] { return item(given(session, "session").inputs, input, "input").floats().data; });
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

eigenbit_status eigenbit_session_set_input(eigenbit_session* session, size_t input, eigenbit_format format,
                                           const void* values, size_t count) {
    return status_of([&] { set_input(given(session, "session"), input, format, values, count); });
}

eigenbit_status eigenbit_session_run(eigenbit_session* session) {
    return status_of([&] { run(given(session, "session")); });
}

void eigenbit_session_cancel(eigenbit_session* session) {
    if (session != nullptr) session->is_cancelled = true;
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
