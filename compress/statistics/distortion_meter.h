#pragma once

#include "compress/layer.h"
#include "compress/statistics/channel_moments.h"
#include "engine/executor/graph_executor.h"

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace eigenbit::internal {

struct MeterOptions {
    /// The share, 0 … 1, to which the mean of every output channel of the layer is restored, and kTrustedGain of it to
    /// which its variance is (in logarithms), before the rest of the network reads it, as by the label-free correction
    /// (method section 10). The layer needs a bias then: see with_biases().
    double corrected = 0.0;
    /// Bounds the activations kept from one call to the next and the weights being tried. Where the layer's inputs for
    /// all images are larger, the network before the layer is run again for some images in every call. Beyond the
    /// bound, each thread needs the activations of one chunk of images.
    std::int64_t memory_bytes = 1LL << 30;
};

/// Measures what other weights in one layer do to the network's output: the mean over calibration images and output
/// elements of (ŷ − y)², where y is the output with the graph's own weights. Only what comes after the layer is run
/// for each measurement. The same for any number of threads.
class DistortionMeter {
  public:
    /// Changes the layer's weights, as its parameter lays them out, into the i-th to be tried. Called from several
    /// threads.
    using Change = std::function<void(std::size_t i, std::span<float> weights)>;

    /// For images (N, H, W, C). The graph and the images must outlive the meter.
    DistortionMeter(const Graph& graph, const Layer& layer, ConstView images, const MeterOptions& options);

    /// The distortions of `count` different weights of the layer.
    std::vector<double> measure(std::size_t count, const Change& change);

  private:
    /// Some of the images, run up to the layer.
    struct Chunk {
        GraphExecutor session;
        Tensor output;  // of the network as it is
    };
    /// What the layer is given.
    struct Weights {
        Tensor weights;
        Tensor bias;  // when corrected
    };

    ValueId bias() const { return input_of(*node_, InputRole::bias).value(); }
    void choose_chunks();
    ConstView images_of(std::size_t chunk) const;
    Chunk prepare(std::size_t chunk) const;
    void for_each_chunk(const std::function<void(std::size_t index, Chunk& chunk)>& visit);
    void bind(const Weights& trial, GraphExecutor& session) const;
    std::vector<ChannelMoments> layer_moments(std::span<const Weights> trials);
    void correct(std::span<Weights> trials);
    void add_squared_changes(std::span<const Weights> trials, std::span<double> sums);

    const Graph* graph_;
    const Node* node_;
    Layer layer_;
    ConstView images_;
    MeterOptions options_;
    std::vector<std::optional<Chunk>> chunks_;  // empty where not prepared
    std::size_t kept_ = 0;                      // so many of the first chunks stay prepared
    std::int64_t output_elements_ = 0;          // of all images together
    ChannelMoments original_;                   // of the layer's output, when corrected
};

}  // namespace eigenbit::internal
