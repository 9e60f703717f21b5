#include "engine/executor/graph_executor.h"
#include "engine/passes/fold_batch_normalization.h"
#include "tests/engine/operator_run.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace eigenbit::internal;

namespace {

ValueId add_normalization(Graph& graph, const std::string& name, ValueId x, std::int64_t channels) {
    const auto statistic = [&](const std::string& kind, std::uint64_t seed, float low) {
        return graph.add_parameter(name + kind, random_tensor(Shape{channels}, seed, low, 1.5F));
    };
    return graph.add_node(name, BatchNormalization{},
                          {x, statistic(".scale", 11, -1.0F), statistic(".bias", 12, -1.0F),
                           statistic(".mean", 13, -1.0F), statistic(".variance", 14, 0.1F)});
}

void check_same_output(const Graph& before, const Graph& after, const Tensor& input) {
    GraphExecutor first(before, std::array{input.shape()});
    GraphExecutor second(after, std::array{input.shape()});
    const Tensor expected(first.run(input));
    const ConstView found = second.run(input);
    REQUIRE(found.shape == expected.shape());
    for (std::int64_t i = 0; i < found.elements(); ++i) CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-4));
}

}  // namespace

TEST_CASE("batch normalizations after convolutions and fully-connected layers are merged into them") {
    Graph graph;
    ValueId x = graph.add_input("x", Shape{0, 5, 5, 3});
    x = graph.add_node("conv", Conv{},
                       {x, graph.add_parameter("conv.weight", random_tensor({4, 3, 3, 3}, 1)),
                        graph.add_parameter("conv.bias", random_tensor({4}, 2))});
    x = add_normalization(graph, "norm1", x, 4);
    x = graph.add_node("pool", Reduce{Reduce::Kind::mean, {1, 2}, false}, {x});
    x = graph.add_node("fc", Gemm{}, {x, graph.add_parameter("fc.weight", random_tensor({6, 4}, 3))});
    graph.add_output(add_normalization(graph, "norm2", x, 6));

    Graph folded = graph;
    CHECK(fold_batch_normalization(folded) == 2);
    CHECK(folded.nodes().size() == 3);
    CHECK(folded.parameters().size() == 6);  // weight, bias and gain of both layers
    CHECK(folded.outputs() == graph.outputs());
    check_same_output(graph, folded, random_tensor({2, 5, 5, 3}, 4));
}

TEST_CASE("a layer whose own output is read too keeps its batch normalization") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 5, 5, 3});
    const ValueId weight = graph.add_parameter("weight", random_tensor({3, 1, 1, 3}, 1));
    const ValueId y = graph.add_node("conv", Conv{}, {x, weight});
    const ValueId z = add_normalization(graph, "norm", y, 3);
    graph.add_output(graph.add_node("sum", Arithmetic{}, {y, z}));
    CHECK(fold_batch_normalization(graph) == 0);
    CHECK(graph.nodes().size() == 3);
}

TEST_CASE("layers that share weights get their own when a batch normalization is merged into one") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 5, 5, 3});
    const ValueId weight = graph.add_parameter("weight", random_tensor({3, 1, 1, 3}, 1));
    const ValueId y = add_normalization(graph, "norm", graph.add_node("conv1", Conv{}, {x, weight}), 3);
    graph.add_output(graph.add_node("conv2", Conv{}, {y, weight}));
    Graph folded = graph;
    CHECK(fold_batch_normalization(folded) == 1);
    CHECK(folded.nodes().size() == 2);
    check_same_output(graph, folded, random_tensor({1, 5, 5, 3}, 4));
}
