#include "engine/executor/graph_executor.h"
#include "engine/zoo/zoo.h"
#include "tests/engine/operator_run.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace eigenbit::internal {
namespace {

std::vector<ValueId> parameters_of(const Graph& graph) {
    std::vector<ValueId> ids;
    for (const auto& [id, parameter] : graph.parameters()) ids.push_back(id);
    return ids;
}

/// The output and all gradients of one training step after the other.
std::vector<Tensor> trained_once(const Graph& graph, const Tensor& images, bool keep_values) {
    std::vector<ValueId> wanted = parameters_of(graph);
    wanted.push_back(graph.inputs().front().value);
    GraphExecutor session(graph, images.shape(), {.training = true, .keep_values = keep_values, .gradients = wanted});
    std::vector<Tensor> results;
    for (int step = 0; step < 2; ++step) {
        results.emplace_back(session.run(images));
        session.backward(random_tensor(session.output().shape, 3));
        for (const ValueId id : wanted) results.emplace_back(session.gradient(id));
    }
    return results;
}

void check_same(const Graph& graph, const Shape& images_shape) {
    const Tensor images = random_tensor(images_shape, 2);
    const std::vector<Tensor> one_by_one = trained_once(graph, images, true);
    const std::vector<Tensor> chained = trained_once(graph, images, false);
    REQUIRE(one_by_one.size() == chained.size());
    for (std::size_t i = 0; i < chained.size(); ++i) CHECK(same_bits(one_by_one[i], chained[i]));
}

}  // namespace

TEST_CASE("normalization, addition and ReLU or clip in one step give what they give one by one") {
    check_same(build_network("resnet8", Shape{16, 16, 3}, 5, 1), Shape{6, 16, 16, 3});
    check_same(build_network("resnet18", Shape{32, 32, 3}, 5, 1), Shape{2, 32, 32, 3});
    check_same(build_network("mobilenet-v2", Shape{32, 32, 3}, 5, 1), Shape{2, 32, 32, 3});
}

TEST_CASE("values that a normalization chain does without take no memory") {
    const Graph graph = build_network("resnet8", Shape{16, 16, 3}, 5, 1);
    const Shape shape{6, 16, 16, 3};
    const std::vector<ValueId> wanted = parameters_of(graph);
    const GraphExecutor kept(graph, shape, {.training = true, .keep_values = true, .gradients = wanted});
    const GraphExecutor chained(graph, shape, {.training = true, .gradients = wanted});
    CHECK(chained.arena_bytes() < 0.75 * static_cast<double>(kept.arena_bytes()));
}

TEST_CASE("a gradient asked for inside of a chain is there") {
    const Graph graph = build_network("resnet8", Shape{16, 16, 3}, 5, 1);
    const Tensor images = random_tensor(Shape{3, 16, 16, 3}, 2);
    for (const Node& node : graph.nodes()) {
        if (!std::holds_alternative<BatchNormalization>(node.op)) continue;
        const ValueId normalized = node.outputs[0];
        std::vector<Tensor> gradients;
        for (const bool keep_values : {true, false}) {
            GraphExecutor session(graph, images.shape(),
                                  {.training = true, .keep_values = keep_values, .gradients = {normalized}});
            session.run(images);
            session.backward(random_tensor(session.output().shape, 3));
            gradients.emplace_back(session.gradient(normalized));
        }
        CHECK(same_bits(gradients[0], gradients[1]));
    }
}

TEST_CASE("the gradient of a value that the output does not depend on is zero") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{2, 3});
    const ValueId unused = graph.add_parameter("unused", Tensor(Shape{4}));
    const ValueId y = graph.add_node("relu", Activation{Activation::Kind::relu}, {x});
    graph.add_node("aside", Activation{Activation::Kind::relu}, {unused});
    graph.add_output(y);
    const Tensor values = random_tensor(Shape{2, 3}, 1);
    GraphExecutor session(graph, values.shape(), {.training = true, .gradients = {unused, x}});
    session.run(values);
    session.backward(random_tensor(Shape{2, 3}, 3));
    for (const float g : session.gradient(unused).values()) CHECK(g == 0.0F);
}

}  // namespace eigenbit::internal
