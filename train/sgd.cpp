#include "train/sgd.h"

#include "engine/base/error.h"
#include "engine/base/subnormals.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <set>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kChunkElements = 16384;

}  // namespace

Sgd::Sgd(std::vector<ParameterGroup> tensors, const Options& options)
    : options_(options), tensors_(std::move(tensors)) {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
        const Tensor& values = *tensors_[i].values;
        velocities_.emplace_back(values.shape());
        for (std::int64_t begin = 0; begin < values.elements(); begin += kChunkElements) {
            chunks_.push_back({i, begin, std::min(begin + kChunkElements, values.elements())});
        }
    }
}

void Sgd::step(std::span<const ConstView> gradients, double learning_rate) {
    // The velocities of weights without gradients become ever smaller.
    flush_subnormals_in([&] {
        tbb::parallel_for(std::size_t{0}, chunks_.size(),
                          [&](std::size_t i) { step(chunks_[i], gradients[chunks_[i].tensor], learning_rate); });
    });
}

void Sgd::step(const Chunk& chunk, ConstView gradient, double learning_rate) {
    const ParameterGroup& tensor = tensors_[chunk.tensor];
    const auto decay = static_cast<float>(tensor.decays ? options_.weight_decay : 0.0);
    const auto momentum = static_cast<float>(options_.momentum);
    const auto rate = static_cast<float>(learning_rate * tensor.learning_rate_scale);
    float* const w = tensor.values->data();
    float* const v = velocities_[chunk.tensor].data();
    for (std::int64_t i = chunk.begin; i < chunk.end; ++i) {
        const float g = gradient[i] + decay * w[i];
        v[i] = momentum * v[i] + g;
        w[i] -= rate * (options_.nesterov ? g + momentum * v[i] : v[i]);
    }
}

std::vector<ValueId> trainable_parameters(const Graph& graph) {
    std::set<ValueId> fixed;
    for (const Node& node : graph.nodes()) {
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            const InputRole role = input_role(node.op, i);
            if (role == InputRole::statistic || role == InputRole::gain) fixed.insert(node.inputs[i]);
        }
    }
    std::vector<ValueId> trainable;
    for (const auto& [id, parameter] : graph.parameters()) {
        if (!fixed.contains(id)) trainable.push_back(id);
    }
    return trainable;
}

std::vector<ValueId> parameters_of_layers(const Graph& graph, std::span<const std::string> layers) {
    std::vector<ValueId> parameters;
    for (const std::string& layer : layers) {
        const auto node = std::ranges::find(graph.nodes(), layer, &Node::name);
        if (node == graph.nodes().end()) fail("The network has no layer '{}'.", layer);
        for (const ValueId input : node->inputs) {
            if (!graph.is_parameter(input)) continue;
            if (!graph.parameter(input).is_float()) fail("Layer '{}' is quantized: it cannot stay as it is.", layer);
            parameters.push_back(input);
        }
    }
    return parameters;
}

}  // namespace eigenbit::internal
