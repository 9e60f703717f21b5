#include "engine/base/random.h"
#include "engine/kernels/int8/kernels.h"
#include "engine/passes/fuse.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/passes/quantizer_candidates.h"
#include "engine/program/inference.h"
#include "engine/weights/int8_weights.h"
#include "engine/zoo/zoo.h"
#include "tests/engine/network_run.h"
#include "tests/engine/operator_run.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <string>

using namespace eigenbit::internal;

namespace {

/// A network of the zoo whose normalizations do something.
Graph network(std::string_view name, std::int64_t size) {
    Graph graph = build_network(name, Shape{size, size, 3}, 10, 1);
    std::uint64_t seed = 1;
    for (const Node& node : graph.nodes()) {
        if (!std::holds_alternative<BatchNormalization>(node.op)) continue;
        for (std::size_t input = 1; input < 5; ++input) {
            Tensor& values = graph.parameter(node.inputs[input]).values();
            const bool positive = input == 1 || input == 4;
            values = random_tensor(values.shape(), ++seed, positive ? 0.7F : -0.2F, positive ? 1.3F : 0.2F);
        }
    }
    return graph;
}

/// Rounds the weights of all layers to `bit_depth` bits, in two blocks of output channels.
void quantize_weights(Graph& graph, int bit_depth) {
    for (const LayerView& layer : layers_of(graph)) {
        const Tensor values = graph.parameter(layer.weight).values();
        const Shape shape = values.shape();
        float largest = 0.0F;
        for (const float value : values.values()) largest = std::max(largest, std::abs(value));
        const auto limit = static_cast<float>(1 << (bit_depth - 1));
        const float step = largest / limit;
        Quantized quantized{.shape = shape, .axis = 0, .blocks = {{0, 1, bit_depth, step, 0.5F}}, .levels = {}};
        if (shape[0] > 1) quantized.blocks.push_back({1, shape[0], bit_depth, 0.75F * step});
        for (const float value : values.values()) {
            const float level = std::clamp(std::round(value / step), -limit, limit - 1.0F);
            quantized.levels.push_back(static_cast<std::int16_t>(level));
        }
        graph.parameter(layer.weight) = std::move(quantized);
    }
}

Tensor run_fused(Graph graph, const Tensor& input, Execution execution) {
    prepare_for_inference(graph);
    Inference inference(graph, std::array{input.shape()}, execution);
    return Tensor(inference.run(input));
}

double root_mean_square(ConstView values) {
    double sum = 0.0;
    for (const float value : values.values()) sum += static_cast<double>(value) * value;
    return std::sqrt(sum / static_cast<double>(values.elements()));
}

/// Root mean square of the difference, relative to that of the expected values.
double relative_deviation(const Tensor& values, const Tensor& expected) {
    Tensor difference = values;
    for (std::int64_t i = 0; i < values.elements(); ++i) difference[i] -= expected[i];
    return root_mean_square(difference) / root_mean_square(expected);
}

/// 1 × 1.
ValueId add_convolution(Graph& graph, const std::string& name, ValueId from, std::int64_t inputs = 2,
                        std::int64_t outputs = 2) {
    const ValueId weight = graph.add_parameter(name + ".weight", random_tensor({outputs, 1, 1, inputs}, 3));
    return graph.add_node(name, Conv{}, {from, weight});
}

struct Network {
    std::string_view name;
    std::int64_t size;
};

constexpr std::array kNetworks{Network{"lenet5", 28},   Network{"resnet20", 32}, Network{"cifar-mobilenet-v2", 32},
                               Network{"resnet18", 64}, Network{"resnet50", 32}, Network{"densenet-bc-40", 32}};

}  // namespace

TEST_CASE("float execution agrees with the session to rounding") {
    for (const auto& [name, size] : kNetworks) {
        CAPTURE(name);
        Graph graph = network(name, size);
        const Tensor input = random_tensor({2, size, size, 3}, 5, -2.0F, 2.0F);
        CHECK(relative_error(run_fused(graph, input, Execution::float32), run(graph, input)) < 1e-5F);
        quantize_weights(graph, 4);
        CHECK(relative_error(run_fused(graph, input, Execution::float32), run(graph, input)) < 1e-5F);
    }
}

TEST_CASE("3×3 convolutions of floats go by Winograd where there are pixels and channels enough") {
    Graph graph = network("resnet20", 32);
    const std::array input{Shape{1, 32, 32, 3}};
    prepare_for_inference(graph);
    const Inference inference(graph, input, Execution::float32);
    const auto count = [&](std::string_view kind) { return std::ranges::count(inference.steps(), kind, &Step::kind); };
    CHECK(count("3×3 3→16") == 1);
    CHECK(count("3×3 16→16 Winograd") == 6);
    CHECK(count("3×3 32→32 Winograd") == 5);
    CHECK(count("3×3 64→64") == 5);
}

TEST_CASE("execution in bytes agrees with the session that rounds activations to their grids") {
    for (const auto& [name, size] : kNetworks) {
        CAPTURE(name);
        Graph graph = network(name, size);
        quantize_weights(graph, 4);
        const Tensor input = random_tensor({2, size, size, 3}, 5, -2.0F, 2.0F);
        prepare_for_inference(graph);
        const Tensor unrounded = run(graph, input);
        CHECK(quantize_over_range(graph, input) > 0);
        CHECK(quantize_over_range(graph, input) == 0);
        const Tensor bytes = run_fused(graph, input, Execution::int8);
        // A value between two points of a grid may go to the one in one and to the other in the other.
        CHECK(relative_deviation(bytes, run(graph, input)) < 0.02);
        CHECK(relative_deviation(bytes, unrounded) < 0.1);
        CHECK(relative_deviation(bytes, unrounded) > 0.0);
    }
}

TEST_CASE("pixels that lie in the middle between two levels go the way that the session lets them go") {
    Graph graph;  // of images v / 127.5 − 1, in steps of 1 / 127.5 around 128
    const ValueId x = graph.add_input("x", Shape{0, 16, 16, 1});
    const ValueId weight = graph.add_parameter("weight", Tensor(Shape{1, 1, 1, 1}, std::array{127.0F}));
    graph.add_output(graph.add_node("layer", Conv{}, {x, weight}));
    graph.quantize_activation(x, {.bit_depth = 8, .step = 1.0F / 127.5F, .zero_point = 128});
    Tensor pixels(Shape{1, 16, 16, 1});
    for (std::int64_t v = 0; v < 256; ++v) pixels[v] = static_cast<float>(v) / 127.5F - 1.0F;
    const Tensor expected = run(graph, pixels);
    Inference inference(graph, std::array{pixels.shape()}, Execution::int8);
    const ConstView bytes = inference.run(pixels);
    for (std::int64_t v = 0; v < 256; ++v) {
        CAPTURE(v);
        CHECK(std::abs(bytes[v] - expected[v]) < 1e-3F);
    }
}

TEST_CASE("an inference runs again with the same result and refuses other shapes") {
    Graph graph = network("resnet20", 32);
    const Tensor input = random_tensor({1, 32, 32, 3}, 5);
    prepare_for_inference(graph);
    quantize_over_range(graph, input);
    Inference inference(graph, std::array{input.shape()}, Execution::int8);
    const Tensor first(inference.run(input));
    const Tensor second(inference.run(input));
    CHECK(relative_error(second, first) == 0.0F);
    const std::string sentence = error_of([&] { inference.run(random_tensor({2, 32, 32, 3}, 5)); });
    CHECK(sentence.find("(2, 32, 32, 3)") != std::string::npos);
}

TEST_CASE("layers take in additions and activations, but no value that something else reads") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 4, 4, 2});
    const auto conv = [&](const std::string& name, ValueId from) { return add_convolution(graph, name, from); };
    const ValueId a = conv("a", x);
    const ValueId b = conv("b", x);
    const ValueId sum = graph.add_node("sum", Arithmetic{}, {a, b});
    const ValueId relu = graph.add_node("relu", Activation{}, {sum});
    const ValueId c = conv("c", relu);
    const ValueId other =
        graph.add_node("clip", Activation{.kind = Activation::Kind::clip, .alpha = 0, .beta = 1}, {c});
    graph.add_output(graph.add_node("product", Arithmetic{Arithmetic::Kind::multiply}, {c, other}));
    const Shape input{1, 4, 4, 2};
    const std::vector<FusedNode> fused =
        fuse(graph, infer_shapes(graph, std::array{input}), [](auto&&...) { return false; });
    REQUIRE(fused.size() == 5);
    CHECK(fused[0].outputs.front() == b);
    CHECK(fused[1].outputs.front() == relu);
    CHECK(fused[1].residual == b);
    CHECK(fused[1].low == 0.0F);
    CHECK(fused[2].outputs.front() == c);
    const Tensor values = random_tensor(input, 9);
    CHECK(relative_error(run_fused(graph, values, Execution::float32), run(graph, values)) < 1e-6F);
}

TEST_CASE("of two layers that are added the later one's output is worth rounding") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 4, 4, 2});
    const auto conv = [&](const std::string& name, ValueId from) { return add_convolution(graph, name, from); };
    const ValueId a = conv("a", x);
    const ValueId b = conv("b", a);
    const ValueId shortcut = conv("shortcut", x);
    const ValueId sum = graph.add_node("sum", Arithmetic{}, {shortcut, b});
    graph.add_output(graph.add_node("again", Arithmetic{}, {sum, x}));
    const Shape input{1, 4, 4, 2};
    CHECK(quantizer_candidates(graph, infer_shapes(graph, input)) == std::vector<ValueId>{x, a, shortcut});
    // An earlier one that others read, too, cannot take the addition: the later one does.
    graph.add_output(b);
    CHECK(quantizer_candidates(graph, infer_shapes(graph, input)) == std::vector<ValueId>{x, a});
}

TEST_CASE("of what a layer computes and a split alone reads the whole is rounded, once, and moved as bytes") {
    const Shape input{1, 8, 8, 2};
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 8, 8, 2});
    const ValueId whole = graph.add_node("relu", Activation{}, {add_convolution(graph, "a", x, 2, 4)});
    const std::vector<ValueId> parts = graph.add_node("split", Split{.axis = 3, .sizes = {2, 2}}, {whole}, 2);
    const ValueId b = add_convolution(graph, "b", parts[1]);
    const ValueId all = graph.add_node("concat", Concat{.axis = 3}, {parts[0], parts[1], b});
    graph.add_output(add_convolution(graph, "c", all, 6));
    CHECK(quantizer_candidates(graph, infer_shapes(graph, input)) == std::vector<ValueId>{x, whole, all});
    Graph quantized = graph;
    const Tensor images = random_tensor(input, 5);
    quantize_over_range(quantized, images);
    CHECK(quantized.activations().at(parts[0]) == quantized.activations().at(whole));
    CHECK(quantized.activations().at(parts[1]) == quantized.activations().at(whole));
    CHECK(runs_in_int8(quantized));
    CHECK(quantizer_candidates(quantized, infer_shapes(graph, input)) == std::vector<ValueId>{x, parts[1], all});
    const auto program = compile(quantized, std::array{input}, Execution::int8);
    CHECK(std::ranges::count(program->steps(), "Split int8", &Step::kind) == 1);
    CHECK(std::ranges::count(program->steps(), "quantize", &Step::kind) == 1);  // of the input
    CHECK(std::ranges::count(program->steps(), "dequantize", &Step::kind) == 0);

    // A part that is read in floats stays as it is.
    graph.add_output(graph.add_node("root", Activation{.kind = Activation::Kind::sqrt}, {parts[0]}));
    CHECK(quantizer_candidates(graph, infer_shapes(graph, input)) == std::vector<ValueId>{x, parts[1], all});
}

TEST_CASE("what layers compute and averages of whole images alone read is worth rounding") {
    const auto is_candidate = [](const Operator& op, std::int64_t side, auto&& add_reader) {
        Graph graph;
        const ValueId x = graph.add_input("x", Shape{0, side, side, 2});
        const ValueId relu = graph.add_node("relu", Activation{}, {add_convolution(graph, "a", x)});
        graph.add_output(graph.add_node("pool", op, {relu}));
        add_reader(graph, relu);
        const Shape input{1, side, side, 2};
        return std::ranges::count(quantizer_candidates(graph, infer_shapes(graph, input)), relu) == 1;
    };
    const auto none = [](Graph&, ValueId) {};
    const Reduce mean{.axes = {1, 2}, .keep_axes = false};
    const AveragePool pool{.kernel{4, 4}, .stride{4, 4}};
    CHECK(is_candidate(mean, 4, none));
    CHECK(is_candidate(pool, 4, none));
    CHECK_FALSE(is_candidate(pool, 8, none));
    CHECK_FALSE(is_candidate(Reduce{.axes = {3}}, 4, none));
    CHECK_FALSE(is_candidate(Reduce{.kind = Reduce::Kind::sum, .axes = {1, 2}}, 4, none));
    CHECK(is_candidate(mean, 4,
                       [&](Graph& graph, ValueId relu) { graph.add_output(graph.add_node("again", mean, {relu})); }));
    CHECK_FALSE(is_candidate(mean, 4, [](Graph& graph, ValueId relu) {
        graph.add_output(graph.add_node("root", Activation{.kind = Activation::Kind::sqrt}, {relu}));
    }));
    CHECK_FALSE(is_candidate(mean, 4, [](Graph& graph, ValueId relu) { graph.add_output(relu); }));

    Graph variance;
    const ValueId y = add_convolution(variance, "a", variance.add_input("x", Shape{0, 4, 4, 2}));
    const ValueId centre = variance.add_node("centre", Reduce{.axes = {1, 2}}, {y});
    const ValueId difference = variance.add_node("difference", Arithmetic{Arithmetic::Kind::subtract}, {y, centre});
    const ValueId square =
        variance.add_node("square", Arithmetic{Arithmetic::Kind::multiply}, {difference, difference});
    variance.add_output(variance.add_node("variance", mean, {square}));
    CHECK(quantizer_candidates(variance, infer_shapes(variance, Shape{1, 4, 4, 2})) == std::vector<ValueId>{0});
}

TEST_CASE("concatenation, normalization and activation are part of rounding to bytes") {
    Graph graph = network("densenet-bc-40", 32);
    const Tensor input = random_tensor({1, 32, 32, 3}, 5);
    prepare_for_inference(graph);
    quantize_over_range(graph, input);
    const Inference inference(graph, std::array{input.shape()}, Execution::int8);
    for (const std::string kind : {"Concat", "BatchNormalization", "Activation"}) {
        CAPTURE(kind);
        CHECK(std::ranges::count(inference.steps(), kind, &Step::kind) == 0);
    }
}

TEST_CASE("int8 weights are the levels themselves where they fit") {
    const Int8Weights weights = int8_weights(Quantized{.shape = Shape{3, 2},
                                                       .axis = 0,
                                                       .blocks = {{0, 1, 8, 0.5F}, {1, 2, 4, 0.25F, 0.5F}, {2, 3, 0}},
                                                       .levels = {-128, 127, -8, 7, 0, 0}});
    CHECK(weights.codes == std::vector<std::int8_t>{-128, 127, -15, 15, 0, 0});
    CHECK(weights.scale == std::vector<float>{0.5F, 0.125F, 0.0F});
}

TEST_CASE("blocks of input channels share a scale where it is fine enough") {
    const Shape shape{2, 1, 1, 12};
    Quantized quantized{
        .shape = shape, .axis = 3, .blocks = {{0, 4, 3, 0.5F}, {4, 8, 0}, {8, 12, 4, 0.37F, 0.5F}}, .levels = {}};
    for (std::int16_t i = 0; i < 2 * 12; ++i) {
        const int channel = i % 12;
        const int index = channel < 4 ? i % 8 - 4 : channel < 8 ? 0 : i * 11 % 16 - 8;
        quantized.levels.push_back(static_cast<std::int16_t>(index));
    }
    const Tensor values = image(quantized);
    const Int8Weights weights = int8_weights(quantized);
    CHECK(weights.input_cuts == std::vector<std::int64_t>{0, 4, 8});
    CHECK(weights.scale[1] == weights.scale[0]);
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
        const float scale = weights.scale[static_cast<std::size_t>(i / 12)];
        const float value = scale * static_cast<float>(weights.codes[static_cast<std::size_t>(i)]);
        CHECK(std::abs(value - values[i]) <= 0.5001F * scale);
    }
    quantized.blocks[0].step = 0.01F;
    const Int8Weights apart = int8_weights(quantized);
    CHECK(apart.scale[1] != apart.scale[0]);
}

TEST_CASE("blocks of input channels have the smallest codes that tell their levels apart") {
    const Int8Weights weights = int8_weights(Quantized{.shape = Shape{1, 1, 1, 8},
                                                       .axis = 3,
                                                       .blocks = {{0, 4, 4, 0.25F}, {4, 8, 4, 0.75F}},
                                                       .levels = {-3, 2, 1, 0, 1, -1, 0, 2}});
    CHECK(weights.scale == std::vector<float>{0.25F});
    CHECK(weights.codes == std::vector<std::int8_t>{-3, 2, 1, 0, 3, -3, 0, 6});
}

TEST_CASE("int8 weights may be as large as any, whatever their neighbours") {
    const Quantized quantized{
        .shape = Shape{1, 1, 1, 4}, .axis = 0, .blocks = {{0, 1, 8, 0.25F}}, .levels = {-128, -128, 127, 127}};
    CHECK(int8_weights(quantized).codes == std::vector<std::int8_t>{-128, -128, 127, 127});
}

TEST_CASE("errors of int8 weights of several taps cancel over the taps") {
    const Shape shape{5, 3, 3, 24};
    const Tensor values = random_tensor(shape, 4);
    const Int8Weights weights = int8_weights(values);
    for (std::int64_t filter = 0; filter < 5; ++filter) {
        const float scale = weights.scale[static_cast<std::size_t>(filter)];
        for (std::int64_t input = 0; input < 24; ++input) {
            float error = 0.0F;
            for (std::int64_t tap = 0; tap < 9; ++tap) {
                const std::int64_t at = (filter * 9 + tap) * 24 + input;
                const float value = scale * static_cast<float>(weights.codes[static_cast<std::size_t>(at)]);
                error += value - values[at];
                CHECK(std::abs(value - values[at]) <= 1.0001F * scale);
            }
            CHECK(std::abs(error) <= 0.501F * scale);
        }
    }
}

TEST_CASE("rounded int8 weights leave room for sums of four products in 16 bits, and use it") {
    const Int8Weights weights = int8_weights(random_tensor({5, 3, 3, 24}, 4));
    for (std::size_t filter = 0; filter < 5; ++filter) {
        int largest = 0;
        for (std::size_t row = 216 * filter; row < 216 * (filter + 1); row += 24) {
            for (std::size_t i = row; i + 6 <= row + 24; i += 2) {
                int above = 0;
                int below = 0;
                for (const std::size_t at : {i, i + 1, i + 4, i + 5}) {
                    above += std::max<int>(weights.codes[at], 0);
                    below -= std::min<int>(weights.codes[at], 0);
                }
                largest = std::max({largest, above, below});
            }
        }
        CHECK(largest <= kLargestInt16WeightSum);
        CHECK(largest >= kLargestInt16WeightSum - 8);
    }
}

TEST_CASE("int8 weights are rounded values where the levels do not fit") {
    const Tensor values = random_tensor({3, 1, 1, 40}, 4);
    const Int8Weights weights = int8_weights(values);
    for (std::int64_t i = 0; i < values.elements(); ++i) {
        const float scale = weights.scale[static_cast<std::size_t>(i / 40)];
        const float value = scale * static_cast<float>(weights.codes[static_cast<std::size_t>(i)]);
        CHECK(std::abs(value - values[i]) <= 0.5001F * scale);
    }
}
