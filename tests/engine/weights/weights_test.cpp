#include "engine/executor/graph_executor.h"
#include "engine/graph/layer_view.h"
#include "engine/passes/expand_products.h"
#include "engine/weights/mix.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/engine/network_run.h"
#include "tests/engine/operator_run.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace eigenbit::internal;

namespace {

const std::vector<std::vector<Axis>> kMixes{
    {Axis::row}, {Axis::column}, {Axis::taps}, {Axis::row, Axis::column}, {Axis::column, Axis::row}};

/// A product with 12 levels' worth of room on both sides of every level, and moderate steps.
Product tame_product(const Shape& shape, const std::vector<Axis>& mixed, std::int64_t kept, std::uint64_t seed) {
    Product product = random_product(shape, mixed, kept, seed);
    Weight weight(product);
    for (Quantized* const factor : quantized_factors(weight)) {
        float step = 0.1F;
        for (QuantizedBlock& block : factor->blocks) {
            block.bit_depth = 6;
            block.step = step += 0.02F;
            block.offset = 0.25F;
        }
        for (std::int16_t& level : factor->levels) level = static_cast<std::int16_t>(level % 16);
    }
    return *weight.product();
}

double inner(ConstView a, ConstView b) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < a.elements(); ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
}

/// A 3×3 convolution and a fully-connected layer whose weights are products.
Graph network_of_products(const std::vector<Axis>& mixed, std::uint64_t seed) {
    Graph graph;
    ValueId x = graph.add_input("x", Shape{0, 5, 6, 4});
    x = graph.add_node("conv", Conv{.stride = {2, 1}, .padding = {1, 1, 1, 1}},
                       {x, graph.add_parameter("conv.weight", tame_product(Shape{5, 3, 3, 4}, mixed, 3, seed)),
                        graph.add_parameter("conv.bias", random_tensor({5}, seed + 1)),
                        graph.add_parameter("conv.gain", random_tensor({5}, seed + 2, 0.5F, 1.5F))});
    x = graph.add_node("pool", Reduce{Reduce::Kind::mean, {1, 2}, false}, {x});
    graph.add_output(graph.add_node(
        "fc", Gemm{}, {x, graph.add_parameter("fc.weight", tame_product(Shape{7, 5}, {Axis::row}, 3, seed + 3))}));
    return graph;
}

}  // namespace

TEST_CASE("the image of a product is its kernel mixed by its bases") {
    const Product product = tame_product(Shape{5, 3, 2, 4}, {Axis::row, Axis::column}, 3, 1);
    const Tensor kernel = image(product.kernel);  // (3, 3, 2, 3)
    const Tensor rows = image(std::get<Quantized>(product.bases[0].matrix));
    const Tensor columns = image(std::get<Quantized>(product.bases[1].matrix));
    const Tensor found = image(product);
    for (std::int64_t o = 0; o < 5; ++o) {
        for (std::int64_t tap = 0; tap < 6; ++tap) {
            for (std::int64_t i = 0; i < 4; ++i) {
                double sum = 0.0;
                for (std::int64_t a = 0; a < 3; ++a) {
                    for (std::int64_t b = 0; b < 3; ++b) {
                        sum +=
                            static_cast<double>(columns[o * 3 + a]) * kernel[(a * 6 + tap) * 3 + b] * rows[i * 3 + b];
                    }
                }
                CHECK(found[(o * 6 + tap) * 4 + i] == doctest::Approx(sum).epsilon(1e-5));
            }
        }
    }
}

TEST_CASE("gradients pulled back to levels and steps are those of the image") {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
        for (const std::vector<Axis>& mixed : kMixes) {
            Weight weight(tame_product(Shape{5, 3, 2, 4}, mixed, 3, 2 * seed));
            const Tensor direction = random_tensor(weight.shape(), seed + 7);
            const std::vector<QuantizedGradient> gradients = pull_back(weight, direction);
            REQUIRE(gradients.size() == mixed.size() + 1);
            const auto value = [&] { return inner(image(weight), direction); };
            for (std::size_t f = 0; f < gradients.size(); ++f) {
                Quantized& factor = *quantized_factors(weight)[f];
                for (std::size_t i = 0; i < factor.levels.size(); i += 5) {
                    // The image is linear in each level.
                    const double before = value();
                    ++factor.levels[i];
                    CHECK(gradients[f].levels[static_cast<std::int64_t>(i)]
                          == doctest::Approx(value() - before).epsilon(2e-3));
                    --factor.levels[i];
                }
                for (std::size_t b = 0; b < factor.blocks.size(); ++b) {
                    const float step = factor.blocks[b].step;
                    const auto at = [&](double logarithm) {
                        factor.blocks[b].step = static_cast<float>(step * std::exp(logarithm));
                        return value();
                    };
                    const double slope = (at(0.01) - at(-0.01)) / 0.02;
                    factor.blocks[b].step = step;
                    CHECK(gradients[f].steps[static_cast<std::int64_t>(b)] == doctest::Approx(slope).epsilon(5e-3));
                }
            }
        }
    }
}

TEST_CASE("a network of products computes what one of their images does, expanded to two layers too") {
    const Tensor input = random_tensor({2, 5, 6, 4}, 3);
    for (const std::vector<Axis>& mixed : kMixes) {
        Graph graph = network_of_products(mixed, 4);
        const auto without_quantizers = [](Graph& network) {
            for (const LayerView& layer : layers_of(network)) {
                for (Basis& basis : network.parameter(layer.weight).product()->bases) basis.inner.reset();
            }
        };
        without_quantizers(graph);
        Graph images = graph;
        for (const LayerView& layer : layers_of(graph))
            images.parameter(layer.weight) = image(graph.parameter(layer.weight));
        const Tensor expected = run(images, input);
        CHECK(relative_error(run(graph, input), expected) < 1e-5F);

        Graph expanded = graph;
        const auto all_channels = [](const LayerView&, const Basis& basis) { return basis.axis != Axis::taps; };
        const std::vector<ExpandedLayer> layers = expand_products(expanded, all_channels);
        CHECK(expanded.nodes().size() > graph.nodes().size());
        CHECK(expanded.outputs() == graph.outputs());
        CHECK(relative_error(run(expanded, input), expected) < 1e-5F);
        collapse_products(expanded, layers);
        CHECK(expanded.nodes().size() == graph.nodes().size());
        for (const LayerView& layer : layers_of(graph)) {
            const Tensor before = image(graph.parameter(layer.weight));
            CHECK(std::ranges::equal(image(expanded.parameter(layer.weight)).values(), before.values()));
        }
    }
}

TEST_CASE("layers that share a product still share it after it was expanded and collapsed") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 4});
    const ValueId weight = graph.add_parameter("weight", tame_product(Shape{4, 4}, {Axis::row, Axis::column}, 2, 1));
    const ValueId y = graph.add_node("first", Gemm{}, {x, weight});
    graph.add_output(graph.add_node("second", Gemm{}, {y, weight}));
    for (Basis& basis : graph.parameter(weight).product()->bases) {
        basis.inner = ActivationQuantizer{.bit_depth = 12, .step = 0.01F, .zero_point = 2048};
    }
    const Tensor before = image(graph.parameter(weight));
    Graph expanded = graph;
    const std::vector<ExpandedLayer> layers = expand_products(expanded);
    CHECK(expanded.nodes().size() == 6);
    CHECK(expanded.activations().size() == 4);
    CHECK(expanded.parameters().size() == 3);
    collapse_products(expanded, layers);
    CHECK(expanded.nodes().size() == 2);
    CHECK(expanded.activations().empty());
    CHECK(expanded.parameter(weight).product()->bases[1].inner == graph.parameter(weight).product()->bases[1].inner);
    CHECK(std::ranges::equal(image(expanded.parameter(weight)).values(), before.values()));
}

TEST_CASE("levels that are not in memory are not read when a product is expanded, and then as if they were") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 5});
    const ValueId weight = graph.add_parameter("weight", tame_product(Shape{6, 5}, {Axis::row, Axis::column}, 4, 1));
    graph.add_output(graph.add_node("layer", Gemm{}, {x, weight}));
    for (Basis& basis : graph.parameter(weight).product()->bases) {
        basis.inner = ActivationQuantizer{.bit_depth = 8, .step = 0.01F, .zero_point = 128};
    }
    Graph elsewhere = graph;
    int reads = 0;
    for (Quantized* const factor : quantized_factors(elsewhere.parameter(weight))) {
        const Quantized stored = *factor;
        factor->levels.clear();
        factor->source = {
            .all = [stored, &reads] { return ++reads, stored.levels; },
            .block = [stored, &reads](std::size_t block) { return ++reads, block_levels(stored, block); }};
    }
    expand_products(graph);
    expand_products(elsewhere);
    CHECK(reads == 0);
    REQUIRE(elsewhere.parameters().size() == 3);
    for (const auto& [value, stored] : elsewhere.parameters()) {
        const Quantized& expected = *graph.parameter(value).quantized();
        const Quantized& found = *stored.quantized();
        CHECK(loaded(found).levels == expected.levels);
        for (std::size_t b = 0; b < found.blocks.size(); ++b) {
            CHECK(block_levels(found, b) == block_levels(expected, b));
        }
    }
    CHECK(reads > 0);
}

TEST_CASE("a session does not run a product as one layer that is meant to run as two") {
    Graph graph = network_of_products({Axis::row}, 4);
    const ValueId weight = graph.find_parameter("conv.weight");
    graph.parameter(weight).product()->bases[0].inner = ActivationQuantizer{};
    const Shape input{1, 5, 6, 4};
    const std::string sentence = error_of([&] { GraphExecutor session(graph, input); });
    CHECK(sentence.find("'conv.weight' is a product that runs as two layers") != std::string::npos);
}

TEST_CASE("products whose parts do not fit are refused") {
    const auto refusal = [](const auto& change) {
        Product product = tame_product(Shape{5, 3, 3, 4}, {Axis::row, Axis::column}, 3, 2);
        change(product);
        return error_of([&] { validate(product); });
    };
    CHECK(refusal([](Product&) {}).empty());
    CHECK_FALSE(refusal([](Product& p) { p.shape[0] = 6; }).empty());
    CHECK_FALSE(refusal([](Product& p) { p.bases.pop_back(); }).empty());
    CHECK_FALSE(refusal([](Product& p) { p.bases.clear(); }).empty());
    CHECK_FALSE(refusal([](Product& p) { p.bases[1].axis = Axis::row; }).empty());
    CHECK_FALSE(refusal([](Product& p) { p.bases[0].matrix = CosineKind::dct2; }).empty());
    CHECK_FALSE(refusal([](Product& p) { p.kernel.levels.pop_back(); }).empty());
    CHECK_FALSE(refusal([](Product& p) { p.bases[0].inner = ActivationQuantizer{.bit_depth = 20}; }).empty());
}
