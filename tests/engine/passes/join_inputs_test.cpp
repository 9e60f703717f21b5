#include "engine/passes/join_inputs.h"
#include "tests/engine/network_run.h"
#include "tests/engine/operator_run.h"

#include <doctest/doctest.h>

#include <array>

using namespace eigenbit::internal;

TEST_CASE("a network of several inputs computes the same with these in a row, and has them again when they are apart") {
    Graph graph;
    const ValueId image = graph.add_input("image", Shape{0, 2, 3, 4});
    const ValueId factor = graph.add_input("factor", Shape{0, 4});
    const ValueId pooled = graph.add_node("pool", Reduce{Reduce::Kind::mean, {1, 2}, false}, {image});
    const ValueId product = graph.add_node("product", Arithmetic{Arithmetic::Kind::multiply}, {pooled, factor});
    const ValueId weight = graph.add_parameter("weight", random_tensor({3, 4}, 1));
    graph.add_output(graph.add_node("layer", Gemm{}, {product, weight}));
    graph.quantize_activation(factor, {.bit_depth = 8, .step = 0.01F, .zero_point = 128});

    const std::array inputs{random_tensor({5, 2, 3, 4}, 2), random_tensor({5, 4}, 3)};
    const std::array shapes{inputs[0].shape(), inputs[1].shape()};
    const JoinedInputs joined(graph, shapes);
    CHECK(joined.graph().inputs().size() == 1);
    const Tensor rows = joined.join(inputs);
    CHECK(rows.shape() == Shape{5, 28});

    const Graph apart = joined.apart(joined.graph());
    CHECK(apart.inputs().size() == 2);
    CHECK(apart.inputs()[0].shape == Shape{0, 2, 3, 4});
    CHECK(apart.nodes().size() == graph.nodes().size());
    CHECK(apart.activations().size() == 1);
    CHECK(apart.activations().contains(apart.inputs()[1].value));
    const auto run_on_both = [&](const Graph& network) {
        GraphExecutor session(network, shapes);
        for (std::size_t i = 0; i < inputs.size(); ++i) session.bind(network.inputs()[i].value, inputs[i]);
        session.forward();
        return Tensor(session.value(network.outputs().front()));
    };
    const Tensor expected = run_on_both(graph);
    CHECK(relative_error(run(joined.graph(), rows), expected) < 1e-6F);
    CHECK(relative_error(run_on_both(apart), expected) < 1e-6F);
}
