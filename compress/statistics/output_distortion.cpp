#include "compress/statistics/output_distortion.h"

#include "compress/layer.h"
#include "engine/executor/graph_executor.h"
#include "engine/graph/uses.h"
#include "engine/passes/simulate_int8.h"

#include <algorithm>

namespace eigenbit::internal {

double squared_distance(ConstView a, ConstView b) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < a.elements(); ++i) {
        const double difference = static_cast<double>(a[i]) - b[i];
        sum += difference * difference;
    }
    return sum;
}

double output_distortion(const Graph& original, const Graph& compressed, ConstView images) {
    constexpr std::int64_t kImagesAtOnce = 16;
    Graph executed = compressed;
    simulate_int8(executed);
    double sum = 0.0;
    std::int64_t elements = 0;
    for (std::int64_t begin = 0; begin < images.shape[0]; begin += kImagesAtOnce) {
        const ConstView batch = images.slice(begin, std::min(begin + kImagesAtOnce, images.shape[0]));
        GraphExecutor original_session(original, batch.shape);
        GraphExecutor compressed_session(executed, batch.shape);
        const ConstView expected = original_session.run(batch);
        sum += squared_distance(compressed_session.run(batch), expected);
        elements += expected.elements();
    }
    return sum / static_cast<double>(elements);
}

std::vector<double> layer_distortions(const Graph& original, const Graph& compressed, ConstView images) {
    std::vector<double> distortions;
    for (const Layer& layer : find_layers(original)) {
        Graph changed = original;
        const ValueId weight = compressed.nodes()[layer.node].inputs[1];
        changed.parameter(own_parameter(changed, layer.node, 1)) = compressed.parameter(weight);
        distortions.push_back(output_distortion(original, changed, images));
    }
    return distortions;
}

double output_variance(const Graph& graph, ConstView images) {
    const std::int64_t count = images.shape[0];
    GraphExecutor session(graph, images.slice(0, 1).shape);
    const auto elements = static_cast<std::size_t>(session.output().elements());
    std::vector<double> sums(elements);
    std::vector<double> squares(elements);
    for (std::int64_t i = 0; i < count; ++i) {
        const ConstView y = session.run(images.slice(i, i + 1));
        for (std::size_t j = 0; j < elements; ++j) {
            const double value = y[static_cast<std::int64_t>(j)];
            sums[j] += value;
            squares[j] += value * value;
        }
    }
    double variance = 0.0;
    for (std::size_t j = 0; j < elements; ++j) {
        const double mean = count > 1 ? sums[j] / static_cast<double>(count) : 0.0;
        variance += squares[j] / static_cast<double>(count) - mean * mean;
    }
    return variance / static_cast<double>(elements);
}

}  // namespace eigenbit::internal
