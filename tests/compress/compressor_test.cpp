#include "compress/allocation/rate_search.h"
#include "compress/compressor.h"
#include "engine/executor/graph_executor.h"
#include "engine/formats/ebit/ebit.h"
#include "tests/compress/small_networks.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace eigenbit::internal {
namespace {

Compressor compressor_of(const Graph& graph, const Tensor& images, CurveMethod curves = CurveMethod::hybrid) {
    CompressionOptions options;
    options.transforms = transforms_named("auto", "auto");
    options.curves = curves;
    return Compressor(graph, images, options);
}

bool output_is_finite(const Graph& graph, const Tensor& images) {
    GraphExecutor session(graph, images.shape());
    return std::ranges::all_of(session.run(images).values(), [](float value) { return std::isfinite(value); });
}

/// One channel in, one channel between, one channel out.
Graph narrow_network(std::uint64_t seed) {
    NetworkBuilder builder(Shape{8, 8, 1}, seed);
    ValueId x = builder.relu("first.relu", builder.conv("first", builder.input(), {.outputs = 1, .kernel = 3}));
    x = builder.relu("second.relu", builder.conv("second", x, {.outputs = 4, .kernel = 3, .bias = true}));
    x = builder.conv("third", x, {.outputs = 1, .kernel = 1});
    return std::move(builder).finish(x);
}

/// Every kernel of a layer a mixture of so many patterns of taps.
void make_kernels_of_patterns(Graph& graph, const Layer& layer, std::int64_t patterns) {
    Tensor& weights = graph.parameter(layer.weight).values();
    const Tensor pattern = random_tensor(Shape{patterns, layer.shape[1]}, 1);
    const Tensor shares = random_tensor(Shape{layer.shape[0], patterns, layer.shape[2]}, 2);
    Matrix synthesis(layer.shape[1], patterns);
    for (std::int64_t tap = 0; tap < synthesis.rows(); ++tap) {
        for (std::int64_t p = 0; p < patterns; ++p) synthesis(tap, p) = 0.2 * pattern[p * synthesis.rows() + tap];
    }
    std::ranges::copy(mix(shares, Axis::taps, synthesis).values(), weights.data());
}

}  // namespace

TEST_CASE("A rate is met from below, closely") {
    const Graph graph = residual_network(3, true);
    const Tensor images = random_images(16, 4);
    CompressionOptions options;
    options.transforms = transforms_named("auto", "auto");
    options.blocks = 16;  // a block's next step is 3 % of the bits of this network in 8
    const Compressor compressor(graph, images, options);
    for (const double rate : {6.0, 4.0, 3.0, 2.0}) {
        CAPTURE(rate);
        const CompressedNetwork network = compressor.at_rate(rate);
        CHECK(network.bits_per_weight <= rate);
        CHECK(network.bits_per_weight >= 0.98 * rate);
    }
}

TEST_CASE("A rate counts what a file spends on weights") {
    const Graph graph = residual_network(3, true);
    const Tensor images = random_images(16, 4);
    for (const Coding coding : {Coding::fixed, Coding::entropy}) {
        CompressionOptions options;
        options.transforms = transforms_named("auto", "auto");
        options.candidates.coding = coding;
        options.activations = ActivationDepths{8, 8};
        const CompressedNetwork network = Compressor(graph, images, options).at_rate(3.0);
        const SizeLedger sizes = encode_ebit({network.graph, {}, {}, {}}, storage_of(coding)).sizes;
        CHECK(network.bits == 8.0 * static_cast<double>(sizes.weight_bytes()));
        double of_layers = 0.0;
        for (const LayerSummary& layer : network.layers)
            of_layers += layer.bits_per_weight * static_cast<double>(layer.weights);
        CHECK(of_layers == doctest::Approx(network.bits).epsilon(0.01));
    }
}

TEST_CASE("One image, and layers of one channel, are enough") {
    // What describes the blocks of a few dozen weights takes more bits than they do.
    for (const auto& [graph, rate] : {std::pair(residual_network(5, false), 3.0), std::pair(narrow_network(6), 10.0)}) {
        const Shape& input = graph.inputs().front().shape;
        const Tensor image = random_tensor(Shape{1, 8, 8, input.back()}, 7);
        const CompressedNetwork network = compressor_of(graph, image).at_rate(rate);
        CHECK(network.bits_per_weight <= rate);
        CHECK(output_is_finite(network.graph, image));
    }
}

TEST_CASE("At a λ of next to nothing weights are kept, at an enormous one they vanish") {
    const Graph graph = residual_network(8, true);
    const Tensor images = random_images(8, 9);
    const Compressor compressor = compressor_of(graph, images, CurveMethod::second_order);
    const CompressedNetwork fine = compressor.at_lambda(1e-300);
    const CompressedNetwork coarse = compressor.at_lambda(1e300);
    CHECK(fine.bits_per_weight > 6.0);
    CHECK(coarse.bits_per_weight == compressor.lowest_rate());  // that everything is zero has to be said
    CHECK(coarse.bits_per_weight < 0.2);
    CHECK(error_of([&] {
              (void)compressor.at_rate(0.5 * coarse.bits_per_weight);
          }).starts_with("The network cannot be compressed to "));
    for (const auto& [id, parameter] : coarse.graph.parameters()) {
        for (const Quantized* const factor : quantized_factors(parameter)) {
            CHECK(std::ranges::count(factor->levels, 0) == factor->shape.elements());
        }
    }
    CHECK(output_is_finite(fine.graph, images));
    CHECK(output_is_finite(coarse.graph, images));
}

TEST_CASE("Weights and outputs that are not finite are refused by name") {
    const Tensor images = random_images(4, 10);
    Graph graph = residual_network(11, true);
    const Layer inner = find_layer(graph, "inner");
    const float kept = graph.parameter(inner.weight).values()[5];
    graph.parameter(inner.weight).values()[5] = std::numeric_limits<float>::quiet_NaN();
    CHECK(error_of([&] { compressor_of(graph, images); }) == "Layer 'inner' has weights that are not finite numbers.");
    graph.parameter(inner.weight).values()[5] = kept;
    const Node& linear = graph.nodes()[find_layer(graph, "linear").node];
    graph.parameter(linear.inputs[2]).values()[0] = std::numeric_limits<float>::infinity();
    CHECK(error_of([&] { compressor_of(graph, images); })
          == "For the first calibration image, the network outputs numbers that are not finite.");
}

TEST_CASE("Kernels made of few patterns are coded by their shares of these, and their other coefficients pruned") {
    Graph graph = residual_network(16, true);
    const Layer inner = find_layer(graph, "inner");
    make_kernels_of_patterns(graph, inner, 2);
    const CompressedNetwork network = compressor_of(graph, random_images(16, 17)).at_rate(3.0);
    const auto layer = std::ranges::find(network.layers, "inner", &LayerSummary::name);
    REQUIRE(layer != network.layers.end());
    CHECK(layer->transform.axes == std::vector{Axis::taps});
    CHECK(layer->nonzero_rows == 2);
    const Product* const product = network.graph.parameter(find_layer(network.graph, "inner").weight).product();
    REQUIRE(product != nullptr);
    CHECK(product->kernel.shape == Shape{12, 1, 2, 10});
}

TEST_CASE("A compressor restricted to some transforms is one of these transforms") {
    const Graph graph = residual_network(14, true);
    const Tensor images = random_images(8, 15);
    CompressionOptions options;
    options.transforms = transforms_named("auto", "auto");
    const Compressor all(graph, images, options);
    options.transforms = transforms_named("klt", "row");
    const Compressor klt(graph, images, options);
    const CompressedNetwork expected = klt.at_rate(2.5);
    const CompressedNetwork found = all.restricted_to(options.transforms).at_rate(2.5);
    CHECK(found.bits == expected.bits);
    CHECK(found.distortion == expected.distortion);
    REQUIRE(found.layers.size() == expected.layers.size());
    for (std::size_t i = 0; i < found.layers.size(); ++i) {
        CHECK(found.layers[i].transform == expected.layers[i].transform);
        CHECK(found.layers[i].gains.size() == expected.layers[i].gains.size());
    }
}

TEST_CASE("A search ends at the edge of what is acceptable, or with nothing") {
    const Graph graph = residual_network(12, true);
    const Tensor images = random_images(8, 13);
    const Compressor compressor = compressor_of(graph, images, CurveMethod::second_order);
    const auto with_header = [](const CompressedNetwork& n) { return n.bits + 5000.0; };
    const auto above = [](double bits) { return [bits](const CompressedNetwork& n) { return n.bits >= bits; }; };
    const double bits = 2.5 * static_cast<double>(compressor.weight_count());
    const auto finest = finest_within(compressor, bits + 5000.0, with_header);
    const auto coarsest = coarsest_acceptable(compressor, above(bits));
    REQUIRE(finest.has_value());
    REQUIRE(coarsest.has_value());
    CHECK(finest->bits <= bits);
    CHECK(finest->bits > 0.96 * bits);
    CHECK(coarsest->bits >= bits);
    CHECK(coarsest->bits < 1.04 * bits);
    CHECK_FALSE(finest_within(compressor, 100.0, with_header).has_value());
    CHECK(finest_within(compressor, 1e12, with_header)->bits_per_weight > 6.0);
    CHECK_FALSE(coarsest_acceptable(compressor, above(1e12)).has_value());
}

}  // namespace eigenbit::internal
