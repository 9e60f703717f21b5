#pragma once

#include "compress/statistics/gradient_samples.h"
#include "engine/executor/graph_executor.h"

#include <bit>

namespace eigenbit::internal {

/// Projected gradients for which E[v·vᵗ] = I holds exactly, not only on average: v runs over the rows of a Hadamard
/// matrix (Walsh's, element (i, j) = ±1 by the parity of i & j). The graph must be with_biases().
inline GradientSamples complete_samples(const Graph& graph, const Layer& layer, ConstView images) {
    const Shape one_image = images.slice(0, 1).shape;
    const ValueId bias = graph.nodes()[layer.node].inputs[2];
    GraphExecutor::Options options;
    options.gradients = {layer.weight, bias};
    GraphExecutor session(graph, one_image, options);
    const std::int64_t outputs = session.output().elements();
    const auto projections = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(outputs)));
    const std::int64_t samples = images.shape[0] * projections;
    GradientSamples result{Tensor(Shape{samples, layer.shape[0], layer.shape[1], layer.shape[2]}),
                           Tensor(Shape{samples, layer.shape[0]}), static_cast<int>(projections)};
    for (std::int64_t sample = 0; sample < samples; ++sample) {
        const std::int64_t image = sample / projections;
        const auto row = static_cast<std::uint64_t>(sample % projections);
        session.run(images.slice(image, image + 1));
        Tensor v(session.output().shape);
        for (std::int64_t j = 0; j < outputs; ++j) {
            v[j] = std::popcount(row & static_cast<std::uint64_t>(j)) % 2 == 0 ? 1.0F : -1.0F;
        }
        session.backward(v);
        std::ranges::copy(session.gradient(layer.weight).values(),
                          result.weights.data() + sample * layer.shape.elements());
        std::ranges::copy(session.gradient(bias).values(), result.shifts.data() + sample * layer.shape[0]);
    }
    return result;
}

}  // namespace eigenbit::internal
