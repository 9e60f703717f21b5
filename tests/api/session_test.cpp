#include "engine/base/random.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/program/inference.h"
#include "engine/zoo/zoo.h"
#include "tests/api/handles.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/engine/network_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

using namespace eigenbit::internal;

namespace {

constexpr std::size_t kClasses = 5;

std::vector<float> random_values(std::size_t count, std::uint64_t seed) {
    Random random({seed});
    std::vector<float> values(count);
    std::ranges::generate(values, [&] { return static_cast<float>(random.normal()); });
    return values;
}

std::vector<float> run(const SessionHandle& session, const std::vector<float>& input) {
    std::ranges::copy(input, eigenbit_session_input(session.get(), 0));
    REQUIRE(eigenbit_session_run(session.get()) == EIGENBIT_OK);
    eigenbit_shape shape;
    REQUIRE(eigenbit_session_output_shape(session.get(), 0, &shape) == EIGENBIT_OK);
    REQUIRE(shape.rank == 2);
    const float* const values = eigenbit_session_output(session.get(), 0);
    return {values, values + shape.extents[0] * shape.extents[1]};
}

/// The engine's own execution of a network for inputs of a shape.
Inference engine_of(Graph graph, const Shape& shape, Execution execution) {
    prepare_for_inference(graph);
    return Inference(graph, std::span(&shape, 1), execution);
}

}  // namespace

TEST_CASE("A model tells its inputs, outputs and classes") {
    const ModelHandle model = open_in_memory(small_packed_model(2));
    REQUIRE(model);
    CHECK(eigenbit_model_input_count(model.get()) == 1);
    CHECK(eigenbit_model_output_count(model.get()) == 1);
    CHECK(std::string(eigenbit_model_input_name(model.get(), 0)) == "image");
    CHECK(std::string(eigenbit_model_output_name(model.get(), 0)) == "fc");
    eigenbit_shape shape;
    REQUIRE(eigenbit_model_input_shape(model.get(), 0, &shape) == EIGENBIT_OK);
    CHECK(std::vector<std::int64_t>(shape.extents, shape.extents + shape.rank)
          == std::vector<std::int64_t>{0, 8, 8, 3});
    REQUIRE(eigenbit_model_class_count(model.get()) == kClasses);
    CHECK(std::string(eigenbit_model_class_name(model.get(), 4)) == "café");
}

TEST_CASE("Sessions of one model share a program, which the last of them keeps") {
    ModelHandle model = open_in_memory(small_packed_model(2));
    const SessionHandle first = create_session(model, 2);
    const SessionHandle second = create_session(model, 2);
    const SessionHandle other = create_session(model, 3);
    model.reset();
    const std::vector<float> input = random_values(2 * 8 * 8 * 3, 5);
    CHECK(run(first, input) == run(second, input));
    CHECK(run(other, random_values(3 * 8 * 8 * 3, 5)).size() == 3 * kClasses);
}

TEST_CASE("A session computes what the engine computes, in floats and in 8 bits") {
    const Shape shape{3, 8, 8, 3};
    const std::vector<float> input = random_values(3 * 8 * 8 * 3, 5);
    for (const bool is_int8 : {false, true}) {
        Model model = small_packed_model(3);
        if (is_int8)
            model.graph.quantize_activation(model.graph.nodes().back().inputs[0], {.bit_depth = 8, .step = 0.1F});
        const ModelHandle opened = open_in_memory(model);
        REQUIRE(eigenbit_model_float_layer_count(opened.get()) == (is_int8 ? 0 : 1));
        if (!is_int8) {
            CHECK(std::string(eigenbit_model_float_layer(opened.get(), 0)) == "fc: its input has no quantizer");
            CHECK(create_session(opened, 1, 1, EIGENBIT_EXECUTION_INT8) == nullptr);
            CHECK(std::string(eigenbit_last_error()).find("pack --data") != std::string::npos);
        }
        const SessionHandle session = create_session(opened, 3);
        REQUIRE(session);
        CHECK((eigenbit_session_is_int8(session.get()) != 0) == is_int8);
        Inference engine = engine_of(model.graph, shape, is_int8 ? Execution::int8 : Execution::float32);
        const ConstView output = engine.run(Tensor(shape, input));
        CHECK(std::ranges::equal(run(session, input), output.values()));
        CHECK(eigenbit_session_weight_bytes(session.get())
              == static_cast<std::size_t>(engine.program().weight_bytes()));
        CHECK(eigenbit_session_activation_bytes(session.get()) == static_cast<std::size_t>(engine.activation_bytes()));
    }
}

TEST_CASE("A session of 8 bits takes a fraction of the memory of one of floats") {
    const Shape shape{2, 32, 32, 3};
    Model model{build_network("resnet8", Shape{32, 32, 3}, 10, 1), {}, {}, {}};
    const auto parameters = static_cast<double>(model.graph.parameter_elements());
    REQUIRE(quantize_over_range(model.graph, Tensor(shape, random_values(2 * 32 * 32 * 3, 8))) > 0);
    const ModelHandle opened = open_in_memory(model);
    const SessionHandle floats = create_session(opened, 2, 1, EIGENBIT_EXECUTION_FLOAT);
    const SessionHandle int8 = create_session(opened, 2, 1, EIGENBIT_EXECUTION_INT8);
    REQUIRE(floats);
    REQUIRE(int8);
    // Winograd's weights at 36 points for 9 taps are the most that floats take; batch normalizations are no more there.
    const auto float_weights = static_cast<double>(eigenbit_session_weight_bytes(floats.get()));
    CHECK(float_weights > 3.9 * parameters);
    CHECK(float_weights < 16.0 * parameters);
    const auto int8_weights = static_cast<double>(eigenbit_session_weight_bytes(int8.get()));
    CHECK(int8_weights > 0.9 * parameters);
    CHECK(int8_weights < 1.2 * parameters);
    const auto float_activations = static_cast<double>(eigenbit_session_activation_bytes(floats.get()));
    const auto int8_activations = static_cast<double>(eigenbit_session_activation_bytes(int8.get()));
    CHECK(int8_activations > 0.2 * float_activations);
    CHECK(int8_activations < 0.7 * float_activations);
}

TEST_CASE("The number of threads changes nothing") {
    const ModelHandle model = open_in_memory(small_packed_model(3));
    const std::vector<float> input = random_values(40 * 8 * 8 * 3, 6);
    const std::vector<float> alone = run(create_session(model, 40, 1), input);
    for (const int threads : {0, 2, 7}) CHECK(run(create_session(model, 40, threads), input) == alone);
}

TEST_CASE("An image is prepared as the model says") {
    // Resized to 10 pixels, cropped to 8, channels as BGR: an image of one colour stays one.
    const SessionHandle session = create_session(open_in_memory(small_packed_model(2)), 2);
    const float* const input = eigenbit_session_input(session.get(), 0);
    std::vector<std::uint8_t> pixels;
    for (int i = 0; i < 20 * 30; ++i) pixels.insert(pixels.end(), {51, 102, 204});
    REQUIRE(eigenbit_session_set_image(session.get(), 1, pixels.data(), 20, 30, 3) == EIGENBIT_OK);
    const float* const prepared = input + 8 * 8 * 3;
    for (int pixel = 0; pixel < 8 * 8; ++pixel) {
        CHECK(prepared[3 * pixel] == doctest::Approx((0.8F - 0.5F) / 0.25F));
        CHECK(prepared[3 * pixel + 1] == doctest::Approx((0.4F - 0.4F) / 0.25F).epsilon(1e-6));
        CHECK(prepared[3 * pixel + 2] == doctest::Approx((0.2F - 0.3F) / 0.25F));
    }
    CHECK(std::ranges::all_of(input, prepared, [](float value) { return value == 0.0F; }));
    const std::vector<std::uint8_t> grey(12 * 12, 255);
    CHECK(eigenbit_session_set_image(session.get(), 0, grey.data(), 12, 12, 1) == EIGENBIT_OK);
}

TEST_CASE("A session outlives its model") {
    ModelHandle model = open_in_memory(small_packed_model(3));
    const std::vector<float> input = random_values(8 * 8 * 3, 7);
    const SessionHandle session = create_session(model, 1);
    const std::vector<float> before = run(session, input);
    model.reset();
    CHECK(run(session, input) == before);
}

TEST_CASE("Sessions of one model run side by side") {
    constexpr std::size_t kThreads = 8;
    const ModelHandle model = open_in_memory(small_packed_model(3));
    std::vector<std::vector<float>> inputs;
    std::vector<std::vector<float>> expected;
    const SessionHandle alone = create_session(model, 1);
    for (std::size_t i = 0; i < kThreads; ++i) {
        inputs.push_back(random_values(8 * 8 * 3, 10 + i));
        expected.push_back(run(alone, inputs[i]));
    }
    std::vector<int> wrong(kThreads, 0);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
        threads.emplace_back([&, i] {
            const SessionHandle session = create_session(model, 1, 1 + static_cast<int>(i % 2));
            for (int repeat = 0; repeat < 50; ++repeat) {
                std::ranges::copy(inputs[i], eigenbit_session_input(session.get(), 0));
                if (eigenbit_session_run(session.get()) != EIGENBIT_OK
                    || !std::ranges::equal(std::span(eigenbit_session_output(session.get(), 0), kClasses),
                                           expected[i])) {
                    ++wrong[i];
                }
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == std::vector<int>(kThreads, 0));
}
