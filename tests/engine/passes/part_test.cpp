#include "engine/executor/graph_executor.h"
#include "engine/passes/part.h"
#include "tests/engine/operator_run.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <tuple>

using namespace eigenbit::internal;

namespace {

/// Two halves of an image's channels, of which one goes through a layer; their sum goes through another.
Graph halves() {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 4, 4, 4});
    const std::vector<ValueId> parts = graph.add_node("split", Split{.axis = 3, .sizes = {2, 2}}, {x}, 2);
    const ValueId conv =
        graph.add_node("conv", Conv{}, {parts[1], graph.add_parameter("conv.weight", random_tensor({2, 1, 1, 2}, 1))});
    const ValueId sum = graph.add_node("sum", Arithmetic{}, {parts[0], conv});
    graph.add_output(
        graph.add_node("last", Conv{}, {sum, graph.add_parameter("last.weight", random_tensor({3, 1, 1, 2}, 2))}));
    graph.quantize_activation(parts[1], {.step = 0.25F, .zero_point = 128});
    graph.quantize_activation(sum, {.step = 0.5F, .zero_point = 128});
    return graph;
}

}  // namespace

TEST_CASE("the part of a network up to a value computes it, with its quantizers and without what it does not need") {
    const Graph graph = halves();
    const Tensor image = random_tensor({2, 4, 4, 4}, 3);
    GraphExecutor whole(graph, std::array{image.shape()}, {.keep_values = true});
    whole.run(image);
    for (const auto& [name, nodes, parameters, quantizers] :
         {std::tuple("sum", 3, 1, 2), {"conv", 2, 1, 1}, {"split:0", 1, 0, 1}, {"last", 4, 2, 2}}) {
        CAPTURE(name);
        const ValueId value = find_value(graph, name);
        GraphPart part = part_up_to(graph, value);
        CHECK(part.graph.outputs().empty());
        CHECK(std::ssize(part.graph.nodes()) == nodes);
        CHECK(std::ssize(part.graph.parameters()) == parameters);
        CHECK(std::ssize(part.graph.activations()) == quantizers);
        CHECK(part.graph.name(part.value) == name);
        part.graph.add_output(part.value);
        GraphExecutor executor(part.graph, std::array{image.shape()});
        const ConstView found = executor.run(image);
        const ConstView expected = whole.value(value);
        REQUIRE(found.shape == expected.shape);
        CHECK(std::ranges::equal(found.values(), expected.values()));
    }
}

TEST_CASE("a value is found by its own name or by that of a node with one output") {
    const Graph graph = halves();
    CHECK(find_value(graph, "conv") == graph.nodes()[1].outputs.front());
    CHECK(find_value(graph, "split:1") == graph.nodes()[0].outputs[1]);
    CHECK(error_of([&] { find_value(graph, "split"); }).find("2 outputs") != std::string::npos);
    CHECK(error_of([&] { find_value(graph, "nothing"); }).find("'nothing'") != std::string::npos);
    CHECK(error_of([&] { find_value(graph, "conv.weight"); }).find("'conv.weight'") != std::string::npos);
}
