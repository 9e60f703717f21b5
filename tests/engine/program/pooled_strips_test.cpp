#include "engine/base/random.h"
#include "engine/kernels/cpu.h"
#include "engine/program/inference.h"
#include "tests/engine/network_run.h"
#include "tests/engine/operator_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace eigenbit::internal;

namespace {

/// A convolution with a ReLU, pooled, and another of what comes out, so that all lies in bytes.
Graph pooled_network(const Conv& conv, const Shape& weight, const MaxPool& pool) {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 0, 0, 3});
    const ValueId first = graph.add_node("first", conv, {x, graph.add_parameter("w", random_tensor(weight, 1))});
    const ValueId positive = graph.add_node("positive", Activation{.kind = Activation::Kind::relu}, {first});
    const ValueId pooled = graph.add_node("pooled", pool, {positive});
    const Shape last{5, 1, 1, weight[0]};
    graph.add_output(graph.add_node("last", Conv{}, {pooled, graph.add_parameter("v", random_tensor(last, 2))}));
    return graph;
}

/// An image and a copy of it: only single images are pooled in strips.
Tensor twice(const Tensor& image) {
    Shape shape = image.shape();
    shape[0] = 2;
    Tensor both(shape);
    std::ranges::copy(image.values(), both.data());
    std::ranges::copy(image.values(), both.data() + image.elements());
    return both;
}

bool pools_in_strips(const Program& program) {
    return std::ranges::any_of(program.steps(), [](const Step& step) {
        const auto* const layer = std::get_if<Int8LayerStep>(&step.work);
        return layer && layer->pool;
    });
}

}  // namespace

TEST_CASE("what an int8 layer computes of one image is pooled in strips, bit for bit as the whole is, in less memory") {
    const Conv padded{.padding{1, 1, 1, 1}};
    const Conv strided{.stride{2, 2}, .padding{3, 3, 3, 3}};
    const Shape three{64, 3, 3, 3};
    const MaxPool by_two{.kernel{2, 2}, .stride{2, 2}};
    const struct {
        Conv conv;
        Shape weight;
        std::int64_t height, width;
        MaxPool pool;
    } cases[] = {
        {padded, three, 97, 80, by_two},
        {padded, three, 80, 97, {.kernel{3, 3}, .stride{2, 2}, .padding{1, 1, 1, 1}}},
        {Conv{}, three, 90, 90, {.kernel{3, 3}, .stride{2, 2}, .padding{1, 1, 1, 1}, .ceil_mode = true}},
        {strided, Shape{96, 7, 7, 3}, 150, 150, {.kernel{3, 3}, .stride{1, 1}, .padding{1, 1, 1, 1}}},
        {padded, three, 91, 83, {.kernel{2, 2}, .stride{3, 3}}},
        {padded, three, 80, 80, {.kernel{5, 3}, .stride{1, 2}, .dilation{2, 1}, .padding{4, 1, 4, 1}}},
        {padded, Shape{600, 3, 3, 3}, 21, 170, {.kernel{4, 4}, .stride{4, 4}}},  // strips of one row
    };
    for (const auto& c : cases) {
        CAPTURE(c.height);
        CAPTURE(c.pool.kernel[0]);
        const Tensor image = random_tensor({1, c.height, c.width, 3}, 3, -1.0F, 2.0F);
        Graph graph = pooled_network(c.conv, c.weight, c.pool);
        quantize_over_range(graph, image);
        for (const CpuImplementation& implementation : cpu_implementations()) {
            CAPTURE(std::string(implementation.name));
            Inference one(compile(graph, std::array{image.shape()}, Execution::int8, implementation));
            const Tensor images = twice(image);
            Inference two(compile(graph, std::array{images.shape()}, Execution::int8, implementation));
            CHECK(pools_in_strips(one.program()));
            CHECK(!pools_in_strips(two.program()));
            CHECK(one.activation_bytes() < two.activation_bytes() / 2);
            const Tensor alone(one.run(image));
            const Tensor both(two.run(images));
            REQUIRE(both.elements() == 2 * alone.elements());
            CHECK(std::ranges::equal(alone.values(), both.values().first(static_cast<std::size_t>(alone.elements()))));
        }
    }
}

TEST_CASE("what somebody else reads as well, or what is small, is not pooled in strips") {
    const MaxPool pool{.kernel{2, 2}, .stride{2, 2}};
    const auto in_strips = [&](std::int64_t extent, bool is_read) {
        Graph graph = pooled_network(Conv{.padding{1, 1, 1, 1}}, Shape{64, 3, 3, 3}, pool);
        const ValueId positive = graph.nodes()[1].outputs.front();
        if (is_read) {
            const ValueId weight = graph.add_parameter("u", random_tensor({2, 1, 1, 64}, 4));
            graph.add_output(graph.add_node("other", Conv{}, {positive, weight}));
        }
        const Tensor image = random_tensor({1, extent, extent, 3}, 3);
        quantize_over_range(graph, image);
        return pools_in_strips(
            *compile(graph, std::array{image.shape()}, Execution::int8, active_cpu_implementation()));
    };
    CHECK(in_strips(96, false));
    CHECK(!in_strips(96, true));
    CHECK(!in_strips(32, false));
}
