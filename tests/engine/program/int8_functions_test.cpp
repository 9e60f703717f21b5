#include "engine/base/format.h"
#include "engine/program/inference.h"
#include "tests/engine/kernels/convolution_geometries.h"
#include "tests/engine/operator_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace eigenbit::internal;

namespace {

constexpr ActivationQuantizer kInputs{.bit_depth = 8, .step = 1.0F / 64.0F, .zero_point = 128};

/// A layer, maybe an addition, and a function of each element of the sum.
struct Case {
    ConvolutionGeometry geometry;
    bool is_fully_connected, has_bias, adds, rounds_addend, has_slopes;
    Operator function;
    std::optional<ActivationQuantizer> output;
};

const Operator kFunctions[] = {
    Activation{.kind = Activation::Kind::leaky_relu, .alpha = 0.1F},
    Activation{.kind = Activation::Kind::leaky_relu, .alpha = -1.5F},
    Activation{.kind = Activation::Kind::hard_sigmoid, .alpha = 0.2F, .beta = 0.5F},
    Activation{.kind = Activation::Kind::hard_swish},
    PRelu{},
    PRelu{},
    Activation{.kind = Activation::Kind::swish, .alpha = 1.0F},
    Activation{.kind = Activation::Kind::swish, .alpha = 1.7F},
    Activation{.kind = Activation::Kind::sigmoid},
    Activation{.kind = Activation::Kind::tanh},
    Activation{.kind = Activation::Kind::mish},
    Activation{.kind = Activation::Kind::gelu},
    Activation{.kind = Activation::Kind::gelu_tanh},
    Activation{.kind = Activation::Kind::softplus},
    Activation{.kind = Activation::Kind::erf},
    Activation{.kind = Activation::Kind::elu, .alpha = 0.7F},
    Activation{.kind = Activation::Kind::selu, .alpha = 1.6F, .beta = 1.05F},
    Activation{.kind = Activation::Kind::celu, .alpha = 0.5F},
};

Case random_case(const ConvolutionGeometry& geometry, std::mt19937& random) {
    const auto coin = [&] { return between(random, 0, 1) == 1; };
    Case result{.geometry = geometry,
                .is_fully_connected = between(random, 0, 3) == 0,
                .has_bias = coin(),
                .adds = coin(),
                .rounds_addend = coin(),
                .has_slopes = coin(),
                .function = kFunctions[between(random, 0, std::ssize(kFunctions) - 1)],
                .output = std::nullopt};
    if (coin()) {
        const int bits = static_cast<int>(between(random, 3, 8));
        result.output = ActivationQuantizer{
            .bit_depth = bits,
            .step = static_cast<float>(between(random, 1000, 2000)) * 8e-6F * static_cast<float>(1 << (8 - bits)),
            .zero_point = static_cast<std::int32_t>(between(random, 0, 1 << (bits - 1)))};
    }
    return result;
}

Shape input_shape(const Case& c) {
    const ConvolutionGeometry& g = c.geometry;
    return c.is_fully_connected ? Shape{g.n, g.i} : Shape{g.n, g.h, g.w, g.i};
}

/// With the layer's output as a second output of the network, the function is a step of its own.
Graph network(const Case& c, bool shows_layer) {
    const ConvolutionGeometry& g = c.geometry;
    Graph graph;
    const ValueId x = graph.add_input("x", input_shape(c));
    const Shape weights = c.is_fully_connected ? Shape{g.o, g.i} : Shape{g.o, g.kh, g.kw, g.i / g.groups};
    const float largest = 4.0F / std::sqrt(static_cast<float>(weights.elements() / g.o));
    const ValueId weight = graph.add_parameter("weight", random_tensor(weights, 2, -largest, largest));
    std::vector<ValueId> inputs{x, weight};
    if (c.has_bias) inputs.push_back(graph.add_parameter("bias", random_tensor(Shape{g.o}, 3, -2.0F, 2.0F)));
    const Conv conv{.stride = g.stride, .dilation = g.dilation, .padding = g.pad, .groups = g.groups};
    ValueId y = graph.add_node("layer", c.is_fully_connected ? Operator(Gemm{}) : Operator(conv), inputs);
    if (c.adds) {
        const Shape shape = c.is_fully_connected ? Shape{g.n, g.o} : Shape{g.n, g.oh, g.ow, g.o};
        const ValueId addend = graph.add_input("addend", shape);
        if (c.rounds_addend) graph.quantize_activation(addend, kInputs);
        y = graph.add_node("sum", Arithmetic{}, {y, addend});
    }
    std::vector<ValueId> operands{y};
    if (std::holds_alternative<PRelu>(c.function)) {
        const Shape slopes = c.has_slopes ? Shape{g.o} : Shape{};
        operands.push_back(graph.add_parameter("slope", random_tensor(slopes, 6, -0.5F, 1.5F)));
    }
    const ValueId result = graph.add_node("function", c.function, operands);
    graph.add_output(result);
    if (shows_layer) graph.add_output(y);
    graph.quantize_activation(x, kInputs);
    if (c.output) graph.quantize_activation(result, *c.output);
    return graph;
}

}  // namespace

TEST_CASE("int8 layers make functions of their outputs as steps of their own do") {
    std::mt19937 random(4);
    for (const ConvolutionGeometry& geometry : convolution_geometries(400, random)) {
        if (geometry.o * geometry.i == 0) continue;
        const Case c = random_case(geometry, random);
        CAPTURE(to_string(c.geometry));
        const Graph fused = network(c, false);
        const Graph apart = network(c, true);
        std::vector<Tensor> inputs;
        std::vector<Shape> shapes;
        for (const Graph::Input& input : fused.inputs()) {
            inputs.push_back(random_tensor(input.shape, 5, -2.0F, 2.0F));
            shapes.push_back(input.shape);
        }
        const std::vector<ConstView> views(inputs.begin(), inputs.end());
        for_each_supported([&](const CpuImplementation& implementation) {
            Inference inference(compile(fused, shapes, Execution::int8, implementation));
            Inference expected(compile(apart, shapes, Execution::int8, implementation));
            const auto functions = [&](const Inference& run) {
                return std::ranges::count(run.steps(), type_name(c.function), &Step::kind);
            };
            const auto* const activation = std::get_if<Activation>(&c.function);
            const bool is_step = activation && exponential_function(*activation) && implementation.integer->width < 16;
            CHECK(functions(inference) == (is_step ? 1 : 0));
            CHECK(functions(expected) == 1);
            const std::string_view name =
                activation ? Activation::kKinds[static_cast<std::size_t>(activation->kind)] : type_name(c.function);
            const auto names_function = [&](const Step& step) { return step.kind.ends_with(formatted(", {}", name)); };
            CHECK(std::ranges::count_if(inference.steps(), names_function) == (is_step ? 0 : 1));
            inference.run(views);
            expected.run(views);
            CHECK(std::ranges::equal(inference.output(0).values(), expected.output(0).values()));
        });
    }
}
