#include "compress/statistics/network_statistics.h"
#include "engine/executor/graph_executor.h"
#include "tests/compress/small_networks.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>

#include <cmath>
#include <numeric>

namespace eigenbit::internal {
namespace {

std::vector<LayerStatistics> statistics(const Graph& graph, const Tensor& images, const StatisticsOptions& options) {
    NetworkStatistics statistics(graph, options);
    statistics.add(images);
    return statistics.finish();
}

void check_equal(const AxisStatistics& a, const AxisStatistics& b) {
    CHECK(a.weights.eigenvalues == b.weights.eigenvalues);
    CHECK(a.gradients.eigenvalues == b.gradients.eigenvalues);
    CHECK(a.klt.gradients == b.klt.gradients);
    CHECK(a.klt.weights == b.klt.weights);
    CHECK(a.elt.gradients == b.elt.gradients);
    CHECK(a.elt.weights == b.elt.weights);
}

}  // namespace

TEST_CASE("A histogram counts every value in its bin, in whatever order they come") {
    Histogram rising;
    Histogram falling;
    const std::array values{0.0F, 1e-12F, -0.001F, 0.5F, -3.0F, 0.75F, 100.0F, -1000.0F};
    for (const float value : values) rising.add(std::span(&value, 1));
    for (auto value = values.rbegin(); value != values.rend(); ++value) falling.add(std::span(&*value, 1));
    CHECK(rising.counts() == falling.counts());
    CHECK(rising.bin_width() == falling.bin_width());
    CHECK(rising.bin_width() == 1.0);
    CHECK(std::accumulate(rising.counts().begin(), rising.counts().end(), std::int64_t{0}) == 8);
    const auto count_at = [&](double edge) { return rising.counts()[static_cast<std::size_t>(edge - rising.edge(0))]; };
    CHECK(count_at(0.0) == 4);
    CHECK(count_at(-1.0) == 1);
    CHECK(count_at(-3.0) == 1);
    CHECK(count_at(100.0) == 1);
    CHECK(count_at(-1000.0) == 1);
}

TEST_CASE("The clipping range of a normal distribution is the one that is known to be best") {
    Random random({1});
    std::vector<float> values(200'000);
    std::ranges::generate(values, [&] { return static_cast<float>(random.normal()); });
    Histogram histogram;
    histogram.add(values);
    const auto [low, high] = std::ranges::minmax(values);
    // Half ranges of uniform quantizers, Max 1960 (Quantizing for minimum distortion, table II): 2.68 for 16 levels,
    // 4.4 or so for 256; the model of clipping_range takes the ends themselves for levels.
    const ClippingRange four = clipping_range(histogram, low, high, 4);
    CHECK(four.high - four.low == doctest::Approx(2 * 2.52).epsilon(0.08));
    const ClippingRange eight = clipping_range(histogram, low, high, 8);
    CHECK(eight.high - eight.low > 1.4 * (four.high - four.low));
    CHECK(eight.high <= high);
}

TEST_CASE("Statistics of a network are those of all its images at once") {
    const Graph graph = residual_network(3, true);
    const Tensor images = random_images(21, 4);
    const std::vector<LayerStatistics> found = statistics(graph, images, {});
    const std::vector<Layer> layers = find_layers(graph);
    REQUIRE(found.size() == layers.size());
    const Graph differentiable = with_biases(graph);
    const std::vector<GradientSamples> samples = sample_gradients(differentiable, layers, images, {});
    GraphExecutor session(graph, images.shape(), {.keep_values = true});
    session.run(images);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        CAPTURE(found[i].name);
        CHECK(found[i].name == graph.nodes()[layers[i].node].name);
        REQUIRE(found[i].axes.size() == 2);
        for (const AxisStatistics& axis : found[i].axes) {
            const Matrix weights = weight_moments(layer_weights(graph, layers[i]), axis.axis);
            const Matrix gradients = gradient_moments(samples[i].weights, axis.axis);
            const Matrix klt = synthesis_matrix(TransformKind::klt, weights, gradients);
            const CodingGain expected = coding_gain(klt, weights, regularized(gradients));
            CHECK(axis.klt.weights == doctest::Approx(expected.weights).epsilon(1e-4));
            CHECK(axis.klt.gradients == doctest::Approx(expected.gradients).epsilon(1e-3));
            double trace = 0.0;
            for (std::int64_t k = 0; k < gradients.rows(); ++k) trace += gradients(k, k);
            CHECK(axis.gradients.trace() == doctest::Approx(trace).epsilon(1e-4));
            // Theorem 3: no transform gains more.
            CHECK(axis.elt.gradients * axis.elt.weights > 0.999 * axis.klt.gradients * axis.klt.weights);
        }
        const auto values = session.value(graph.nodes()[layers[i].node].inputs[0]).values();
        double sum = 0.0;
        for (const float value : values) sum += value;
        const double mean = sum / static_cast<double>(values.size());
        double variance = 0.0;
        for (const float value : values) variance += (value - mean) * (value - mean);
        const ActivationStatistics& input = found[i].input;
        CHECK(input.mean == doctest::Approx(mean).epsilon(1e-6));
        CHECK(input.variance == doctest::Approx(variance / static_cast<double>(values.size())).epsilon(1e-6));
        CHECK(input.least == *std::ranges::min_element(values));
        CHECK(input.greatest == *std::ranges::max_element(values));
        CHECK(input.clipping.high <= input.greatest);
        const auto& counts = input.histogram.counts();
        CHECK(std::accumulate(counts.begin(), counts.end(), std::int64_t{0})
              == static_cast<std::int64_t>(values.size()));
    }
}

TEST_CASE("Little memory and images that come in parts give the same statistics but for rounding") {
    const Graph graph = residual_network(3, false);
    const Tensor images = random_images(10, 4);
    const std::vector<LayerStatistics> whole = statistics(graph, images, {});
    NetworkStatistics parts(graph, {.memory_bytes = 1});
    parts.add(images.view().slice(0, 3));
    parts.add(images.view().slice(3, 10));
    const std::vector<LayerStatistics> pieces = parts.finish();
    for (std::size_t i = 0; i < whole.size(); ++i) {
        CHECK(whole[i].input.mean == doctest::Approx(pieces[i].input.mean).epsilon(1e-9));
        CHECK(whole[i].input.histogram.counts() == pieces[i].input.histogram.counts());
        CHECK(whole[i].axes[0].gradients.trace() == doctest::Approx(pieces[i].axes[0].gradients.trace()).epsilon(1e-5));
    }
}

TEST_CASE("Statistics of a network do not depend on the number of threads") {
    const Graph graph = residual_network(3, true);
    const Tensor images = random_images(19, 4);
    std::vector<LayerStatistics> first;
    for (const std::size_t threads : {1, 4}) {
        const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
        const std::vector<LayerStatistics> found = statistics(graph, images, {});
        if (first.empty()) first = found;
        for (std::size_t i = 0; i < found.size(); ++i) {
            check_equal(found[i].axes[0], first[i].axes[0]);
            check_equal(found[i].axes[1], first[i].axes[1]);
            CHECK(found[i].input.mean == first[i].input.mean);
            CHECK(found[i].input.variance == first[i].input.variance);
            CHECK(found[i].input.histogram.counts() == first[i].input.histogram.counts());
        }
    }
}

}  // namespace eigenbit::internal
