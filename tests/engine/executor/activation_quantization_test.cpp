#include "engine/base/random.h"
#include "engine/executor/graph_executor.h"
#include "engine/passes/fold_batch_normalization.h"
#include "engine/zoo/network_builder.h"
#include "tests/engine/network_run.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace eigenbit::internal;

namespace {

Tensor random_images(std::int64_t count) {
    Tensor images(Shape{count, 8, 8, 3});
    Random random({1});
    for (float& value : images.values()) value = static_cast<float>(random.normal());
    return images;
}

/// What the tests round, in a network with a pooling whose gradient depends on what it has put out.
struct SmallNetwork {
    ValueId input, normalized, active, pooled, second;
    Graph graph;

    SmallNetwork() {
        NetworkBuilder builder(Shape{8, 8, 3}, 1);
        input = builder.input();
        const ValueId convolved = builder.conv("conv1", input, {.outputs = 6, .kernel = 3, .padding = 1});
        normalized = builder.batch_normalization("bn1", convolved);
        active = builder.relu("relu1", normalized);
        pooled = builder.max_pool("pool", active, 2, 2);
        second = builder.conv("conv2", pooled, {.outputs = 5, .kernel = 3, .padding = 1, .bias = true});
        const ValueId squashed = builder.node("tanh", Activation{.kind = Activation::Kind::tanh}, {second});
        const ValueId mean = builder.global_average_pool("mean", squashed);
        const ValueId logits = builder.linear("fc", mean, 4);
        graph = std::move(builder).finish(logits);
    }
};

Tensor rounded(const ActivationQuantizer& quantizer, ConstView values) {
    Tensor result(values.shape);
    fake_quantize(quantizer, values, View{result.shape(), result.data()});
    return result;
}

bool same(ConstView a, ConstView b) { return std::ranges::equal(a.values(), b.values()); }

constexpr ActivationQuantizer kSigned{.bit_depth = 5, .step = 0.2F, .zero_point = 15};
constexpr ActivationQuantizer kPositive{.bit_depth = 4, .step = 0.25F, .zero_point = 0};

}  // namespace

TEST_CASE("values become the nearest on the quantizer, halves the even one, outsiders its ends") {
    const float infinity = std::numeric_limits<float>::infinity();
    const std::array values{0.0F, 0.24F, 0.25F, 0.26F, 0.75F, -0.25F, -0.9F, -1.3F, 2.4F, 99.0F, -infinity, infinity};
    const std::array expected{0.0F, 0.0F, 0.0F, 0.5F, 1.0F, 0.0F, -1.0F, -1.0F, 2.5F, 2.5F, -1.0F, 2.5F};
    const Tensor result = rounded({.bit_depth = 3, .step = 0.5F, .zero_point = 2}, Tensor(Shape{12}, values));
    CHECK(std::ranges::equal(result.values(), expected));
    const Tensor one_bit = rounded({.bit_depth = 1, .step = 2.0F, .zero_point = 0}, Tensor(Shape{12}, values));
    CHECK(one_bit[4] == 0.0F);
    CHECK(one_bit[8] == 2.0F);
    CHECK(std::isnan(rounded(kSigned, Tensor(Shape{1}, std::array{std::nanf("")}))[0]));
}

TEST_CASE("the index of a value is that of the value it is rounded to") {
    const float infinity = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const ActivationQuantizer& quantizer : {kSigned, kPositive}) {
        for (const float value :
             {0.0F, 0.1F, 0.125F, 0.3F, 0.375F, 0.5F, -0.1F, -0.3F, -2.9F, 99.0F, -infinity, infinity}) {
            CAPTURE(value);
            const float index = static_cast<float>(level_of(quantizer, value) - quantizer.zero_point);
            CHECK(quantizer.step * index == rounded(quantizer, Tensor(Shape{1}, std::array{value}))[0]);
        }
        CHECK(level_of(quantizer, nan) == 0);
    }
}

TEST_CASE("the finest quantizer keeps every one of its values") {
    const ActivationQuantizer quantizer{.bit_depth = 16, .step = 0.3F, .zero_point = 1000};
    Tensor values(Shape{1 << 16});
    for (std::int64_t i = 0; i < values.elements(); ++i) values[i] = quantizer.step * static_cast<float>(i - 1000);
    CHECK(same(rounded(quantizer, values), values));
    CHECK(values[0] == quantizer.lowest());
    CHECK(values[(1 << 16) - 1] == quantizer.highest());
}

TEST_CASE("impossible quantizers and values are refused") {
    SmallNetwork network;
    const auto error = [&](ValueId value, const ActivationQuantizer& quantizer) {
        return error_of([&] { network.graph.quantize_activation(value, quantizer); });
    };
    CHECK(error(network.input, {.bit_depth = 0}).find("bit depth 0, expected 1 to 16") != std::string::npos);
    CHECK(error(network.input, {.bit_depth = 17}).find("bit depth 17") != std::string::npos);
    CHECK(error(network.input, {.step = 0.0F}).find("the step 0") != std::string::npos);
    CHECK(error(network.input, {.step = std::nanf("")}).find("the step nan") != std::string::npos);
    CHECK(error(network.input, {.bit_depth = 2, .zero_point = 4}).find("the zero point 4") != std::string::npos);
    CHECK(error(network.graph.find_parameter("conv1.weight"), {}).find("is a parameter") != std::string::npos);
    CHECK(error(10'000, {}).find("no value 10000") != std::string::npos);
    CHECK(network.graph.activations().empty());
}

TEST_CASE("what nodes read is rounded, and the images that were given stay as they are") {
    SmallNetwork network;
    const Tensor images = random_images(2);
    const Tensor copy = images;
    GraphExecutor exact(network.graph, std::array{images.shape()}, {.keep_values = true});
    exact.run(images);

    network.graph.quantize_activation(network.input, kSigned);
    network.graph.quantize_activation(network.pooled, kPositive);
    GraphExecutor session(network.graph, std::array{images.shape()}, {.keep_values = true});
    session.run(images);
    CHECK(same(images, copy));
    CHECK(same(session.value(network.input), rounded(kSigned, images)));
    CHECK_FALSE(same(session.value(network.active), exact.value(network.active)));
    CHECK(same(session.value(network.pooled), rounded(kPositive, session.value(network.pooled))));

    const SmallNetwork plain;
    GraphExecutor of_rounded(plain.graph, std::array{images.shape()}, {.keep_values = true});
    of_rounded.run(rounded(kSigned, images));
    CHECK(same(session.value(network.active), of_rounded.value(network.active)));
    CHECK(same(session.value(network.pooled), rounded(kPositive, of_rounded.value(network.pooled))));

    // Another batch in the memory of the first.
    Tensor changing = images;
    GraphExecutor lean(network.graph, std::array{images.shape()});
    lean.bind(network.input, changing);
    for (const float scale : {1.0F, 0.5F, 1.0F}) {
        for (std::int64_t i = 0; i < changing.elements(); ++i) changing[i] = scale * images[i];
        lean.forward();
        CHECK(same(lean.output(), run(network.graph, changing)));
    }
}

TEST_CASE("parts of a network with rounded values can be run again") {
    SmallNetwork network;
    network.graph.quantize_activation(network.input, kSigned);
    network.graph.quantize_activation(network.pooled, kPositive);
    network.graph.quantize_activation(network.second, kSigned);
    const Tensor images = random_images(2);
    const Tensor expected = run(network.graph, images);
    for (std::size_t node = 0; node < network.graph.nodes().size(); ++node) {
        GraphExecutor session(network.graph, std::array{images.shape()}, {.rerun_from = node});
        session.run(images);
        for (int times = 0; times < 2; ++times) {
            session.forward_from(node);
            CHECK(same(session.output(), expected));
        }
    }
    GraphExecutor session(network.graph, std::array{images.shape()});
    session.bind(network.input, images);
    for (std::size_t node = 0; node < network.graph.nodes().size(); ++node) session.forward(node, node + 1);
    CHECK(same(session.output(), expected));
}

TEST_CASE("gradients pass through the rounding as if it were not there") {
    SmallNetwork network;
    const Tensor images = random_images(2);
    const ValueId weight = network.graph.find_parameter("conv1.weight");
    const auto gradients = [&](const Graph& graph) {
        GraphExecutor session(graph, std::array{images.shape()},
                              {.gradients = {network.input, weight, network.pooled}});
        Tensor ones(session.run(images));
        std::ranges::fill(ones.values(), 1.0F);
        session.backward(ones);
        return std::array{Tensor(session.gradient(network.input)), Tensor(session.gradient(weight)),
                          Tensor(session.gradient(network.pooled))};
    };
    const auto exact = gradients(network.graph);
    // So fine that nothing else changes; but no value stays exactly what it was.
    const ActivationQuantizer fine{.bit_depth = 16, .step = 0x1.1p-12F, .zero_point = 1 << 15};
    for (const ValueId value : {network.input, network.active, network.pooled, network.second}) {
        network.graph.quantize_activation(value, fine);
    }
    const auto through = gradients(network.graph);
    for (std::size_t i = 0; i < exact.size(); ++i) CHECK(relative_error(through[i], exact[i]) < 0.01F);
}

TEST_CASE("values that are rounded to zero, or clipped, still have gradients") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{1, 4});
    const ValueId active = graph.add_node("relu", Activation{}, {x});
    const std::array weights{1.0F, 2.0F, 3.0F, 4.0F};
    graph.add_output(graph.add_node("fc", Gemm{}, {active, graph.add_parameter("w", Tensor(Shape{1, 4}, weights))}));
    graph.quantize_activation(active, {.bit_depth = 2, .step = 1.0F});
    const Tensor input(Shape{1, 4}, std::array{0.2F, 1.1F, 50.0F, -1.0F});
    GraphExecutor session(graph, std::array{input.shape()}, {.gradients = {x, active}});
    CHECK(session.run(input)[0] == 0.0F + 2.0F + 9.0F);
    session.backward(Tensor(Shape{1, 1}, std::array{1.0F}));
    CHECK(std::ranges::equal(session.gradient(x).values(), std::array{1.0F, 2.0F, 3.0F, 0.0F}));
    CHECK(std::ranges::equal(session.gradient(active).values(), weights));
}

TEST_CASE("gradients of values between nodes agree with those of an input in their place") {
    const SmallNetwork network;
    const Tensor images = random_images(3);
    GraphExecutor session(network.graph, std::array{images.shape()}, {.gradients = {network.pooled, network.second}});
    Tensor ones(session.run(images));
    std::ranges::fill(ones.values(), 1.0F);
    session.backward(ones);

    Graph rest = network.graph;
    const ValueId pooled = rest.add_input("pooled", session.value(network.pooled).shape);
    rest.replace_uses(network.pooled, pooled);
    GraphExecutor tail(rest, std::array{images.shape(), session.value(network.pooled).shape}, {.gradients = {pooled}});
    tail.bind(network.input, images);
    tail.bind(pooled, session.value(network.pooled));
    tail.forward();
    tail.backward(ones);
    CHECK(same(session.gradient(network.pooled), tail.gradient(pooled)));
}

TEST_CASE(
    "quantizers stay with their values when batch normalization is merged, and go with nodes that nothing reads") {
    SmallNetwork network;
    network.graph.quantize_activation(network.normalized, kSigned);
    network.graph.quantize_activation(network.pooled, kPositive);
    const Tensor images = random_images(2);
    const Tensor expected = run(network.graph, images);
    Graph merged = network.graph;
    CHECK(fold_batch_normalization(merged) == 1);
    CHECK(merged.activations().size() == 2);
    CHECK(merged.activations().at(merged.nodes()[0].outputs[0]) == kSigned);
    CHECK(relative_error(run(merged, images), expected) < 0.05F);  // few values fall to the other side of a half

    const ValueId convolved = network.graph.nodes()[0].outputs[0];
    network.graph.quantize_activation(convolved, kSigned);
    CHECK(fold_batch_normalization(network.graph) == 0);
    network.graph.replace_uses(network.graph.outputs()[0], convolved);
    network.graph.remove_unused_nodes();
    CHECK(network.graph.activations().size() == 1);
}
