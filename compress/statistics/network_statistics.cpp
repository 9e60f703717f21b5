#include "compress/statistics/network_statistics.h"

#include "engine/base/error.h"
#include "engine/executor/graph_executor.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace eigenbit::internal {
namespace {

constexpr std::array kAxes{Axis::row, Axis::column};
constexpr int kClippedDepth = 8;

MomentSpectrum spectrum(const Matrix& moments) { return {eigen_decomposition(moments).values}; }

}  // namespace

double MomentSpectrum::trace() const { return std::accumulate(eigenvalues.begin(), eigenvalues.end(), 0.0); }

double MomentSpectrum::condition() const {
    constexpr double kRounding = 1e-7;  // moments are summed in float32
    const double smallest = eigenvalues.back();
    if (!(smallest > kRounding * eigenvalues.front())) return std::numeric_limits<double>::infinity();
    return eigenvalues.front() / smallest;
}

double MomentSpectrum::spread() const {
    if (std::isinf(condition())) return std::numeric_limits<double>::infinity();
    const auto count = static_cast<double>(eigenvalues.size());
    double logarithms = 0.0;
    for (const double value : eigenvalues) logarithms += std::log(value);
    return trace() / count / std::exp(logarithms / count);
}

NetworkStatistics::NetworkStatistics(const Graph& graph, const StatisticsOptions& options)
    : graph_(&graph), differentiable_(with_biases(graph)), options_(options), layers_(find_layers(graph)) {
    if (layers_.empty()) fail("The network has no convolution or fully-connected layer to look at.");
    std::int64_t weights = 0;
    for (const Layer& layer : layers_) {
        weights += layer.shape.elements();
        LayerSums& sums = sums_.emplace_back();
        if (layer.grouped) continue;
        for (std::size_t i = 0; i < kAxes.size(); ++i) {
            const std::int64_t n = extent(layer.shape, kAxes[i]);
            sums.gradients[i] = Matrix(n, n);
        }
    }
    const std::int64_t bytes_an_image = weights * options_.projections * static_cast<std::int64_t>(sizeof(float));
    images_at_once_ = std::clamp<std::int64_t>(options_.memory_bytes / bytes_an_image, 1, kMostImages);
}

void NetworkStatistics::add(ConstView images) {
    for (std::int64_t begin = 0; begin < images.shape[0]; begin += images_at_once_) {
        const ConstView group = images.slice(begin, std::min(begin + images_at_once_, images.shape[0]));
        add_gradients(group);
        add_activations(group);
        images_ += group.shape[0];
    }
}

void NetworkStatistics::add_gradients(ConstView images) {
    const SamplingOptions sampling{.projections = options_.projections, .seed = options_.seed, .first_image = images_};
    const std::vector<GradientSamples> samples = sample_gradients(differentiable_, layers_, images, sampling);
    tbb::parallel_for(std::size_t{0}, layers_.size() * kAxes.size(), [&](std::size_t index) {
        const std::size_t layer = index / kAxes.size();
        if (layers_[layer].grouped) return;
        const Matrix mean = gradient_moments(samples[layer].weights, kAxes[index % kAxes.size()]);
        const std::span<double> sum = sums_[layer].gradients[index % kAxes.size()].values();
        const auto count = static_cast<double>(samples[layer].count());
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += count * mean.values()[i];
    });
}

void NetworkStatistics::add_activations(ConstView images) {
    GraphExecutor session(*graph_, images.shape, {.keep_values = true});
    session.run(images);
    tbb::parallel_for(std::size_t{0}, layers_.size(), [&](std::size_t layer) {
        const ConstView input = session.value(graph_->nodes()[layers_[layer].node].inputs[0]);
        LayerSums& sums = sums_[layer];
        if (sums.elements == 0.0) sums.least = sums.greatest = input[0];
        for (const float value : input.values()) {
            sums.values += value;
            sums.squares += static_cast<double>(value) * value;
            sums.least = std::min(sums.least, value);
            sums.greatest = std::max(sums.greatest, value);
        }
        sums.elements += static_cast<double>(input.elements());
        sums.histogram.add(input.values());
    });
}

AxisStatistics NetworkStatistics::axis_statistics(std::size_t layer, Axis axis) const {
    const Matrix weights = weight_moments(layer_weights(*graph_, layers_[layer]), axis);
    Matrix gradients = sums_[layer].gradients[axis == kAxes[0] ? 0 : 1];
    for (double& value : gradients.values()) value /= static_cast<double>(images_ * options_.projections);
    const auto gain = [&](TransformKind kind) {
        return coding_gain(synthesis_matrix(kind, weights, gradients), weights, regularized(gradients));
    };
    return {axis, spectrum(weights), spectrum(gradients), gain(TransformKind::klt), gain(TransformKind::elt)};
}

std::vector<LayerStatistics> NetworkStatistics::finish() const {
    if (images_ == 0) fail("Statistics need images; there are none.");
    std::vector<LayerStatistics> result(layers_.size());
    tbb::parallel_for(std::size_t{0}, layers_.size(), [&](std::size_t i) {
        const LayerSums& sums = sums_[i];
        LayerStatistics& layer = result[i];
        layer.name = graph_->nodes()[layers_[i].node].name;
        layer.shape = layers_[i].shape;
        for (const Axis axis : kAxes) {
            if (!layers_[i].grouped) layer.axes.push_back(axis_statistics(i, axis));
        }
        const double mean = sums.values / sums.elements;
        layer.input = {.least = sums.least,
                       .greatest = sums.greatest,
                       .mean = mean,
                       .variance = std::max(sums.squares / sums.elements - mean * mean, 0.0),
                       .histogram = sums.histogram,
                       .clipping = clipping_range(sums.histogram, std::min(sums.least, 0.0F),
                                                  std::max(sums.greatest, 0.0F), kClippedDepth)};
    });
    return result;
}

}  // namespace eigenbit::internal
