#include "compress/statistics/gradient_samples.h"
#include "tests/compress/complete_samples.h"
#include "tests/compress/small_networks.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>

namespace eigenbit::internal {
namespace {

/// C_γγ of method section 2 from one backward pass per output.
Matrix jacobian_moments(const Graph& graph, const Layer& layer, ConstView images, Axis axis) {
    const Shape one_image = images.slice(0, 1).shape;
    GraphExecutor::Options options;
    options.gradients = {layer.weight};
    GraphExecutor session(graph, one_image, options);
    const std::int64_t n = extent(layer.shape, axis);
    Matrix moments(n, n);
    for (std::int64_t image = 0; image < images.shape[0]; ++image) {
        session.run(images.slice(image, image + 1));
        for (std::int64_t output = 0; output < session.output().elements(); ++output) {
            Tensor unit(session.output().shape);
            unit[output] = 1.0F;
            session.backward(unit);
            const ConstView row{layer.shape, session.gradient(layer.weight).data};
            const Matrix product = moments_of_views(row, row, axis);
            for (std::size_t i = 0; i < moments.values().size(); ++i) {
                moments.values()[i] += product.values()[i] / static_cast<double>(images.shape[0]);
            }
        }
    }
    return moments;
}

double relative_distance(const Matrix& a, const Matrix& b) {
    Matrix difference = a;
    for (std::size_t i = 0; i < a.values().size(); ++i) difference.values()[i] -= b.values()[i];
    return frobenius_norm(difference) / frobenius_norm(b);
}

}  // namespace

TEST_CASE("The second moments of projected gradients are those of the Jacobian summed over all outputs") {
    const Graph graph = with_biases(residual_network(1, true));
    const Tensor images = random_images(3, 2);
    for (const char* name : {"inner", "last", "linear"}) {
        for (const Axis axis : {Axis::row, Axis::column, Axis::taps}) {
            const Layer layer = find_layer(graph, name);
            const GradientSamples samples = complete_samples(graph, layer, images);
            CHECK(
                relative_distance(gradient_moments(samples.weights, axis), jacobian_moments(graph, layer, images, axis))
                < 1e-4);
        }
    }
}

TEST_CASE("Random projections come close to the Jacobian's second moments") {
    const Graph graph = with_biases(residual_network(1, true));
    const Tensor images = random_images(3, 2);
    const std::vector<Layer> layers{find_layer(graph, "inner"), find_layer(graph, "linear")};
    const std::vector<GradientSamples> samples = sample_gradients(graph, layers, images, {.projections = 1000});
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const Matrix expected = jacobian_moments(graph, layers[i], images, Axis::row);
        CHECK(relative_distance(gradient_moments(samples[i].weights, Axis::row), expected) < 0.1);
    }
}

TEST_CASE("A gradient belongs to one image: other images in the batch do not matter") {
    const Graph graph = with_biases(residual_network(1, true));
    const Tensor images = random_images(4, 2);
    const std::vector<Layer> layers{find_layer(graph, "stem")};
    const auto all = sample_gradients(graph, layers, images, {.projections = 2});
    const auto first = sample_gradients(graph, layers, images.view().slice(0, 1), {.projections = 2});
    const ConstView same = all[0].weights.view().slice(0, 2);
    for (std::int64_t i = 0; i < same.elements(); ++i) CHECK(same[i] == first[0].weights[i]);
}

TEST_CASE("The gradient of a shift is the one of a bias, also in layers that have none") {
    const Graph graph = residual_network(1, true);
    const Graph biased = with_biases(graph);
    CHECK(find_layer(biased, "stem").node == find_layer(graph, "stem").node);
    const Layer layer = find_layer(biased, "outer");
    const Tensor images = random_images(1, 2);
    const auto samples = sample_gradients(biased, std::vector{layer}, images, {.projections = 1, .seed = 3});
    const ValueId bias = biased.nodes()[layer.node].inputs[2];
    GraphExecutor session(biased, images.shape());
    Random random{3, 0};
    const auto projected = [&](float shift) {
        Graph shifted = biased;
        for (std::int64_t channel = 0; channel < 10; channel += 2) shifted.parameter(bias).values()[channel] = shift;
        GraphExecutor other(shifted, images.shape());
        const Tensor output(other.run(images));
        double sum = 0.0;
        Random signs{3, 0};
        for (const float y : output.values()) sum += signs.coin() ? y : -y;
        return sum;
    };
    double expected = 0.0;
    for (std::int64_t channel = 0; channel < 10; channel += 2) expected += samples[0].shifts[channel];
    constexpr float kStep = 1e-3F;
    CHECK((projected(kStep) - projected(-kStep)) / (2.0 * kStep) == doctest::Approx(expected).epsilon(0.02));
}

TEST_CASE("Projected gradients do not depend on the number of threads") {
    const Graph graph = with_biases(residual_network(1, false));
    const std::vector<Layer> layers = find_layers(graph);
    const Tensor images = random_images(5, 2);
    const auto sample_with = [&](std::size_t threads) {
        const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
        return sample_gradients(graph, layers, images, {});
    };
    const auto one = sample_with(1);
    const auto four = sample_with(4);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        CHECK(std::ranges::equal(one[i].weights.values(), four[i].weights.values()));
        CHECK(std::ranges::equal(one[i].shifts.values(), four[i].shifts.values()));
    }
}

}  // namespace eigenbit::internal
