#include "compress/statistics/distortion_meter.h"

#include "compress/correction/correction_model.h"
#include "compress/statistics/output_distortion.h"
#include "engine/base/error.h"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kChunkBytes =
    2LL << 20;                             // that the layer and those after it touch at a time: they stay in the caches
constexpr std::int64_t kFewestChunks = 4;  // for as many threads

std::int64_t bytes(std::int64_t floats) { return floats * static_cast<std::int64_t>(sizeof(float)); }

GraphExecutor::Options rerun_from(std::size_t node) {
    GraphExecutor::Options options;
    options.rerun_from = node;
    return options;
}

/// What the node at this position, or a later one, reads and outputs: the most of any.
std::int64_t widest_bytes(const Graph& graph, std::size_t node, const Shape& input) {
    const std::vector<Shape> shapes = infer_shapes(graph, input);
    std::int64_t widest = 0;
    for (std::size_t i = node; i < graph.nodes().size(); ++i) {
        const auto add = [&](std::int64_t sum, ValueId value) {
            return graph.is_parameter(value) ? sum : sum + shapes[static_cast<std::size_t>(value)].elements();
        };
        const Node& at = graph.nodes()[i];
        const std::int64_t read = std::accumulate(at.inputs.begin(), at.inputs.end(), std::int64_t{0}, add);
        widest = std::max(widest, std::accumulate(at.outputs.begin(), at.outputs.end(), read, add));
    }
    return bytes(widest);
}

}  // namespace

DistortionMeter::DistortionMeter(const Graph& graph, const Layer& layer, ConstView images, const MeterOptions& options)
    : graph_(&graph), node_(&graph.nodes()[layer.node]), layer_(layer), images_(images), options_(options) {
    if (images.shape[0] == 0) fail("Distortions are measured on calibration images; there are none.");
    choose_chunks();
    if (!(options.corrected > 0.0)) return;
    if (!input_of(*node_, InputRole::bias)) {
        fail("Layer '{}' has no bias that a correction could change.", node_->name);
    }
    const Weights own{image(graph.parameter(layer.weight)), graph.parameter(bias()).values()};
    original_ = layer_moments(std::span(&own, 1)).front();
}

void DistortionMeter::choose_chunks() {
    const std::int64_t count = images_.shape[0];
    const Shape one_image = images_.slice(0, 1).shape;
    const GraphExecutor session(*graph_, one_image, rerun_from(layer_.node));
    const std::int64_t outputs = session.output().elements();
    const std::int64_t image_bytes = session.arena_bytes() + bytes(outputs);
    const std::int64_t cached = kChunkBytes / widest_bytes(*graph_, layer_.node, one_image);
    // Where not even one image stays in the caches, the fewest chunks that the memory holds together are best: each
    // packs the network's weights for itself.
    const std::int64_t wanted = cached > 0 ? cached : options_.memory_bytes / (kFewestChunks * image_bytes);
    const std::int64_t chunk_images = std::clamp<std::int64_t>(wanted, 1, (count + kFewestChunks - 1) / kFewestChunks);
    const std::int64_t chunks = (count + chunk_images - 1) / chunk_images;
    // The rest of the memory is for the weights being tried.
    const std::int64_t fitting = options_.memory_bytes * 3 / 4 / (chunk_images * image_bytes);
    chunks_.resize(static_cast<std::size_t>(chunks));
    kept_ = static_cast<std::size_t>(std::clamp<std::int64_t>(fitting, 0, chunks));
    output_elements_ = count * outputs;
}

ConstView DistortionMeter::images_of(std::size_t chunk) const {
    const std::int64_t count = images_.shape[0];
    const auto chunks = static_cast<std::int64_t>(chunks_.size());
    const auto index = static_cast<std::int64_t>(chunk);
    return images_.slice(index * count / chunks, (index + 1) * count / chunks);
}

DistortionMeter::Chunk DistortionMeter::prepare(std::size_t chunk) const {
    const ConstView images = images_of(chunk);
    GraphExecutor session(*graph_, images.shape, rerun_from(layer_.node));
    Tensor output(session.run(images));
    return {std::move(session), std::move(output)};
}

void DistortionMeter::for_each_chunk(const std::function<void(std::size_t index, Chunk& chunk)>& visit) {
    tbb::parallel_for(std::size_t{0}, chunks_.size(), [&](std::size_t index) {
        // Isolated, so that a thread that waits inside an operator does not begin another chunk: that would need more
        // memory.
        tbb::this_task_arena::isolate([&] {
            std::optional<Chunk> passing;
            std::optional<Chunk>& chunk = index < kept_ ? chunks_[index] : passing;
            if (!chunk) chunk = prepare(index);
            visit(index, *chunk);
        });
    });
}

void DistortionMeter::bind(const Weights& trial, GraphExecutor& session) const {
    session.bind(layer_.weight, trial.weights);
    if (options_.corrected > 0.0) session.bind(bias(), trial.bias);
}

std::vector<ChannelMoments> DistortionMeter::layer_moments(std::span<const Weights> trials) {
    const ChannelSums nothing(layer_.shape[0]);
    std::vector<std::vector<ChannelSums>> partial(chunks_.size());
    for_each_chunk([&](std::size_t index, Chunk& chunk) {
        for (const Weights& trial : trials) {
            bind(trial, chunk.session);
            chunk.session.forward(layer_.node, layer_.node + 1);
            partial[index].push_back(nothing);
            partial[index].back().add(chunk.session.value(node_->outputs[0]));
        }
    });
    std::vector<ChannelMoments> moments;
    for (std::size_t i = 0; i < trials.size(); ++i) {
        ChannelSums sums = nothing;
        for (const std::vector<ChannelSums>& of_chunk : partial) sums.add(of_chunk[i]);
        moments.push_back(sums.moments());
    }
    return moments;
}

void DistortionMeter::correct(std::span<Weights> trials) {
    const std::vector<ChannelMoments> moments = layer_moments(trials);
    const std::int64_t per_channel = layer_.shape.elements(1, 3);
    for (std::size_t i = 0; i < trials.size(); ++i) {
        Weights& trial = trials[i];
        for (std::int64_t channel = 0; channel < layer_.shape[0]; ++channel) {
            const auto c = static_cast<std::size_t>(channel);
            const double gain = std::pow(restoring_gain(original_.variance[c], moments[i].variance[c]),
                                         options_.corrected * kTrustedGain);
            for (std::int64_t k = channel * per_channel; k < (channel + 1) * per_channel; ++k) {
                trial.weights[k] *= static_cast<float>(gain);
            }
            const double now = moments[i].mean[c];
            const double wanted = now + options_.corrected * (original_.mean[c] - now);
            trial.bias[channel] = static_cast<float>(wanted - gain * (now - static_cast<double>(trial.bias[channel])));
        }
    }
}

void DistortionMeter::add_squared_changes(std::span<const Weights> trials, std::span<double> sums) {
    std::vector<std::vector<double>> partial(chunks_.size());
    for_each_chunk([&](std::size_t index, Chunk& chunk) {
        for (const Weights& trial : trials) {
            bind(trial, chunk.session);
            chunk.session.forward_from(layer_.node);
            partial[index].push_back(squared_distance(chunk.session.output(), chunk.output));
        }
    });
    for (const std::vector<double>& of_chunk : partial) {
        for (std::size_t i = 0; i < trials.size(); ++i) sums[i] += of_chunk[i];
    }
}

std::vector<double> DistortionMeter::measure(std::size_t count, const Change& change) {
    const Tensor own = image(graph_->parameter(layer_.weight));
    const Tensor own_bias = options_.corrected > 0.0 ? graph_->parameter(bias()).values() : Tensor();
    const std::int64_t fitting = options_.memory_bytes / 4 / bytes(own.elements());
    const auto at_once = static_cast<std::size_t>(std::max<std::int64_t>(fitting, 1));
    std::vector<double> distortions(count);
    for (std::size_t begin = 0; begin < count; begin += at_once) {
        std::vector<Weights> trials(std::min(at_once, count - begin));
        tbb::parallel_for(std::size_t{0}, trials.size(), [&](std::size_t i) {
            trials[i] = {own, own_bias};
            change(begin + i, trials[i].weights.values());
        });
        if (options_.corrected > 0.0) correct(trials);
        add_squared_changes(trials, std::span(distortions).subspan(begin, trials.size()));
    }
    for (double& distortion : distortions) distortion /= static_cast<double>(output_elements_);
    return distortions;
}

}  // namespace eigenbit::internal
