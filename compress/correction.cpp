#include "compress/correction.h"

#include "engine/error.h"
#include "engine/quantization.h"
#include "engine/session.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace eigenbit {
namespace {

constexpr float kVarianceFloor = 1e-8F;  // of a channel that is constant over all images

struct ChannelMoments {
    std::vector<double> mean;
    std::vector<double> variance;
};

/// Over all but the last axis. Fixed chunks, so that threads do not matter.
ChannelMoments channel_moments(ConstView values) {
    const std::int64_t channels = values.shape.back();
    const std::int64_t rows = values.elements() / channels;
    const std::int64_t chunks = std::min<std::int64_t>(rows, 64);
    const auto width = static_cast<std::size_t>(channels);
    std::vector<ChannelMoments> partial(static_cast<std::size_t>(chunks));
    tbb::parallel_for(std::int64_t{0}, chunks, [&](std::int64_t chunk) {
        ChannelMoments& sums = partial[static_cast<std::size_t>(chunk)];
        sums = {std::vector<double>(width), std::vector<double>(width)};
        for (std::int64_t row = chunk * rows / chunks; row < (chunk + 1) * rows / chunks; ++row) {
            const float* x = values.data + row * channels;
            for (std::size_t c = 0; c < width; ++c) {
                sums.mean[c] += x[c];
                sums.variance[c] += static_cast<double>(x[c]) * x[c];
            }
        }
    });
    ChannelMoments moments{std::vector<double>(width), std::vector<double>(width)};
    for (const ChannelMoments& sums : partial) {
        for (std::size_t c = 0; c < width; ++c) {
            moments.mean[c] += sums.mean[c] / static_cast<double>(rows);
            moments.variance[c] += sums.variance[c] / static_cast<double>(rows);
        }
    }
    for (std::size_t c = 0; c < width; ++c) {
        moments.variance[c] = std::max(moments.variance[c] - moments.mean[c] * moments.mean[c], 0.0);
    }
    return moments;
}

/// What the correction of one node needs to know of the float network: the moments of the values it looks at.
using FloatMoments = std::map<ValueId, ChannelMoments>;

bool is_layer(const Node& node) {
    return std::holds_alternative<Conv>(node.op) || std::holds_alternative<Gemm>(node.op);
}

/// A value whose only reader is a BatchNormalization is corrected there.
std::vector<bool> read_by_normalization_only(const Graph& graph) {
    std::vector<int> normalizations(graph.value_count());
    std::vector<int> readers(graph.value_count());
    for (const Node& node : graph.nodes()) {
        for (const ValueId input : node.inputs) {
            ++readers[static_cast<std::size_t>(input)];
            if (std::holds_alternative<BatchNormalization>(node.op)) ++normalizations[static_cast<std::size_t>(input)];
        }
    }
    std::vector<bool> result(graph.value_count());
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = readers[i] == 1 && normalizations[i] == 1;
    return result;
}

FloatMoments float_moments(const Graph& graph, ConstView images) {
    FloatMoments moments;
    Session session(graph, std::span(&images.shape, 1));
    session.bind(graph.inputs().front().value, images);
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        const Node& node = graph.nodes()[i];
        if (std::holds_alternative<BatchNormalization>(node.op)) {
            moments.try_emplace(node.inputs[0], channel_moments(session.value(node.inputs[0])));
        }
        session.forward(i, i + 1);
        if (is_layer(node)) moments.try_emplace(node.outputs[0], channel_moments(session.value(node.outputs[0])));
    }
    return moments;
}

void correct_normalization(Graph& graph, const Node& node, const ChannelMoments& before, const ChannelMoments& now) {
    Tensor& mean = graph.parameter(node.inputs[3]).values;
    Tensor& variance = graph.parameter(node.inputs[4]).values;
    for (std::size_t c = 0; c < before.mean.size(); ++c) {
        const auto at = static_cast<std::int64_t>(c);
        mean[at] += static_cast<float>(now.mean[c] - before.mean[c]);
        variance[at] *= static_cast<float>((now.variance[c] + kVarianceFloor) / (before.variance[c] + kVarianceFloor));
    }
}

/// Gain and bias that give a layer's output its moments back; quantized weights take the gain as channel scales.
void correct_layer(Graph& graph, const Node& node, const ChannelMoments& before, const ChannelMoments& now) {
    Parameter& weight = graph.parameter(node.inputs[1]);
    if (!weight.quantization) return;
    Tensor& bias = graph.parameter(node.inputs[2]).values;
    std::vector<float>& scales = weight.quantization->channel_scale;
    if (scales.empty()) scales.assign(before.mean.size(), 1.0F);
    for (std::size_t c = 0; c < before.mean.size(); ++c) {
        const auto at = static_cast<std::int64_t>(c);
        const double gain = std::sqrt((before.variance[c] + kVarianceFloor) / (now.variance[c] + kVarianceFloor));
        scales[c] *= static_cast<float>(gain);
        bias[at] = static_cast<float>(before.mean[c] - gain * (now.mean[c] - static_cast<double>(bias[at])));
    }
    weight.values = dequantize(*weight.quantization, weight.values.shape());
}

}  // namespace

void correct(const Graph& original, Graph& compressed, ConstView images) {
    const FloatMoments before = float_moments(original, images);
    const std::vector<bool> normalized = read_by_normalization_only(compressed);
    // A missing bias is added before the session is planned, which only knows the nodes it has seen.
    for (std::size_t i = 0; i < compressed.nodes().size(); ++i) {
        const Node& node = compressed.nodes()[i];
        const ValueId output = node.outputs[0];
        if (!is_layer(node) || node.inputs.size() == 3 || !before.contains(output)
            || normalized[static_cast<std::size_t>(output)]) {
            continue;
        }
        const std::int64_t channels = static_cast<std::int64_t>(before.at(output).mean.size());
        const ValueId bias = compressed.add_parameter(node.name + ".bias", Tensor(Shape{channels}));
        compressed.node(i).inputs.push_back(bias);
    }
    Session session(compressed, std::span(&images.shape, 1));
    session.bind(compressed.inputs().front().value, images);
    for (std::size_t i = 0; i < compressed.nodes().size(); ++i) {
        const Node& node = compressed.nodes()[i];
        const ValueId output = node.outputs[0];
        if (std::holds_alternative<BatchNormalization>(node.op) && before.contains(node.inputs[0])) {
            correct_normalization(compressed, node, before.at(node.inputs[0]),
                                  channel_moments(session.value(node.inputs[0])));
        }
        session.forward(i, i + 1);
        if (!is_layer(node) || !before.contains(output) || normalized[static_cast<std::size_t>(output)]) continue;
        correct_layer(compressed, node, before.at(output), channel_moments(session.value(output)));
        for (const ValueId input : compressed.nodes()[i].inputs) {
            if (compressed.is_parameter(input)) session.bind(input, compressed.parameter(input).values);
        }
        session.forward(i, i + 1);
    }
}

}  // namespace eigenbit
