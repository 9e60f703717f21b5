#include "compress/correction/correction_model.h"

#include "engine/executor/graph_executor.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kImagesAtOnce = 32;                 // at most
constexpr std::int64_t kValueBytes = 512LL * 1024 * 1024;  // of all values of these

/// Σ over images and pixels of dy_k · z for the patches z that a node reads: the weight gradient of such a node with as
/// many output channels as dy.
void add_weight_gradient(const Node& node, const GraphExecutor& session, ConstView dy, View sum) {
    const ConstView weight = session.value(input_of(node, InputRole::weight).value());
    const std::array inputs{session.value(node.inputs[0]), ConstView{sum.shape, weight.data}};
    const std::array gradients{View{inputs[0].shape, nullptr}, sum};
    backward(node.op, BackwardArguments{.inputs = inputs,
                                        .outputs = std::span(&dy, 1),
                                        .saved = {},
                                        .output_gradients = std::span(&dy, 1),
                                        .input_gradients = gradients});
}

struct PatchSums {
    Tensor patches;                     // Σ z, for each channel, or for all of them where they read the same
    Tensor cross;                       // Σ y_k z
    std::vector<double> output;         // Σ y_k
    std::vector<double> output_square;  // Σ y_k²
    double pixels = 0.0;
};

void add_batch(const Node& node, const GraphExecutor& session, PatchSums& sums) {
    const ConstView y = session.value(node.outputs[0]);
    Shape seen = y.shape;
    seen[y.shape.rank() - 1] = sums.patches.shape()[0];
    Tensor ones(seen);
    std::ranges::fill(ones.values(), 1.0F);
    add_weight_gradient(node, session, ones, sums.patches);
    add_weight_gradient(node, session, y, sums.cross);
    const auto channels = static_cast<std::int64_t>(sums.output.size());
    for (std::int64_t i = 0; i < y.elements(); ++i) {
        const auto channel = static_cast<std::size_t>(i % channels);
        sums.output[channel] += y[i];
        sums.output_square[channel] += static_cast<double>(y[i]) * y[i];
    }
    sums.pixels += static_cast<double>(y.elements() / channels);
}

std::int64_t images_at_once(const Graph& graph, ConstView images) {
    const GraphExecutor session(graph, images.slice(0, 1).shape, {.keep_values = true});
    return std::clamp<std::int64_t>(kValueBytes / session.arena_bytes(), 1, kImagesAtOnce);
}

CorrectionModel finish(PatchSums sums, const Shape& shape) {
    const std::int64_t per_channel = shape.elements(1, 3);
    Tensor mean_patch(shape);
    for (std::int64_t channel = 0; channel < shape[0]; ++channel) {
        const double mean = sums.output[static_cast<std::size_t>(channel)] / sums.pixels;
        const double variance = sums.output_square[static_cast<std::size_t>(channel)] / sums.pixels - mean * mean;
        const double inverse = variance > 1e-12 ? 1.0 / variance : 0.0;
        for (std::int64_t i = channel * per_channel; i < (channel + 1) * per_channel; ++i) {
            const double patch = sums.patches[i % sums.patches.elements()] / sums.pixels;
            mean_patch[i] = static_cast<float>(patch);
            sums.cross[i] = static_cast<float>((sums.cross[i] / sums.pixels - mean * patch) * inverse);
        }
    }
    sums.cross.reshape(shape);
    return {std::move(mean_patch), std::move(sums.cross)};
}

}  // namespace

std::vector<CorrectionModel> correction_models(const Graph& graph, std::span<const Layer> layers, ConstView images) {
    std::vector<PatchSums> sums;
    for (const Layer& layer : layers) {
        const Shape& shape = graph.parameter(layer.weight).shape();
        const auto channels = static_cast<std::size_t>(shape[0]);
        Shape seen = shape;
        if (!layer.grouped) seen[0] = 1;
        sums.push_back({Tensor(seen), Tensor(shape), std::vector<double>(channels), std::vector<double>(channels)});
    }
    const std::int64_t at_once = images_at_once(graph, images);
    for (std::int64_t begin = 0; begin < images.shape[0]; begin += at_once) {
        const ConstView batch = images.slice(begin, std::min(begin + at_once, images.shape[0]));
        GraphExecutor session(graph, batch.shape, {.keep_values = true});
        session.run(batch);
        for (std::size_t i = 0; i < layers.size(); ++i) add_batch(graph.nodes()[layers[i].node], session, sums[i]);
    }
    std::vector<CorrectionModel> models;
    for (std::size_t i = 0; i < layers.size(); ++i) models.push_back(finish(std::move(sums[i]), layers[i].shape));
    return models;
}

void apply_correction(const CorrectionModel& model, double trust, ConstView weights, GradientSamples& samples) {
    const std::int64_t channels = weights.shape[0];
    const std::int64_t per_channel = weights.shape.elements(1, 3);
    tbb::parallel_for(std::int64_t{0}, samples.count() * channels, [&](std::int64_t row) {
        const std::int64_t offset = row % channels * per_channel;
        const float* mean_patch = model.mean_patch.data() + offset;
        const float* slope = model.slope.data() + offset;
        const float* theta = weights.data + offset;
        float* gradient = samples.weights.data() + row * per_channel;
        const float shift = static_cast<float>(trust) * samples.shifts[row];
        double gain = 0.0;
        for (std::int64_t i = 0; i < per_channel; ++i) {
            gradient[i] -= shift * mean_patch[i];
            gain += static_cast<double>(gradient[i]) * theta[i];
        }
        for (std::int64_t i = 0; i < per_channel; ++i)
            gradient[i] -= static_cast<float>(trust * kTrustedGain * gain) * slope[i];
    });
}

}  // namespace eigenbit::internal
