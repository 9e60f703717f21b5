#include "engine/executor/graph_executor.h"
#include "engine/zoo/networks.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace eigenbit::internal {
namespace {

Tensor wavy_images(std::int64_t count) {
    Tensor images(Shape{count, 12, 12, 3});
    for (std::int64_t i = 0; i < images.elements(); ++i) images[i] = static_cast<float>(i * i % 17) * 0.1F - 0.8F;
    return images;
}

bool same(ConstView a, ConstView b) { return std::ranges::equal(a.values(), b.values()); }

}  // namespace

TEST_CASE("from any layer on, a network can be run again with other weights, and with its own once more") {
    const Graph graph = cifar_resnet(1, Shape{12, 12, 3}, 4, 1);
    const Tensor images = wavy_images(3);
    GraphExecutor whole(graph, images.shape(), {.keep_values = true});
    const Tensor original(whole.run(images));
    int layers = 0;
    for (std::size_t node = 0; node < graph.nodes().size(); ++node) {
        if (graph.nodes()[node].inputs.size() < 2 || !graph.is_parameter(graph.nodes()[node].inputs[1])) continue;
        ++layers;
        const ValueId weight = graph.nodes()[node].inputs[1];
        Graph changed = graph;
        for (float& value : changed.parameter(weight).values().values()) value *= 0.7F;
        GraphExecutor other(changed, images.shape());
        const Tensor expected(other.run(images));

        GraphExecutor session(graph, images.shape(), {.rerun_from = node});
        CHECK(session.arena_bytes() < whole.arena_bytes());
        CHECK(same(session.run(images), original));
        for (int times = 0; times < 3; ++times) {
            session.bind(weight, changed.parameter(weight).values());
            session.forward_from(node);
            CHECK(same(session.output(), expected));
            session.bind(weight, graph.parameter(weight).values());
            session.forward_from(node);
            CHECK(same(session.output(), original));
        }
    }
    CHECK(layers > 8);
}

TEST_CASE("a value can be bound in place of what a node outputs") {
    const Graph graph = cifar_resnet(1, Shape{12, 12, 3}, 4, 1);
    const Tensor images = wavy_images(2);
    GraphExecutor session(graph, images.shape(), {.keep_values = true});
    const Tensor original(session.run(images));
    const ValueId stem = graph.nodes()[0].outputs[0];
    const Tensor copy(session.value(stem));
    Tensor doubled = copy;
    for (float& value : doubled.values()) value *= 2.0F;
    session.bind(stem, doubled);
    session.forward(1, graph.nodes().size());
    CHECK(!same(session.output(), original));
    session.bind(stem, copy);
    session.forward(1, graph.nodes().size());
    CHECK(same(session.output(), original));
}

}  // namespace eigenbit::internal
