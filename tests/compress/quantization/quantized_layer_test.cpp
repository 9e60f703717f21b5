#include "compress/curves/candidates.h"
#include "compress/quantization/quantized_layer.h"
#include "compress/statistics/gradient_samples.h"
#include "engine/executor/graph_executor.h"
#include "engine/passes/expand_products.h"
#include "tests/compress/small_networks.h"

#include <doctest/doctest.h>

namespace eigenbit::internal {
namespace {

const std::vector<Transform>& all_transforms() {
    static const std::vector<Transform> transforms{{},
                                                   {TransformKind::klt, {Axis::row}},
                                                   {TransformKind::klt, {Axis::column}},
                                                   {TransformKind::klt, {Axis::taps}},
                                                   {TransformKind::elt, {Axis::row}},
                                                   {TransformKind::elt, {Axis::column}},
                                                   {TransformKind::dct1, {Axis::taps}},
                                                   {TransformKind::dct2, {Axis::taps}},
                                                   {TransformKind::klt, {Axis::row, Axis::column}},
                                                   {TransformKind::klt, {Axis::column, Axis::row}}};
    return transforms;
}

TransformCurves curves_of(const Graph& graph, const Layer& layer, const Transform& transform, Coding coding,
                          ConstView gradients) {
    TransformCurves curves{factorize(graph, layer, transform, GradientMoments(gradients)), {}, {}};
    curves.blocks = cut_into_blocks(curves.factorization, 3);
    for (const Block& block : curves.blocks) {
        curves.curves.push_back(candidates(block_values(curves.factorization, block), {.coding = coding}));
    }
    return curves;
}

/// A choice in the middle of every curve; the channels below `zero_below` vanish from T, and so do the columns that
/// meet them.
LayerChoice choice_of(const TransformCurves& curves, std::int64_t zero_below) {
    LayerChoice choice;
    const Factorization& factorization = curves.factorization;
    for (std::size_t i = 0; i < curves.blocks.size(); ++i) {
        const Block& block = curves.blocks[i];
        const bool meets_rows =
            block.factor == Block::kCoefficients
            || factorization.bases[static_cast<std::size_t>(block.factor)].axis == factorization.block_axis;
        choice.candidates.push_back(meets_rows && block.begin < zero_below ? 0 : curves.curves[i].size() / 2);
    }
    return choice;
}

/// Weights from the factors with every block's errors added, by the definition.
Tensor quantized_weights(const TransformCurves& curves, const LayerChoice& choice) {
    Factorization quantized = curves.factorization;
    for (std::size_t i = 0; i < curves.blocks.size(); ++i) {
        const Block& block = curves.blocks[i];
        const std::vector<float> values = block_values(curves.factorization, block);
        std::vector<float> errors(values.size());
        quantization_errors(values, curves.curves[i][choice.candidates[i]].quantizer, errors);
        for_each_element(curves.factorization, block, [&](std::int64_t k, std::int64_t element) {
            const float value = values[static_cast<std::size_t>(k)] + errors[static_cast<std::size_t>(k)];
            if (block.factor == Block::kCoefficients) {
                quantized.coefficients[element] = value;
            } else {
                quantized.bases[static_cast<std::size_t>(block.factor)]
                    .synthesis.values()[static_cast<std::size_t>(element)] = value;
            }
        });
    }
    return synthesize(quantized);
}

Tensor output_of(const Graph& graph, const Tensor& images) {
    GraphExecutor session(graph, images.shape());
    return Tensor(session.run(images));
}

void check_close(const Tensor& found, const Tensor& expected) {
    REQUIRE(found.shape() == expected.shape());
    float largest = 0.0F;
    float difference = 0.0F;
    for (std::int64_t i = 0; i < found.elements(); ++i) {
        largest = std::max(largest, std::abs(expected[i]));
        difference = std::max(difference, std::abs(found[i] - expected[i]));
    }
    CHECK(difference <= 1e-4F * largest);
}

}  // namespace

TEST_CASE("A quantized layer's weight is what its factors' quantizers make of them") {
    const Graph graph = with_biases(linear_network(4));
    const Tensor images = random_images(3, 5);
    const std::vector<Layer> layers = find_layers(graph);
    const std::vector<GradientSamples> samples = sample_gradients(graph, layers, images, {});
    for (std::size_t i = 0; i < layers.size(); ++i) {
        for (const Transform& transform : all_transforms()) {
            const bool has_taps = graph.parameter(layers[i].weight).shape().rank() == 4;
            if (!has_taps && std::ranges::find(transform.axes, Axis::taps) != transform.axes.end()) continue;
            for (const Coding coding : {Coding::fixed, Coding::entropy}) {
                for (const std::int64_t zero_below : {0, 1, 1000}) {
                    CAPTURE(graph.nodes()[layers[i].node].name);
                    CAPTURE(to_string(transform));
                    CAPTURE(zero_below);
                    const TransformCurves curves = curves_of(graph, layers[i], transform, coding, samples[i].weights);
                    const LayerChoice choice = choice_of(curves, zero_below);
                    Tensor weights = quantized_weights(curves, choice);
                    weights.reshape(graph.parameter(layers[i].weight).shape());
                    const Weight quantized = quantize_layer(curves, choice, round_blocks(curves, choice));
                    CHECK(quantized.shape() == weights.shape());
                    check_close(image(quantized), weights);
                    CHECK((quantized.product() != nullptr) == (transform.kind != TransformKind::none));

                    Graph expected = graph;
                    expected.parameter(layers[i].weight) = weights;
                    Graph compressed = graph;
                    compressed.parameter(layers[i].weight) = quantized;
                    const Tensor output = output_of(expected, images);
                    check_close(output_of(compressed, images), output);
                    // As two layers it computes the same, under the same ids.
                    const auto is_channels = [](const LayerView&, const Basis& basis) {
                        return basis.axis != Axis::taps;
                    };
                    const std::vector<ExpandedLayer> expanded = expand_products(compressed, is_channels);
                    check_close(output_of(compressed, images), output);
                    CHECK(GraphUses(compressed).producer(graph.nodes()[layers[i].node].outputs[0]).has_value());
                    collapse_products(compressed, expanded);
                    CHECK(compressed.nodes().size() == graph.nodes().size());
                    check_close(image(compressed.parameter(layers[i].weight)), weights);
                }
            }
        }
    }
}

TEST_CASE("Channels of zero blocks are removed from both factors") {
    const Graph graph = residual_network(3, true);
    const Layer layer = find_layer(graph, "last");  // 10 inputs, 16 outputs, 3×3
    const auto shapes = [&](const Transform& transform, std::int64_t zero_below) {
        const TransformCurves curves = curves_of(graph, layer, transform, Coding::fixed, ConstView());
        const LayerChoice choice = choice_of(curves, zero_below);
        const Weight quantized = quantize_layer(curves, choice, round_blocks(curves, choice));
        std::vector<Shape> result;
        for (const Quantized* const factor : quantized_factors(quantized)) result.push_back(factor->shape);
        return result;
    };
    using Shapes = std::vector<Shape>;
    CHECK(shapes({TransformKind::klt, {Axis::row}}, 0) == Shapes{{16, 3, 3, 10}, {10, 10}});
    CHECK(shapes({TransformKind::klt, {Axis::row}}, 4) == Shapes{{16, 3, 3, 6}, {10, 6}});
    CHECK(shapes({TransformKind::klt, {Axis::row}}, 100) == Shapes{{16, 3, 3, 1}, {10, 1}});
    CHECK(shapes({TransformKind::klt, {Axis::column}}, 6) == Shapes{{10, 3, 3, 10}, {16, 10}});
    CHECK(shapes({TransformKind::klt, {Axis::taps}}, 3) == Shapes{{16, 1, 6, 10}, {9, 6}});
    CHECK(shapes({TransformKind::klt, {Axis::row, Axis::column}}, 6) == Shapes{{10, 3, 3, 10}, {10, 10}, {16, 10}});
    // Nothing meets these channels but the network's own: they stay, at no bits.
    CHECK(shapes({}, 4) == Shapes{{16, 3, 3, 10}});
    CHECK(shapes({TransformKind::dct2, {Axis::taps}}, 4) == Shapes{{16, 1, 9, 10}});
}

TEST_CASE("Levels cost R bits each, or what they are estimated to take, and what describes the block") {
    const Graph graph = residual_network(3, true);
    const Layer layer = find_layer(graph, "last");
    for (const Coding coding : {Coding::fixed, Coding::entropy}) {
        const TransformCurves curves = curves_of(graph, layer, {TransformKind::klt, {Axis::row}}, coding, ConstView());
        const LayerChoice choice = choice_of(curves, 4);
        double expected = 0.0;
        for (std::size_t i = 0; i < curves.blocks.size(); ++i) expected += curves.curves[i][choice.candidates[i]].bits;
        const BlockLevels levels = round_blocks(curves, choice);
        CHECK(level_bits(curves, choice, levels) == doctest::Approx(expected));
        if (coding == Coding::entropy) continue;
        // Blocks of 4, 4 and 2 rows of 144 values, and as many columns of 10; the first ones are zero.
        double counted = 0.0;
        for (std::size_t i = 0; i < curves.blocks.size(); ++i) {
            const Quantizer& quantizer = curves.curves[i][choice.candidates[i]].quantizer;
            const std::int64_t rows = curves.blocks[i].end - curves.blocks[i].begin;
            const bool basis = curves.blocks[i].factor != Block::kCoefficients;
            if (quantizer.bit_depth == 0) continue;
            counted += static_cast<double>(quantizer.bit_depth * rows * (basis ? 10 : 144));
            counted += kSideInformationBits + offset_bits(quantizer.offset);
        }
        CHECK(expected == counted);
        CHECK(expected > 0.0);
    }
}

TEST_CASE("A block of unclipped levels is stored with the least depth that holds them") {
    const Graph graph = residual_network(3, true);
    const Layer layer = find_layer(graph, "last");
    const TransformCurves curves = curves_of(graph, layer, {}, Coding::entropy, ConstView());
    const LayerChoice choice = choice_of(curves, 0);
    BlockLevels levels = round_blocks(curves, choice);
    for (auto& of_block : levels) std::ranges::fill(of_block, std::int16_t{0});
    levels[1].front() = 7;
    levels[2].front() = -9;
    const Weight quantized = quantize_layer(curves, choice, levels);
    const std::vector<QuantizedBlock>& blocks = quantized.quantized()->blocks;
    REQUIRE(blocks.size() == 3);
    CHECK(blocks[0].bit_depth == 0);
    CHECK(blocks[1].bit_depth == 4);
    CHECK(blocks[2].bit_depth == 5);
    CHECK(level_bits(curves, choice, levels) < level_bits(curves, choice, round_blocks(curves, choice)));
}

}  // namespace eigenbit::internal
