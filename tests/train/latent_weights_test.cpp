#include "tests/engine/formats/ebit/models.h"
#include "train/latent_weights.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace eigenbit::internal;

namespace {

/// y = x · weight, of which the weight is quantized: 4 outputs, 6 inputs.
struct Layer {
    Graph graph;
    ValueId weight;

    explicit Layer(std::uint64_t seed, const RandomBlocks& blocks) {
        const ValueId x = graph.add_input("x", Shape{0, 6});
        weight = graph.add_parameter("w", random_quantized(Shape{4, 6}, blocks, seed));
        graph.add_output(graph.add_node("y", Gemm{}, {x, weight}));
    }
    Quantized& quantized() { return *graph.parameter(weight).quantized(); }
};

}  // namespace

TEST_CASE("rounding latents that nothing moved changes no index and no value") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Layer layer(seed, {.axis = static_cast<int>(seed % 2), .channels = 0, .bit_depth = 0});
        const std::vector<std::int16_t> levels = layer.quantized().levels;
        LatentWeights latents(layer.graph, false);
        latents.requantize(layer.graph);
        CHECK(layer.quantized().levels == levels);
    }
}

TEST_CASE("latents round to the nearest index that the block's depth can hold, and values follow") {
    Layer layer(3, {.axis = 0, .channels = 2, .bit_depth = 3});
    LatentWeights latents(layer.graph, false);
    Tensor& latent = latents.entries().front().latents;
    latent[0] = 1.4F;
    latent[1] = -2.6F;
    latent[2] = 9.0F;
    latent[23] = -9.0F;
    latents.requantize(layer.graph);
    const std::vector<std::int16_t>& levels = layer.quantized().levels;
    CHECK(levels[0] == 1);
    CHECK(levels[1] == -3);
    CHECK(levels[2] == 3);
    CHECK(levels[23] == -4);
    CHECK(latent[0] == 1.4F);
    CHECK(latent[2] == 3.0F);
}

TEST_CASE("gradients of latents are those of the values, in steps") {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        Layer layer(seed, {.axis = static_cast<int>(seed % 2), .channels = 1, .bit_depth = 4});
        const Shape shape{3, 6};
        Tensor x(shape);
        for (std::int64_t i = 0; i < x.elements(); ++i) x[i] = static_cast<float>(i % 5) - 1.5F;
        GraphExecutor session(layer.graph, shape, {.training = true, .gradients = {layer.weight}});
        const Tensor output_gradient(Shape{3, 4}, std::vector<float>(12, 1.0F));
        session.run(x);
        session.backward(output_gradient);
        LatentWeights latents(layer.graph, false);
        latents.take_gradients(layer.graph, session);
        const LatentWeights::Entry& entry = latents.entries().front();
        const Tensor before = image(layer.quantized());
        // The output is linear in the levels: moving one by a whole step changes their sum by the gradient.
        for (std::int64_t i = 0; i < 24; ++i) {
            Quantized moved = layer.quantized();
            moved.levels[static_cast<std::size_t>(i)] ^= 1;
            const double change = (moved.levels[static_cast<std::size_t>(i)] & 1) != 0 ? 1.0 : -1.0;
            const Tensor values = image(moved);
            double difference = 0.0;
            for (std::int64_t row = 0; row < 3; ++row) {
                difference += x[row * 6 + i % 6] * (values[i] - before[i]);
            }
            CHECK(entry.gradient[i] == doctest::Approx(difference / change).epsilon(1e-3));
        }
    }
}

TEST_CASE("gradients are normalized by the mean magnitude that those of all parameters had so far") {
    Graph graph;
    for (const char* const name : {"a", "b"}) {
        graph.add_parameter(name, random_quantized(Shape{4, 6}, {.axis = 0, .channels = 2, .bit_depth = 4}, 1));
    }
    LatentWeights latents(graph, true);
    LatentWeights::Entry& a = latents.entries()[0];
    LatentWeights::Entry& b = latents.entries()[1];
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

TEST_CASE("the rate pulls levels towards 0, harder where large ones are rare, and leaves zeros alone") {
    Layer layer(4, {.axis = 0, .channels = 2, .bit_depth = 4});
    std::vector<std::int16_t>& levels = layer.quantized().levels;
    std::ranges::fill(levels, std::int16_t{0});
    levels[0] = 1;  // alone in its block
    for (std::size_t i = 12; i < 24; ++i) levels[i] = -3;
    LatentWeights latents(layer.graph, false);
    std::ranges::copy(levels, latents.entries().front().latents.data());
    latents.add_rate_gradients(layer.graph, 2.0);
    const Tensor& gradient = latents.entries().front().gradient;
    CHECK(gradient[1] == 0.0F);
    CHECK(gradient[0] == doctest::Approx(2.0 * std::log2(13.0)));
    CHECK(gradient[12] == doctest::Approx(-2.0 * std::log2(4.0 / 3.0)));
}

TEST_CASE("gradients of steps are those of their positions on the grid, over the root of the block's weights") {
    Layer layer(5, {.axis = 0, .channels = 2, .bit_depth = 4});
    const Shape shape{3, 6};
    Tensor x(shape);
    for (std::int64_t i = 0; i < x.elements(); ++i) x[i] = static_cast<float>(i % 5) - 1.5F;
    GraphExecutor session(layer.graph, shape, {.training = true, .gradients = {layer.weight}});
    const auto sum_of_outputs = [&] {
        double sum = 0.0;
        for (const float y : session.run(x).values()) sum += y;
        return sum;
    };
    sum_of_outputs();
    session.backward(Tensor(Shape{3, 4}, std::vector<float>(12, 1.0F)));
    LatentWeights latents(layer.graph, true);
    latents.take_gradients(layer.graph, session);
    const Tensor gradient = latents.entries().front().step_gradient;
    const Quantized start = layer.quantized();
    REQUIRE(start.blocks.size() == 2);
    for (std::size_t block = 0; block < 2; ++block) {
        const double weights = 12.0;
        const auto moved_by = [&](double positions) {
            layer.quantized() = start;
            layer.quantized().blocks[block].step *= static_cast<float>(std::exp2(positions / 8.0));
            return sum_of_outputs();
        };
        const double slope = (moved_by(0.05) - moved_by(-0.05)) / 0.1;
        CHECK(gradient[static_cast<std::int64_t>(block)] == doctest::Approx(slope / std::sqrt(weights)).epsilon(1e-3));
        moved_by(0.0);
    }
}
