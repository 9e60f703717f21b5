#include "engine/inference/prepare.h"
#include "tests/engine/network_run.h"
#include "tests/engine/operator_run.h"

#include <doctest/doctest.h>

#include <string>

using namespace eigenbit;

namespace {

/// Two convolutions in a row.
Graph factors(const Shape& first, Conv first_op, bool first_bias, const Shape& second, Conv second_op) {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 6, 6, first[3]});
    std::vector<ValueId> inputs{x, graph.add_parameter("first.weight", random_tensor(first, 1))};
    if (first_bias) inputs.push_back(graph.add_parameter("first.bias", random_tensor({first[0]}, 2)));
    const ValueId between = graph.add_node("first", first_op, inputs);
    graph.add_output(graph.add_node("second", second_op,
                                    {between, graph.add_parameter("second.weight", random_tensor(second, 3)),
                                     graph.add_parameter("second.bias", random_tensor({second[0]}, 4))}));
    return graph;
}

void check_merged(Graph graph, int expected) {
    const Tensor input = random_tensor({2, 6, 6, graph.inputs().front().shape[3]}, 5);
    const Tensor output = run(graph, input);
    CHECK(merge_factors(graph, std::array{input.shape()}) == expected);
    CHECK(graph.nodes().size() == static_cast<std::size_t>(2 - expected));
    CHECK(relative_error(run(graph, input), output) < 1e-5F);
}

const Conv kPadded{.stride = {2, 1}, .padding = {1, 1, 1, 1}};

}  // namespace

TEST_CASE("factors become one layer where that takes fewer multiplications") {
    check_merged(factors({8, 1, 1, 8}, {}, false, {4, 3, 3, 8}, kPadded), 1);
    check_merged(factors({8, 3, 3, 8}, kPadded, true, {8, 1, 1, 8}, {}), 1);
    check_merged(factors({8, 1, 1, 8}, {}, true, {8, 1, 1, 8}, {}), 1);
}

TEST_CASE("factors with few channels between them stay") {
    check_merged(factors({2, 1, 1, 8}, {}, false, {8, 3, 3, 2}, {}), 0);
    check_merged(factors({2, 3, 3, 8}, kPadded, true, {8, 1, 1, 2}, {}), 0);
}

TEST_CASE("a bias before padding keeps factors apart") {
    check_merged(factors({8, 1, 1, 8}, {}, true, {4, 3, 3, 8}, kPadded), 0);
}

TEST_CASE("three factors in a row become one layer") {
    Graph graph;
    ValueId x = graph.add_input("x", Shape{0, 6});
    for (const char* const name : {"a", "b", "c"}) {
        const std::string layer = name;
        x = graph.add_node(layer, Gemm{},
                           {x, graph.add_parameter(layer + ".weight", random_tensor({6, 6}, layer[0])),
                            graph.add_parameter(layer + ".bias", random_tensor({6}, layer[0]))});
    }
    graph.add_output(x);
    const Tensor input = random_tensor({3, 6}, 8);
    const Tensor output = run(graph, input);
    CHECK(merge_factors(graph, std::array{input.shape()}) == 2);
    CHECK(graph.nodes().size() == 1);
    CHECK(relative_error(run(graph, input), output) < 1e-5F);
}

TEST_CASE("dropout, constant arithmetic and batch normalization vanish, of quantized layers too") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 5, 5, 3});
    const ValueId basis = graph.add_parameter("basis", random_tensor({9, 2}, 1));
    const ValueId coefficients = graph.add_parameter("coefficients", random_tensor({4, 2, 3}, 2));
    const ValueId product = graph.add_node("product", MatMul{}, {basis, coefficients});
    const ValueId weights = graph.add_node("weights", Reshape{{4, 3, 3, 3}}, {product});
    ValueId y = graph.add_node("first", Conv{}, {graph.add_node("dropout", Dropout{}, {x}), weights});
    Quantization quantization{
        .axis = 0, .blocks = {{0, 2, 4, 0.5F}}, .indices = {1, 2, 3, 4, -5, -6, -7, -8}, .channel_scale = {}};
    const ValueId quantized = graph.add_parameter("quantized", Tensor());
    graph.parameter(quantized) = {Tensor(Shape{2, 1, 1, 4}), quantization};
    for (std::int64_t i = 0; i < 8; ++i) {
        graph.parameter(quantized).values[i] =
            0.5F * static_cast<float>(quantization.indices[static_cast<std::size_t>(i)]);
    }
    y = graph.add_node("relu", Activation{}, {y});
    y = graph.add_node("second", Conv{}, {y, quantized});
    const auto statistic = [&](const std::string& name, float low) {
        return graph.add_parameter(name, random_tensor({2}, 3, low, 1.5F));
    };
    graph.add_output(graph.add_node("norm", BatchNormalization{},
                                    {y, statistic("scale", 0.5F), statistic("bias", -1.0F), statistic("mean", -1.0F),
                                     statistic("variance", 0.1F)}));
    const Tensor input = random_tensor({2, 5, 5, 3}, 6);
    const Tensor output = run(graph, input);
    prepare_for_inference(graph, std::array{input.shape()});
    CHECK(graph.nodes().size() == 3);
    CHECK(graph.parameter(quantized).quantization->channel_scale.size() == 2);
    CHECK(relative_error(run(graph, input), output) < 1e-5F);
}
