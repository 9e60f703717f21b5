#include "engine/quantization.h"
#include "tests/engine/ebit_models.h"
#include "train/latent_indices.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace eigenbit;

namespace {

/// y = x · weight, of which the weight is quantized: 4 outputs, 6 inputs.
struct Product {
    Graph graph;
    ValueId weight;

    explicit Product(std::uint64_t seed, const RandomBlocks& blocks) {
        const ValueId x = graph.add_input("x", Shape{0, 6});
        Parameter parameter = random_quantized_parameter(Shape{4, 6}, blocks, seed);
        weight = graph.add_parameter("w", parameter.values);
        graph.parameter(weight).quantization = parameter.quantization;
        graph.add_output(graph.add_node("y", Gemm{}, {x, weight}));
    }
    Quantization& quantization() { return *graph.parameter(weight).quantization; }
};

}  // namespace

TEST_CASE("rounding latents that nothing moved changes no index and no value") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Product product(seed, {.axis = static_cast<int>(seed % 2), .channels = 0, .bit_depth = 0});
        const std::vector<std::int16_t> indices = product.quantization().indices;
        const Tensor values = product.graph.parameter(product.weight).values;
        LatentIndices latents(product.graph, false);
        latents.round(product.graph);
        CHECK(product.quantization().indices == indices);
        CHECK(std::ranges::equal(product.graph.parameter(product.weight).values.values(), values.values()));
    }
}

TEST_CASE("latents round to the nearest index that the block's depth can hold, and values follow") {
    Product product(3, {.axis = 0, .channels = 2, .bit_depth = 3});
    LatentIndices latents(product.graph, false);
    Tensor& latent = latents.entries().front().latents;
    latent[0] = 1.4F;
    latent[1] = -2.6F;
    latent[2] = 9.0F;
    latent[23] = -9.0F;
    latents.round(product.graph);
    const std::vector<std::int16_t>& indices = product.quantization().indices;
    CHECK(indices[0] == 1);
    CHECK(indices[1] == -3);
    CHECK(indices[2] == 3);
    CHECK(indices[23] == -4);
    CHECK(latent[0] == 1.4F);
    CHECK(latent[2] == 3.0F);
    const Tensor expected = dequantize(product.quantization(), Shape{4, 6});
    CHECK(std::ranges::equal(product.graph.parameter(product.weight).values.values(), expected.values()));
}

TEST_CASE("gradients of latents are those of the values, in steps") {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        Product product(seed, {.axis = static_cast<int>(seed % 2), .channels = 1, .bit_depth = 4});
        const Shape shape{3, 6};
        Tensor x(shape);
        for (std::int64_t i = 0; i < x.elements(); ++i) x[i] = static_cast<float>(i % 5) - 1.5F;
        Session session(product.graph, std::span(&shape, 1), {.training = true, .gradients = {product.weight}});
        const Tensor output_gradient(Shape{3, 4}, std::vector<float>(12, 1.0F));
        session.run(x);
        session.backward(output_gradient);
        LatentIndices latents(product.graph, false);
        latents.take_gradients(product.graph, session);
        const LatentIndices::Entry& entry = latents.entries().front();
        // The output is linear in the indices: moving one by a whole step changes their sum by the gradient.
        for (std::int64_t i = 0; i < 24; ++i) {
            Quantization moved = product.quantization();
            moved.indices[static_cast<std::size_t>(i)] ^= 1;
            const double change = (moved.indices[static_cast<std::size_t>(i)] & 1) != 0 ? 1.0 : -1.0;
            const Tensor values = dequantize(moved, Shape{4, 6});
            double difference = 0.0;
            for (std::int64_t row = 0; row < 3; ++row) {
                difference += x[row * 6 + i % 6] * (values[i] - product.graph.parameter(product.weight).values[i]);
            }
            CHECK(entry.gradient[i] == doctest::Approx(difference / change).epsilon(1e-3));
        }
    }
}

TEST_CASE("gradients are normalized by the mean magnitude that those of all parameters had so far") {
    Graph graph;
    for (const char* const name : {"a", "b"}) {
        Parameter parameter = random_quantized_parameter(Shape{4, 6}, {.axis = 0, .channels = 2, .bit_depth = 4}, 1);
        const ValueId id = graph.add_parameter(name, std::move(parameter.values));
        graph.parameter(id).quantization = std::move(parameter.quantization);
    }
    LatentIndices latents(graph, true);
    LatentIndices::Entry& a = latents.entries()[0];
    LatentIndices::Entry& b = latents.entries()[1];
    const auto normalize = [&](float of_a, float of_a_step) {
        std::ranges::fill(a.gradient.values(), of_a);
        std::ranges::fill(a.step_gradient.values(), of_a_step);
        latents.normalize_gradients();
    };
    normalize(0.0F, 0.0F);
    CHECK(a.gradient[5] == 0.0F);
    normalize(-8.0e-7F, 4.0F);  // and b's are 0: the mean is 4e-7, with the time before 2e-7
    CHECK(a.gradient[5] == doctest::Approx(-4.0));
    CHECK(a.step_gradient[1] == doctest::Approx(4.0));
    CHECK(b.gradient[5] == 0.0F);
    normalize(4.0e-7F, 0.0F);
    CHECK(a.gradient[5] == doctest::Approx(2.0));
    CHECK(a.step_gradient[1] == 0.0F);
}

TEST_CASE("the rate pulls indices towards 0, harder where large ones are rare, and leaves zeros alone") {
    Product product(4, {.axis = 0, .channels = 2, .bit_depth = 4});
    std::vector<std::int16_t>& indices = product.quantization().indices;
    std::ranges::fill(indices, std::int16_t{0});
    indices[0] = 1;  // alone in its block
    for (std::size_t i = 12; i < 24; ++i) indices[i] = -3;
    LatentIndices latents(product.graph, false);
    std::ranges::copy(indices, latents.entries().front().latents.data());
    latents.add_rate_gradients(product.graph, 2.0);
    const Tensor& gradient = latents.entries().front().gradient;
    CHECK(gradient[1] == 0.0F);
    CHECK(gradient[0] == doctest::Approx(2.0 * std::log2(13.0)));
    CHECK(gradient[12] == doctest::Approx(-2.0 * std::log2(4.0 / 3.0)));
}

TEST_CASE("gradients of steps are those of their positions on the grid, over the root of the block's weights") {
    Product product(5, {.axis = 0, .channels = 2, .bit_depth = 4});
    const Shape shape{3, 6};
    Tensor x(shape);
    for (std::int64_t i = 0; i < x.elements(); ++i) x[i] = static_cast<float>(i % 5) - 1.5F;
    Session session(product.graph, std::span(&shape, 1), {.training = true, .gradients = {product.weight}});
    const auto sum_of_outputs = [&] {
        double sum = 0.0;
        for (const float y : session.run(x).values()) sum += y;
        return sum;
    };
    sum_of_outputs();
    session.backward(Tensor(Shape{3, 4}, std::vector<float>(12, 1.0F)));
    LatentIndices latents(product.graph, true);
    latents.take_gradients(product.graph, session);
    const Tensor gradient = latents.entries().front().step_gradient;
    REQUIRE(product.quantization().blocks.size() == 2);
    for (std::size_t block = 0; block < 2; ++block) {
        const double weights = 12.0;
        const auto moved_by = [&](double positions) {
            Quantization moved = product.quantization();
            moved.blocks[block].step *= static_cast<float>(std::exp2(positions / 8.0));
            const Tensor values = dequantize(moved, Shape{4, 6});
            std::ranges::copy(values.values(), product.graph.parameter(product.weight).values.data());
            return sum_of_outputs();
        };
        const double slope = (moved_by(0.05) - moved_by(-0.05)) / 0.1;
        CHECK(gradient[static_cast<std::int64_t>(block)] == doctest::Approx(slope / std::sqrt(weights)).epsilon(1e-3));
        moved_by(0.0);
    }
}
