#include "include/eigenbit/session.hpp"
#include "tests/api/handles.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <ranges>
#include <string>

using namespace eigenbit::internal;

namespace {

eigenbit::PackedModel opened(const Model& model) {
    const std::vector<std::uint8_t> bytes = encode_ebit(model, LevelStorage::fixed).bytes;
    return eigenbit::PackedModel(std::as_bytes(std::span(bytes)));
}

/// A model whose input, images of 8×8 pixels, has a quantizer.
Model model_with_quantizer(const ActivationQuantizer& quantizer) {
    Model model = small_packed_model(2);
    model.graph.quantize_activation(model.graph.inputs()[0].value, quantizer);
    return model;
}

/// A 1×1 convolution of images of 8×8 pixels, which are rounded or not.
Model model_of_one_layer(bool rounds) {
    Model model;
    const ValueId image = model.graph.add_input("image", Shape{0, 8, 8, 3});
    const ValueId weight = model.graph.add_parameter("weight", random_quantized(Shape{4, 1, 1, 3}, {}, 7));
    model.graph.add_output(model.graph.add_node("conv", Conv{}, {image, weight}));
    if (rounds) model.graph.quantize_activation(image, {.bit_depth = 8, .step = 0.0125F, .zero_point = 117});
    model.preprocessing = small_packed_model(2).preprocessing;
    return model;
}

/// Sums the first input with the second one's channels.
Model model_of_two_inputs() {
    Graph graph;
    const ValueId left = graph.add_input("left", Shape{0, 2, 3, 2});
    const ValueId right = graph.add_input("right", Shape{0, 2, 3, 2});
    graph.add_output(graph.add_node("sum", Arithmetic{.kind = Arithmetic::Kind::add}, {left, right}));
    graph.add_output(graph.add_node("difference", Arithmetic{.kind = Arithmetic::Kind::subtract}, {left, right}));
    return {std::move(graph), {}, {}, {}};
}

}  // namespace

TEST_CASE("Versions of the header and the library agree") {
    const int number = eigenbit_version_number();
    CHECK(number == EIGENBIT_VERSION_NUMBER);
    CHECK(eigenbit::version()
          == std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "."
                 + std::to_string(number % 100));
}

TEST_CASE("The library lists its instruction sets, of which one is in use") {
    const std::vector<std::string> sets = eigenbit::instruction_sets();
    REQUIRE(!sets.empty());
    CHECK(sets.back() == "generic");
    CHECK(std::ranges::count(sets, eigenbit_cpu()) == 1);
    CHECK(eigenbit_cpu_name(100) == nullptr);
    CHECK(eigenbit_cpu_is_supported(100) == 0);
}

TEST_CASE("A model tells how images are prepared") {
    const auto preprocessing = opened(small_packed_model(2)).preprocessing();
    REQUIRE(preprocessing.has_value());
    CHECK(preprocessing->channels == 3);
    CHECK(preprocessing->is_bgr == 1);
    CHECK(preprocessing->resize == 10);
    CHECK(preprocessing->height == 8);
    CHECK(preprocessing->width == 8);
    CHECK(preprocessing->fit == EIGENBIT_FIT_CROP);
    CHECK(preprocessing->mean[0] == 0.5F);
    CHECK(preprocessing->mean[2] == 0.3F);
    CHECK(preprocessing->std[1] == 0.25F);
    CHECK_FALSE(opened(model_of_two_inputs()).preprocessing().has_value());
    CHECK(eigenbit_model_preprocessing(nullptr, nullptr) == EIGENBIT_ERROR);
}

TEST_CASE("Inputs and outputs are found by name") {
    const eigenbit::PackedModel model = opened(model_of_two_inputs());
    CHECK(model.find_input("right") == 1);
    CHECK(model.find_output("difference") == 1);
    CHECK(model.input_name(1) == "right");
    CHECK(model.output_name() == "sum");
    CHECK(error_of<eigenbit::Error>([&] { model.find_input("rigth"); })
          == "The model has no input 'rigth'; it has left, right.");
    CHECK(error_of<eigenbit::Error>([&] { model.find_output("left"); })
          == "The model has no output 'left'; it has sum, difference.");
    std::size_t index = 0;
    CHECK(eigenbit_model_find_input(model.get(), nullptr, &index) == EIGENBIT_ERROR);
    CHECK(eigenbit_model_find_input(model.get(), "left", nullptr) == EIGENBIT_ERROR);

    eigenbit::Session session(model);
    std::ranges::fill(session.input(model.find_input("left")), 3.0F);
    std::ranges::fill(session.input(model.find_input("right")), 2.0F);
    session.run();
    CHECK(session.output(model.find_output("sum"))[5] == 5.0F);
    CHECK(session.output(model.find_output("difference"))[5] == 1.0F);
}

TEST_CASE("Values with channels second become values with channels last") {
    eigenbit::Session session(opened(model_of_two_inputs()), {.input_shapes = {{2, 2, 3, 2}, {2, 2, 3, 2}}});
    std::vector<float> planes(24);  // 100 image + 10 channel + pixel
    for (std::size_t i = 0; i < 24; ++i) planes[i] = static_cast<float>(100 * (i / 12) + 10 * (i / 6 % 2) + i % 6);
    session.set_input(1, planes, EIGENBIT_FLOAT_NCHW);
    const std::span<const float> values = session.input(1);
    for (std::size_t i = 0; i < 24; ++i)
        CHECK(values[i] == static_cast<float>(100 * (i / 12) + 10 * (i % 2) + i / 2 % 6));
    session.set_input(0, planes);
    CHECK(std::ranges::equal(session.input(0), planes));
    CHECK(error_of<eigenbit::Error>([&] { session.set_input(0, std::span(planes).first(23)); })
          == "Input 0 was given 23 values, expected 24.");
    CHECK(error_of<eigenbit::Error>([&] { session.set_input(2, planes); }) == "There is no input 2; there are 2.");
    CHECK_FALSE(error_of<eigenbit::Error>([&] { session.set_input(0, planes, EIGENBIT_PIXELS_NHWC); }).empty());
}

TEST_CASE("Pixels of the network's size are normalised and no more") {
    eigenbit::Session session(opened(small_packed_model(2)), {.input_shapes = {{2, 8, 8, 3}}});
    std::vector<std::uint8_t> pixels(2 * 8 * 8 * 3);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i);
    session.set_input(0, pixels, EIGENBIT_PIXELS_NHWC);
    const std::span<const float> values = session.input();
    constexpr float kMean[] = {0.5F, 0.4F, 0.3F};
    for (std::size_t i = 0; i < pixels.size(); ++i) {
        const std::size_t c = i % 3;
        const auto swapped = static_cast<float>(pixels[i - c + (2 - c)]);  // the network takes BGR
        CHECK(values[i] == doctest::Approx((swapped / 255.0F - kMean[c]) / 0.25F).epsilon(1e-5));
    }
    eigenbit::Session without(opened(model_of_two_inputs()));
    CHECK(error_of<eigenbit::Error>([&] {
              without.set_input(0, std::span<const std::uint8_t>(pixels).first(12), EIGENBIT_PIXELS_NHWC);
          }).find("does not say how to prepare images")
          != std::string::npos);
}

TEST_CASE("Bytes that a session rounds have the scores of the floats that they stand for") {
    std::vector<std::uint8_t> pixels(2 * 8 * 8 * 3);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * i);
    for (const bool is_int8 : {true, false}) {
        const eigenbit::PackedModel model = opened(model_of_one_layer(is_int8));
        for (const std::int64_t images : {1, 2}) {
            const std::span own = std::span(pixels).first(static_cast<std::size_t>(images) * 8 * 8 * 3);
            const auto scores_of = [&](bool as_floats, const std::function<void(eigenbit::Session&)>& set) {
                eigenbit::Session session(model, {.input_shapes = {{images, 8, 8, 3}}});
                REQUIRE(session.is_int8() == is_int8);
                if (as_floats) session.input();
                set(session);
                session.run();
                std::vector<float> scores(session.output().begin(), session.output().end());
                session.input();  // becomes floats
                session.run();
                CHECK(std::ranges::equal(session.output(), scores));
                return scores;
            };
            const auto set_pixels = [&](eigenbit::Session& session) {
                session.set_input(0, own, EIGENBIT_PIXELS_NHWC);
            };
            const auto set_images = [&](eigenbit::Session& session) {
                for (std::int64_t i = 0; i < images; ++i) {
                    session.set_image(i, own.subspan(static_cast<std::size_t>(i) * 8 * 8 * 3, 8 * 8 * 3), 8, 8, 3);
                }
            };
            const auto set_levels = [&](eigenbit::Session& session) {
                session.set_input(0, own, EIGENBIT_LEVELS_UINT8);
            };
            CHECK(scores_of(false, set_pixels) == scores_of(true, set_pixels));
            CHECK(scores_of(false, set_images) == scores_of(true, set_images));
            if (is_int8) CHECK(scores_of(false, set_levels) == scores_of(true, set_levels));
            if (is_int8) CHECK(scores_of(false, set_levels) != scores_of(false, set_pixels));
        }
    }
}

TEST_CASE("Levels of the input's quantizer stand for its values") {
    const ActivationQuantizer grid{.bit_depth = 7, .step = 0.125F, .zero_point = 40};
    const eigenbit::PackedModel model = opened(model_with_quantizer(grid));
    const auto quantizer = model.input_quantizer();
    REQUIRE(quantizer.has_value());
    CHECK(quantizer->bit_depth == 7);
    CHECK(quantizer->step == 0.125F);
    CHECK(quantizer->zero_point == 40);
    eigenbit::Session session(model);
    std::vector<std::uint8_t> levels(8 * 8 * 3);
    std::vector<std::int8_t> shifted(levels.size());
    for (std::size_t i = 0; i < levels.size(); ++i) {
        levels[i] = static_cast<std::uint8_t>(i);
        shifted[i] = static_cast<std::int8_t>(static_cast<int>(i) - 128);
    }
    const auto holds_values = [&] {
        return std::ranges::all_of(std::views::iota(std::size_t{0}, levels.size()), [&](std::size_t i) {
            return session.input()[i] == 0.125F * static_cast<float>(std::min<int>(levels[i], 127) - 40);
        });
    };
    session.set_input(0, levels, EIGENBIT_LEVELS_UINT8);
    CHECK(holds_values());
    std::ranges::fill(session.input(), 0.0F);
    session.set_input(0, shifted);
    CHECK(holds_values());

    const eigenbit::PackedModel floats = opened(small_packed_model(2));
    CHECK_FALSE(floats.input_quantizer().has_value());
    eigenbit::Session other(floats);
    CHECK(error_of<eigenbit::Error>([&] { other.set_input(0, levels, EIGENBIT_LEVELS_UINT8); }).find("has no quantizer")
          != std::string::npos);
    CHECK(eigenbit_session_set_input(nullptr, 0, EIGENBIT_FLOAT_NHWC, levels.data(), 1) == EIGENBIT_ERROR);
}
