#include "compress/statistics/gradient_samples.h"

#include "engine/base/random.h"

#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {

Graph with_biases(const Graph& graph) {
    Graph result = graph;
    for (const Layer& layer : find_layers(graph)) {
        Node& node = result.node(layer.node);
        if (input_of(node, InputRole::bias)) continue;
        node.inputs.push_back(result.add_parameter(node.name + ".zero_bias", Tensor(Shape{layer.shape[0]})));
    }
    return result;
}

void for_each_image(const Graph& graph, ConstView images, const GraphExecutor::Options& options,
                    const std::function<void(std::int64_t image, GraphExecutor& session)>& visit) {
    const Shape one_image = images.slice(0, 1).shape;
    tbb::enumerable_thread_specific<GraphExecutor> sessions([&] { return GraphExecutor(graph, one_image, options); });
    tbb::parallel_for(std::int64_t{0}, images.shape[0], [&](std::int64_t image) {
        // Isolated, so that a thread that waits inside an operator does not begin another image in the same session.
        tbb::this_task_arena::isolate([&] {
            GraphExecutor& session = sessions.local();
            session.run(images.slice(image, image + 1));
            visit(image, session);
        });
    });
}

std::vector<GradientSamples> sample_gradients(const Graph& graph, std::span<const Layer> layers, ConstView images,
                                              const SamplingOptions& options) {
    const std::int64_t samples = images.shape[0] * options.projections;
    GraphExecutor::Options session_options;
    const auto bias_of = [&](const Layer& layer) {
        return input_of(graph.nodes()[layer.node], InputRole::bias).value();
    };
    std::vector<GradientSamples> result;
    for (const Layer& layer : layers) {
        session_options.gradients.push_back(layer.weight);
        session_options.gradients.push_back(bias_of(layer));
        result.push_back({Tensor(Shape{samples, layer.shape[0], layer.shape[1], layer.shape[2]}),
                          Tensor(Shape{samples, layer.shape[0]}), options.projections});
    }
    for_each_image(graph, images, session_options, [&](std::int64_t image, GraphExecutor& session) {
        Tensor projection(session.output().shape);
        for (int p = 0; p < options.projections; ++p) {
            const std::int64_t sample = image * options.projections + p;
            const std::int64_t drawn = options.first_image * options.projections + sample;
            Random random{options.seed, static_cast<std::uint64_t>(drawn)};
            for (float& value : projection.values()) value = random.coin() ? 1.0F : -1.0F;
            session.backward(projection);
            for (std::size_t i = 0; i < layers.size(); ++i) {
                const auto store = [&](ValueId parameter, Tensor& target) {
                    const ConstView gradient = session.gradient(parameter);
                    std::ranges::copy(gradient.values(), target.data() + sample * gradient.elements());
                };
                store(layers[i].weight, result[i].weights);
                store(bias_of(layers[i]), result[i].shifts);
            }
        }
    });
    return result;
}

bool add_unseen_sensitivity(GradientSamples& samples, ConstView weights, double output_energy) {
    constexpr double kLeastSensitivity = 1e-3;
    const auto energy_of = [](std::span<const float> values) {
        double energy = 0.0;
        for (const float value : values) energy += static_cast<double>(value) * value;
        return energy;
    };
    const double weight_energy = energy_of(weights.values());
    if (!(weight_energy > 0.0)) return false;
    const double least = kLeastSensitivity * output_energy / weight_energy;  // mean square of a gradient's elements
    const std::span<float> gradients = samples.weights.values();
    if (energy_of(gradients) >= least * static_cast<double>(gradients.size())) return false;
    const auto size = static_cast<float>(std::sqrt(least));
    Random random({static_cast<std::uint64_t>(gradients.size())});
    for (float& gradient : gradients) gradient += random.coin() ? size : -size;
    return true;
}

Matrix gradient_moments(ConstView gradients, Axis axis) {
    constexpr std::int64_t kSumElements = std::int64_t{1} << 24;  // of all sums at a time, or one
    const std::int64_t samples = gradients.shape[0];
    const Shape shape{gradients.shape[1], gradients.shape[2], gradients.shape[3]};
    const std::int64_t n = extent(shape, axis);
    const std::int64_t chunks = std::min<std::int64_t>(samples, 16);  // fixed, so that threads do not matter
    const std::int64_t at_once = std::clamp<std::int64_t>(kSumElements / (n * n), 1, chunks);
    Matrix moments(n, n);
    for (std::int64_t first = 0; first < chunks; first += at_once) {
        std::vector<Matrix> partial(static_cast<std::size_t>(std::min(at_once, chunks - first)), Matrix(n, n));
        tbb::parallel_for(std::size_t{0}, partial.size(), [&](std::size_t i) {
            const std::int64_t chunk = first + static_cast<std::int64_t>(i);
            const std::span<double> sum = partial[i].values();
            for (std::int64_t s = chunk * samples / chunks; s < (chunk + 1) * samples / chunks; ++s) {
                const ConstView gradient{shape, gradients.data + s * shape.elements()};
                const Tensor product = product_of_views(gradient, gradient, axis);
                std::ranges::transform(sum, product.values(), sum.begin(), std::plus<double>());
            }
        });
        for (const Matrix& sum : partial) {
            for (std::size_t i = 0; i < sum.values().size(); ++i) {
                moments.values()[i] += sum.values()[i] / static_cast<double>(samples);
            }
        }
    }
    return moments;
}

const Matrix& GradientMoments::along(Axis axis) const {
    auto found = moments_.find(axis);
    if (found == moments_.end()) found = moments_.emplace(axis, gradient_moments(gradients_, axis)).first;
    return found->second;
}

}  // namespace eigenbit::internal
