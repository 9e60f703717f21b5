#include "compress/correction/correction.h"
#include "compress/curves/candidates.h"
#include "compress/quantization/quantized_layer.h"
#include "compress/statistics/channel_moments.h"
#include "engine/executor/graph_executor.h"
#include "engine/graph/layer_view.h"
#include "engine/passes/quantizer_candidates.h"
#include "engine/passes/simulate_int8.h"
#include "tests/compress/small_networks.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>

#include <cmath>

namespace eigenbit::internal {
namespace {

/// Every layer at three bits.
Graph coarsely_quantized(const Graph& graph, const Transform& transform) {
    Graph result = graph;
    const std::vector<Layer> layers = find_layers(graph);
    for (std::size_t i = layers.size(); i-- > 0;) {
        const bool fits =
            std::ranges::all_of(transform.axes, [&](Axis axis) { return extent(layers[i].shape, axis) > 1; });
        TransformCurves curves{
            factorize(graph, layers[i], fits ? transform : Transform{}, GradientMoments(ConstView())), {}, {}};
        curves.blocks = cut_into_blocks(curves.factorization, 3);
        LayerChoice choice;
        for (const Block& block : curves.blocks) {
            curves.curves.push_back(
                candidates(block_values(curves.factorization, block), {.coding = Coding::fixed, .offsets = false}));
            // The third depth's steps begin after two depths of 14; values that are nothing have no such candidate.
            choice.candidates.push_back(curves.curves.back().size() == 1 ? 0 : 1 + 2 * 14 + 4);
        }
        result.parameter(layers[i].weight) = quantize_layer(curves, choice, round_blocks(curves, choice));
    }
    return result;
}

ChannelMoments moments_of(const Graph& graph, ValueId value, const Tensor& images) {
    GraphExecutor session(graph, images.shape(), {.keep_values = true});
    session.run(images);
    ChannelSums sums(session.value(value).shape.back());
    sums.add(session.value(value));
    return sums.moments();
}

double squared_change(const Graph& graph, const Graph& other, const Tensor& images) {
    GraphExecutor before(graph, images.shape());
    GraphExecutor after(other, images.shape());
    const ConstView y = before.run(images);
    const ConstView y_hat = after.run(images);
    double sum = 0.0;
    for (std::int64_t i = 0; i < y.elements(); ++i) sum += std::pow(static_cast<double>(y_hat[i]) - y[i], 2);
    return sum / static_cast<double>(y.elements());
}

void check_restored(const ChannelMoments& found, const ChannelMoments& expected) {
    for (std::size_t c = 0; c < expected.mean.size(); ++c) {
        const double deviation = std::sqrt(expected.variance[c]);
        CHECK(std::abs(found.mean[c] - expected.mean[c]) < 1e-3 * deviation + 1e-6);
        CHECK(found.variance[c] == doctest::Approx(expected.variance[c]).epsilon(2e-3));
    }
}

}  // namespace

TEST_CASE("Layers that no normalisation follows put out the means and variances of the float network again") {
    const Graph graph = residual_network(5, false);
    const Tensor images = random_images(24, 6);
    for (const Transform& transform :
         {Transform{}, Transform{TransformKind::klt, {Axis::row}}, Transform{TransformKind::klt, {Axis::column}},
          Transform{TransformKind::klt, {Axis::taps}}, Transform{TransformKind::dct2, {Axis::taps}},
          Transform{TransformKind::klt, {Axis::row, Axis::column}}}) {
        CAPTURE(to_string(transform));
        const Graph plain = coarsely_quantized(graph, transform);
        Graph corrected = plain;
        correct(graph, corrected, images, 0);
        for (const Layer& layer : find_layers(graph)) {
            const ValueId output = graph.nodes()[layer.node].outputs[0];
            check_restored(moments_of(corrected, output, images), moments_of(graph, output, images));
        }
        CHECK(squared_change(graph, corrected, images) < 0.8 * squared_change(graph, plain, images));
    }
}

TEST_CASE("What a normalisation outputs has the means and variances of the float network again") {
    const Graph graph = residual_network(5, true);
    const Tensor images = random_images(24, 6);
    // The running statistics are those of the images, as after training: then the correction is exact.
    Graph trained = graph;
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        const Node& node = graph.nodes()[i];
        if (!std::holds_alternative<BatchNormalization>(node.op)) continue;
        const ChannelMoments moments = moments_of(trained, node.inputs[0], images);
        std::ranges::copy(moments.mean, trained.parameter(node.inputs[3]).values().data());
        std::ranges::copy(moments.variance, trained.parameter(node.inputs[4]).values().data());
    }
    for (const Transform& transform :
         {Transform{}, Transform{TransformKind::klt, {Axis::row}}, Transform{TransformKind::klt, {Axis::taps}}}) {
        CAPTURE(to_string(transform));
        const Graph plain = coarsely_quantized(trained, transform);
        Graph corrected = plain;
        correct(trained, corrected, images, 0);
        for (const Node& node : trained.nodes()) {
            if (!std::holds_alternative<BatchNormalization>(node.op)) continue;
            check_restored(moments_of(corrected, node.outputs[0], images),
                           moments_of(trained, node.outputs[0], images));
        }
        CHECK(squared_change(trained, corrected, images) < 0.8 * squared_change(trained, plain, images));
    }
}

TEST_CASE("Layers that run in int8 put out the means and variances of the float network in int8") {
    const Graph graph = residual_network(5, false);
    const Tensor images = random_images(24, 6);
    Graph corrected = graph;
    for (const ValueId value : quantizer_candidates(graph, infer_shapes(graph, images.shape()))) {
        corrected.quantize_activation(value, {.bit_depth = 8, .step = 0.1F, .zero_point = 128});
    }
    correct(graph, corrected, images, 0);
    simulate_int8(corrected);
    for (const Layer& layer : find_layers(graph)) {
        const ValueId output = graph.nodes()[layer.node].outputs[0];
        check_restored(moments_of(corrected, output, images), moments_of(graph, output, images));
    }
}

TEST_CASE("A layer without bias and normalisation gets a bias and gains") {
    const Graph graph = restoration_network(5);  // the last convolution has no bias
    const Tensor images = random_images(8, 6);
    Graph corrected = coarsely_quantized(graph, {});
    correct(graph, corrected, images, 0);
    const LayerView last = layer_at(corrected, find_layer(corrected, "last").node).value();
    REQUIRE(last.bias.has_value());
    REQUIRE(last.gain.has_value());
    CHECK(corrected.parameter(*last.bias).values()[0] != 0.0F);
    CHECK(corrected.parameter(*last.gain).values()[0] != 1.0F);
}

TEST_CASE("A bias that two layers share is corrected for each by itself") {
    const Graph original = [] {
        Graph graph = residual_network(5, false);
        const std::size_t stem = find_layer(graph, "stem").node;
        const std::size_t outer = find_layer(graph, "outer").node;
        graph.node(outer).inputs[2] = graph.nodes()[stem].inputs[2];
        graph.remove_unused_parameters();
        return graph;
    }();
    const Tensor images = random_images(24, 6);
    Graph corrected = coarsely_quantized(original, {});
    correct(original, corrected, images, 0);
    for (const Layer& layer : find_layers(original)) {
        const ValueId output = original.nodes()[layer.node].outputs[0];
        check_restored(moments_of(corrected, output, images), moments_of(original, output, images));
    }
}

TEST_CASE("A network that was not changed stays as it is") {
    const Graph graph = residual_network(5, true);
    const Tensor images = random_images(8, 6);
    Graph same = graph;
    correct(graph, same, images, 0);
    CHECK(squared_change(graph, same, images) < 1e-10);
}

TEST_CASE("The correction does not depend on the number of threads") {
    const Graph graph = residual_network(5, false);
    const Tensor images = random_images(16, 6);
    const auto corrected_with = [&](std::size_t threads) {
        const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
        Graph corrected = coarsely_quantized(graph, {TransformKind::klt, {Axis::row}});
        correct(graph, corrected, images, 0);
        std::vector<float> values;
        for (const auto& [value, parameter] : corrected.parameters()) {
            const Tensor own = image(parameter);
            values.insert(values.end(), own.values().begin(), own.values().end());
        }
        return values;
    };
    CHECK(corrected_with(1) == corrected_with(4));
}

}  // namespace eigenbit::internal
