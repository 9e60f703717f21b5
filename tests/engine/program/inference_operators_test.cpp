#include "engine/program/inference.h"
#include "tests/engine/network_run.h"
#include "tests/engine/operator_run.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <optional>
#include <string>

using namespace eigenbit::internal;

namespace {

// Steps are powers of two: rounding is the same whether values are divided by them or multiplied by their inverses.
constexpr ActivationQuantizer kFine{.bit_depth = 8, .step = 0.0625F, .zero_point = 100};
constexpr ActivationQuantizer kCoarse{.bit_depth = 5, .step = 0.25F, .zero_point = 11};
constexpr std::array<std::optional<ActivationQuantizer>, 3> kOutputs{std::nullopt, kFine, kCoarse};

void quantize(Graph& graph, ValueId value, const std::optional<ActivationQuantizer>& quantizer) {
    if (quantizer) graph.quantize_activation(value, *quantizer);
}

std::vector<std::string> kinds(const Inference& inference) {
    std::vector<std::string> result;
    for (const Step& step : inference.steps()) result.push_back(step.kind);
    return result;
}

/// Runs the graph in bytes, where it has to give what the session gives, and returns the kinds of its steps.
std::vector<std::string> check_bytes(const Graph& graph, const Tensor& input) {
    const std::array shapes{input.shape()};
    Inference inference(graph, shapes, Execution::int8);
    GraphExecutor session(graph, shapes);
    session.run(input);
    inference.run(input);
    for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
        CHECK(same_bits(Tensor(inference.output(i)), Tensor(session.value(graph.outputs()[i]))));
    }
    return kinds(inference);
}

std::vector<Operator> moving_operators() {
    return {MaxPool{.kernel{3, 2}, .stride{2, 1}, .padding{1, 0, 1, 1}},
            Reshape{.extents{0, -1}},
            Slice{.ranges{{}, {.begin = -1, .end = -7, .step = -2}, {.begin = 1}, {.begin = 1, .end = 3}}},
            Transpose{.permutation{0, 3, 1, 2}},
            DepthToSpace{.block = 2, .order = DepthToSpace::Order::column_first},
            Gather{.axis = 3, .positions{3, 0, 0, -3}},
            Resize{.size{5, 9}},
            Resize{.coordinates = Resize::Coordinates::asymmetric, .height_scale = 2.0F, .width_scale = 0.5F},
            SpaceToDepth{.block = 2},
            Tile{.repeats{1, 2, 1, 3}},
            Pad{.before{0, 1, 2, 0}, .after{0, 2, 1, 0}},
            Pad{.before{0, 1, 2, 1}, .after{0, 2, 1, 0}, .mode = Pad::Mode::reflect},
            Concat{.axis = 1},
            Concat{.axis = 3}};
}

}  // namespace

TEST_CASE("operators that move elements move bytes, whatever quantizer their output has") {
    const Tensor input = random_tensor({2, 8, 6, 4}, 1, -8.0F, 8.0F);
    for (const Operator& op : moving_operators()) {
        CAPTURE(type_name(op));
        for (const auto& quantizer : kOutputs) {
            Graph graph;
            const ValueId x = graph.add_input("x", Shape{0, 8, 6, 4});
            graph.quantize_activation(x, kFine);
            std::vector<ValueId> inputs{x};
            if (std::holds_alternative<Concat>(op)) inputs.push_back(x);
            const ValueId y = graph.add_node("move", op, inputs);
            quantize(graph, y, quantizer);
            graph.add_output(y);
            std::vector<std::string> expected{"quantize", fmt::format("{} int8", type_name(op))};
            if (quantizer == kCoarse) expected.push_back("requantize");
            expected.push_back("dequantize");
            CHECK(check_bytes(graph, input) == expected);
        }
    }
}

TEST_CASE("what is padded with a constant that may lie between levels stays in floats") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 5});
    graph.quantize_activation(x, kFine);
    graph.add_output(graph.add_node("padded", Pad{.before{0, 1}, .after{0, 2}, .value = 0.8F}, {x}));
    CHECK(check_bytes(graph, random_tensor({2, 5}, 1)) == std::vector<std::string>{"quantize", "dequantize", "Pad"});
}

TEST_CASE("the maximum of a whole image is that of its bytes") {
    for (const auto& quantizer : kOutputs) {
        Graph graph;
        const ValueId x = graph.add_input("x", Shape{0, 5, 7, 3});
        graph.quantize_activation(x, kFine);
        const ValueId y = graph.add_node("y", Reduce{Reduce::Kind::maximum, {1, 2}, true}, {x});
        quantize(graph, y, quantizer);
        graph.add_output(y);
        CHECK(std::ranges::count(check_bytes(graph, random_tensor({2, 5, 7, 3}, 1, -8.0F, 8.0F)), "Reduce int8") == 1);
    }
}

TEST_CASE("means of levels are made of integer sums, and are those of the values") {
    const std::vector<Operator> means{Reduce{Reduce::Kind::mean, {1, 2}, true},
                                      Reduce{Reduce::Kind::mean, {1, 2, 3}, false},
                                      Reduce{Reduce::Kind::mean, {0, 3}, false},
                                      AveragePool{.kernel{3, 2}, .stride{2, 1}, .padding{1, 0, 1, 1}},
                                      AveragePool{.kernel{2, 2}, .padding{1, 1, 0, 0}, .count_padding = true},
                                      AveragePool{.kernel{2, 3}, .dilation{3, 2}}};
    // Sums of multiples of a power of two are exact in floats too.
    for (const Operator& op : means) {
        CAPTURE(type_name(op));
        for (const auto& quantizer : kOutputs) {
            Graph graph;
            const ValueId x = graph.add_input("x", Shape{0, 8, 6, 5});
            graph.quantize_activation(x, kFine);
            const ValueId y = graph.add_node("mean", op, {x});
            quantize(graph, y, quantizer);
            graph.add_output(y);
            std::vector<std::string> expected{"quantize", fmt::format("{} int8", type_name(op))};
            if (quantizer) expected.insert(expected.end(), {"quantize", "dequantize"});
            CHECK(check_bytes(graph, random_tensor({2, 8, 6, 5}, 1, -8.0F, 8.0F)) == expected);
        }
    }
}

TEST_CASE("parts that are split off have quantizers of their own") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 5, 7});
    graph.quantize_activation(x, kFine);
    const std::vector<ValueId> parts = graph.add_node("split", Split{.axis = 2, .sizes{4, 1, 2}}, {x}, 3);
    quantize(graph, parts[0], kCoarse);
    quantize(graph, parts[1], kFine);
    for (const ValueId part : parts) graph.add_output(part);
    const auto steps = check_bytes(graph, random_tensor({2, 5, 7}, 1, -8.0F, 8.0F));
    CHECK(std::ranges::count(steps, "Split int8") == 1);
    CHECK(std::ranges::count(steps, "requantize") == 1);
    CHECK(std::ranges::count(steps, "dequantize") == 3);
}

TEST_CASE("values of several quantizers are concatenated on that of the output") {
    for (const auto& quantizer : kOutputs) {
        Graph graph;
        const ValueId x = graph.add_input("x", Shape{0, 5, 6});
        const ValueId tangent = graph.add_node("tangent", Activation{.kind = Activation::Kind::tanh}, {x});
        graph.quantize_activation(x, kFine);
        graph.quantize_activation(tangent, kCoarse);
        const ValueId both = graph.add_node("both", Concat{.axis = 2}, {x, tangent});
        quantize(graph, both, quantizer);
        graph.add_output(both);
        const auto steps = check_bytes(graph, random_tensor({2, 5, 6}, 1, -8.0F, 8.0F));
        CHECK(std::ranges::count(steps, "Concat int8") == (quantizer ? 1 : 0));
        CHECK(std::ranges::count(steps, "requantize") == (quantizer ? 1 : 0));
    }
}

TEST_CASE("the larger and the smaller of two values are those of their bytes, on the quantizer of the output") {
    for (const auto kind : {Arithmetic::Kind::maximum, Arithmetic::Kind::minimum}) {
        for (const Shape& other : {Shape{0, 6, 5, 4}, Shape{0, 1, 5, 1}}) {
            for (const auto& [of_a, of_b, of_y] : {std::array{kFine, kFine, kFine}, std::array{kFine, kCoarse, kCoarse},
                                                   std::array{kCoarse, kCoarse, kFine}}) {
                Graph graph;
                const ValueId x = graph.add_input("x", Shape{0, 6, 5, 8});
                const auto part = [&](std::int64_t channel, const Shape& shape) {
                    const Slice slice{
                        .ranges = {{}, {.end = shape[1]}, {}, {.begin = channel, .end = channel + shape[3]}}};
                    return graph.add_node(fmt::format("from {}", channel), slice, {x});
                };
                const ValueId a = part(0, Shape{0, 6, 5, 4});
                const ValueId b = part(4, other);
                const ValueId y = graph.add_node("y", Arithmetic{kind}, {a, b});
                graph.quantize_activation(a, of_a);
                graph.quantize_activation(b, of_b);
                graph.quantize_activation(y, of_y);
                graph.add_output(y);
                const std::vector<std::string> steps = check_bytes(graph, random_tensor({2, 6, 5, 8}, 3, -8.0F, 8.0F));
                CHECK(std::ranges::count(steps, "Arithmetic int8") == 1);
                CHECK(std::ranges::count(steps, "requantize") == (of_a == of_b && of_b == of_y ? 0 : 1));
            }
        }
    }
}

TEST_CASE("layers whose maximum is rounded put out bytes of its quantizer") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 4, 4, 8});
    graph.quantize_activation(x, kFine);
    std::vector<ValueId> layers;
    for (const auto* const name : {"a", "b", "c"}) {
        const ValueId weight = graph.add_parameter(std::string(name) + " weight", counted(Shape{8, 1, 1, 8}));
        layers.push_back(graph.add_node(name, Conv{}, {x, weight}));
    }
    const ValueId two = graph.add_node("two", Arithmetic{Arithmetic::Kind::maximum}, {layers[0], layers[1]});
    const ValueId three = graph.add_node("three", Arithmetic{Arithmetic::Kind::maximum}, {two, layers[2]});
    graph.quantize_activation(three, kCoarse);
    graph.add_output(three);
    const Tensor input = random_tensor({1, 4, 4, 8}, 3, -8.0F, 8.0F);
    const Inference inference(graph, std::array{input.shape()}, Execution::int8);
    CHECK(kinds(inference)
          == std::vector<std::string>{"quantize", "1×1 8→8 int8", "1×1 8→8 int8", "1×1 8→8 int8", "Arithmetic int8",
                                      "Arithmetic int8", "dequantize"});
}

TEST_CASE("factors for each image and channel are part of rounding, whichever input they are") {
    const Tensor input = random_tensor({3, 9, 70, 5}, 1, -8.0F, 8.0F);
    for (const bool gate_first : {false, true}) {
        for (const bool keeps_axes : {true, false}) {
            Graph graph;
            const ValueId x = graph.add_input("x", Shape{0, 9, 70, 5});
            const ValueId tangent = graph.add_node("tangent", Activation{.kind = Activation::Kind::tanh}, {x});
            const std::vector<int> axes = keeps_axes ? std::vector{1, 2} : std::vector{1};
            const ValueId mean = graph.add_node("mean", Reduce{.axes = axes}, {x});
            const ValueId gate = graph.add_node("gate", Activation{.kind = Activation::Kind::sigmoid}, {mean});
            const ValueId y = graph.add_node("y", Arithmetic{Arithmetic::Kind::multiply},
                                             gate_first ? std::vector{gate, tangent} : std::vector{tangent, gate});
            graph.quantize_activation(y, {.bit_depth = 8, .step = 0.0078125F, .zero_point = 128});
            graph.add_output(y);
            // A factor for each column is not one for each channel.
            CHECK(std::ranges::count(check_bytes(graph, input), "Arithmetic") == (keeps_axes ? 0 : 1));
        }
    }
}

TEST_CASE("what is only moved before it is rounded is rounded before") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 8, 6, 4});
    const ValueId squashed = graph.add_node("squashed", Activation{.kind = Activation::Kind::sigmoid}, {x});
    const ValueId pooled = graph.add_node("pooled", MaxPool{.kernel{2, 2}, .stride{2, 2}}, {squashed});
    const ValueId tangent = graph.add_node("tangent", Activation{.kind = Activation::Kind::tanh}, {x});
    const ValueId mean = graph.add_node("mean", AveragePool{.kernel{2, 2}, .stride{2, 2}}, {tangent});
    const ValueId both = graph.add_node("both", Concat{.axis = 3}, {pooled, mean});
    graph.quantize_activation(both, kFine);
    const ValueId padded = graph.add_node("padded", Pad{.before{0, 1, 1, 0}, .after{0, 1, 1, 0}}, {both});
    graph.quantize_activation(padded, kFine);
    graph.add_output(padded);
    const Tensor input = random_tensor({1, 8, 6, 4}, 1, -2.0F, 2.0F);
    const auto steps = check_bytes(graph, input);
    for (const std::string kind : {"MaxPool int8", "Concat int8", "Pad int8"}) {
        CAPTURE(kind);
        CHECK(std::ranges::count(steps, kind) == 1);
    }
    CHECK(std::ranges::count(steps, "quantize") == 2);
    // What somebody else reads as well stays in floats.
    graph.add_output(mean);
    CHECK(std::ranges::count(check_bytes(graph, input), "Concat int8") == 0);
}

TEST_CASE("an image that takes the size of another, of which nothing else is read, is moved in bytes") {
    const Tensor input = random_tensor({2, 7, 5, 4}, 1, -8.0F, 8.0F);
    for (const auto& quantizer : kOutputs) {
        Graph graph;
        const ValueId x = graph.add_input("x", Shape{0, 0, 0, 4});
        const ValueId pooled = graph.add_node("pooled", MaxPool{.kernel{2, 2}, .stride{2, 2}}, {x});
        const ValueId y = graph.add_node("y", Resize{}, {pooled, x});
        graph.quantize_activation(pooled, kFine);
        quantize(graph, y, quantizer);
        graph.add_output(y);
        std::vector<std::string> expected{"MaxPool", "quantize", "Resize int8"};
        if (quantizer && !(*quantizer == kFine)) expected.push_back("requantize");
        expected.push_back("dequantize");
        CHECK(check_bytes(graph, input) == expected);
    }
    Graph linear;
    const ValueId x = linear.add_input("x", Shape{0, 0, 0, 4});
    linear.quantize_activation(x, kFine);
    const ValueId pooled = linear.add_node("pooled", MaxPool{.kernel{2, 2}, .stride{2, 2}}, {x});
    linear.add_output(linear.add_node("y", Resize{.mode = Resize::Mode::linear}, {pooled, x}));
    CHECK(check_bytes(linear, input) == std::vector<std::string>{"quantize", "MaxPool int8", "dequantize", "Resize"});
}

TEST_CASE("a function with a parameter is a table of all bytes where that is one number, else computed in floats") {
    // Floats half way between levels become the even level, in a session the even multiple of the step: the same where
    // the zero point is even.
    constexpr ActivationQuantizer kEven{.bit_depth = 5, .step = 0.25F, .zero_point = 12};
    for (const Shape& slopes : {Shape{}, Shape{1}, Shape{7}}) {
        CAPTURE(to_string(slopes));
        for (const auto& quantizer :
             {std::optional<ActivationQuantizer>(), std::optional(kFine), std::optional(kEven)}) {
            Graph graph;
            const ValueId x = graph.add_input("x", Shape{0, 5, 7});
            graph.quantize_activation(x, kFine);
            const ValueId slope = graph.add_parameter("slope", random_tensor(slopes, 2));
            const ValueId y = graph.add_node("y", PRelu{}, {x, slope});
            quantize(graph, y, quantizer);
            graph.add_output(y);
            std::vector<std::string> expected{"quantize", "PRelu int8"};
            if (slopes.elements() > 1) {
                expected = {"quantize", "dequantize", "PRelu"};
                if (quantizer) expected.push_back("quantize");
            }
            if (quantizer) expected.push_back("dequantize");
            CHECK(check_bytes(graph, random_tensor({3, 5, 7}, 1, -8.0F, 8.0F)) == expected);
        }
    }
}

TEST_CASE("functions of single elements become tables of all bytes") {
    using Kind = Activation::Kind;
    for (const Activation& activation :
         {Activation{.kind = Kind::relu}, Activation{.kind = Kind::leaky_relu, .alpha = 0.3F},
          Activation{.kind = Kind::clip, .alpha = -1.1F, .beta = 2.3F}, Activation{.kind = Kind::sigmoid},
          Activation{.kind = Kind::tanh}, Activation{.kind = Kind::hard_swish}, Activation{.kind = Kind::gelu},
          Activation{.kind = Kind::swish, .alpha = 1.0F}}) {
        CAPTURE(static_cast<int>(activation.kind));
        for (const auto& quantizer : kOutputs) {
            Graph graph;
            const ValueId x = graph.add_input("x", Shape{0, 5, 7});
            graph.quantize_activation(x, kFine);
            const ValueId y = graph.add_node("y", activation, {x});
            quantize(graph, y, quantizer);
            graph.add_output(y);
            std::vector<std::string> expected{"quantize", "Activation int8"};
            if (quantizer) expected.push_back("dequantize");
            CHECK(check_bytes(graph, random_tensor({3, 5, 7}, 1, -8.0F, 8.0F)) == expected);
        }
    }
}
