#include "compress/compressor.h"
#include "compress/correction/correction.h"
#include "compress/statistics/output_distortion.h"
#include "engine/graph/layer_view.h"
#include "tests/compress/small_networks.h"
#include "tests/warnings.h"

#include <doctest/doctest.h>

#include <cmath>
#include <optional>
#include <string>

namespace eigenbit::internal {
namespace {

/// The distortion on images that compression has not seen, with feedback and correction or without.
double unseen_distortion(const Graph& graph, const Tensor& images, double rate, bool help,
                         std::optional<ActivationDepths> activations = {}) {
    CompressionOptions options;
    options.transforms = transforms_named("auto", "auto");
    options.activations = activations;
    options.correction = help;
    options.error_feedback = help;
    const CompressedNetwork network = Compressor(graph, images, options).at_rate(rate);
    return output_distortion(graph, network.graph, random_images(64, 1000));
}

Tensor repeated(const Tensor& image, std::int64_t count) {
    Tensor images(Shape{count, 8, 8, 3});
    for (std::int64_t i = 0; i < count; ++i) std::ranges::copy(image.values(), images.view().slice(i, i + 1).data);
    return images;
}

/// A network whose Softmax puts out 0 and 1 alone, so that nothing before it has gradients.
Graph saturated_network(std::uint64_t seed) {
    NetworkBuilder builder(Shape{8, 8, 3}, seed);
    ValueId x = builder.relu("first.relu", builder.conv("first", builder.input(), {.outputs = 12, .kernel = 3}));
    x = builder.relu("second.relu", builder.conv("second", x, {.outputs = 16, .kernel = 3}));
    x = builder.linear("scores", builder.flatten("flatten", x), 8);
    x = builder.linear("last", builder.node("softmax", Softmax{.axis = 1}, {x}), 5);
    Graph graph = std::move(builder).finish(x);
    for (float& weight : graph.parameter(find_layer(graph, "scores").weight).values().values()) weight *= 1e5F;
    return graph;
}

}  // namespace

TEST_CASE("With few calibration images, feedback and correction do no harm to other images") {
    for (const std::int64_t count : {1, 2, 4, 16}) {
        for (const double rate : {8.0, 4.0, 2.0}) {
            CAPTURE(count);
            CAPTURE(rate);
            double ratio = 0.0;
            constexpr int kSets = 6;
            for (std::uint64_t seed = 0; seed < kSets; ++seed) {
                const Graph graph = residual_network(seed, seed % 2 == 0);
                const Tensor images = random_images(count, 50 + seed);
                ratio += std::log(unseen_distortion(graph, images, rate, true)
                                  / unseen_distortion(graph, images, rate, false));
            }
            CHECK(std::exp(ratio / kSets) < 1.2);
        }
    }
}

TEST_CASE("Channels that are dead or a thousand times the others, and images that are alike, do no harm") {
    const auto scaled = [](Graph graph, std::string_view layer, float factor) {
        const Layer at = find_layer(graph, layer);
        const std::int64_t count = at.shape.elements(1, 3);
        Tensor& weights = graph.parameter(at.weight).values();
        for (std::int64_t i = 2 * count; i < 3 * count; ++i) weights[i] *= factor;
        return graph;
    };
    const auto alike = [](Tensor images) {
        for (std::int64_t i = 192; i < images.elements(); ++i) images[i] = images[i % 192] + 1e-3F * images[i];
        return images;
    };
    for (const bool normalized : {false, true}) {
        const Graph graph = residual_network(5, normalized);
        for (const std::string_view layer : {"stem", "inner", "outer"}) {
            for (const float factor : {0.0F, 1000.0F}) {
                CAPTURE(layer);
                CAPTURE(factor);
                const Graph odd = scaled(graph, layer, factor);
                const Tensor images = random_images(24, 11);
                const ActivationDepths bytes{8, 8};
                CHECK(unseen_distortion(odd, images, 8.0, true, bytes)
                      < 1.25 * unseen_distortion(odd, images, 8.0, false, bytes));
            }
        }
        const Tensor images = alike(random_images(24, 12));
        CHECK(unseen_distortion(graph, images, 4.0, true) < 1.2 * unseen_distortion(graph, images, 4.0, false));
    }
}

TEST_CASE("Many equal images are one") {
    const Graph graph = residual_network(3, true);
    const Tensor image = random_images(1, 4);
    CompressionOptions options;
    options.transforms = transforms_named("auto", "auto");
    Warnings warnings;
    const CompressedNetwork of_one = Compressor(graph, image, options).at_rate(3.0);
    CHECK(warnings.take().find("Too few different calibration images, 1,") != std::string::npos);
    const CompressedNetwork of_many = Compressor(graph, repeated(image, 24), options).at_rate(3.0);
    CHECK(warnings.take().find("Too few different calibration images, 1,") != std::string::npos);
    CHECK(of_one.bits == of_many.bits);
    CHECK(output_distortion(of_one.graph, of_many.graph, random_images(4, 5)) == 0.0);
    const Compressor of_different(graph, random_images(24, 5), options);
    CHECK(warnings.take().empty());
}

TEST_CASE("A correction that images which did not teach it speak against is not kept") {
    const Graph graph = residual_network(5, false);
    CompressionOptions options;
    options.transforms = transforms_named("none", "auto");
    options.correction = false;
    const Graph plain = Compressor(graph, random_images(32, 7), options).at_rate(2.0).graph;
    // Corrections are learned from dark images that hardly differ, and judged by others.
    constexpr std::int64_t kEach = 8;
    Tensor images = random_images(2 * kEach, 8);
    for (float& value : images.view().slice(0, kEach).values()) value = -3.0F + 0.01F * value;
    const ConstView judges = images.view().slice(kEach, 2 * kEach);
    const auto corrected = [&](std::int64_t judging) {
        Graph result = plain;
        correct(graph, result, images, judging);
        return output_distortion(graph, result, judges);
    };
    const double without = output_distortion(graph, plain, judges);
    Graph learned = plain;
    correct(graph, learned, images.view().slice(0, kEach), 0);
    CHECK(output_distortion(graph, learned, judges) > without);
    CHECK(corrected(kEach) <= without);
}

TEST_CASE("Layers whose errors do not show in gradients keep the bits that a rate has for them") {
    const Graph graph = saturated_network(2);
    const Tensor images = random_images(24, 3);
    for (const CurveMethod curves : {CurveMethod::hybrid, CurveMethod::second_order, CurveMethod::exact}) {
        CompressionOptions options;
        options.transforms = transforms_named("auto", "auto");
        options.curves = curves;
        const CompressedNetwork network = Compressor(graph, images, options).at_rate(5.0);
        CAPTURE(static_cast<int>(curves));
        CHECK(network.bits_per_weight > 4.9);
        const Tensor unseen = random_images(64, 9);
        CHECK(output_distortion(graph, network.graph, unseen) < 0.5 * output_variance(graph, unseen));
    }
}

TEST_CASE("The layer that costs most is the one whose weights were spoilt") {
    const Graph graph = residual_network(5, true);
    Graph spoilt = graph;
    std::ranges::fill(spoilt.parameter(find_layer(graph, "inner").weight).values().values(), 0.0F);
    const Tensor images = random_images(8, 6);
    const std::vector<double> costs = layer_distortions(graph, spoilt, images);
    const std::vector<Layer> layers = find_layers(graph);
    REQUIRE(costs.size() == layers.size());
    for (std::size_t i = 0; i < costs.size(); ++i) {
        CHECK((costs[i] > 0.0) == (graph.nodes()[layers[i].node].name == "inner"));
    }
}

TEST_CASE("The variance of outputs is that over images, of one image its squares") {
    NetworkBuilder builder(Shape{8, 8, 3}, 1);
    const Graph graph = std::move(builder).finish(builder.relu("relu", builder.input()));
    Tensor images(Shape{2, 8, 8, 3});
    std::ranges::fill(images.view().slice(0, 1).values(), 1.0F);
    std::ranges::fill(images.view().slice(1, 2).values(), 5.0F);
    CHECK(output_variance(graph, images) == doctest::Approx(4.0));
    CHECK(output_variance(graph, images.view().slice(1, 2)) == doctest::Approx(25.0));
}

}  // namespace eigenbit::internal
