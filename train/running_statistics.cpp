#include "train/running_statistics.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

constexpr float kMomentum = 0.1F;

void move_towards(Tensor& running, std::span<const float> batch, float correction) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
        float& value = running.values()[i];
        value += kMomentum * (correction * batch[i] - value);
    }
}

}  // namespace

void update_running_statistics(Graph& graph, const GraphExecutor& session) {
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        const Node& node = graph.nodes()[i];
        using Op = BatchNormalization;
        if (!std::holds_alternative<Op>(node.op)) continue;
        const ConstView statistics = session.saved(i);  // (2, C): mean and biased variance
        const Shape& x = session.value(node.inputs[Op::kX]).shape;
        const std::int64_t samples = x.elements(0, x.rank() - 1);
        const auto unbiased = static_cast<float>(static_cast<double>(samples)
                                                 / static_cast<double>(std::max<std::int64_t>(samples - 1, 1)));
        move_towards(graph.parameter(node.inputs[Op::kMean]).values(), statistics.slice(0, 1).values(), 1.0F);
        move_towards(graph.parameter(node.inputs[Op::kVariance]).values(), statistics.slice(1, 2).values(), unbiased);
    }
}

}  // namespace eigenbit::internal
