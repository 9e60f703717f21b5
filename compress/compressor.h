#pragma once

#include "compress/allocation/allocation.h"
#include "compress/curves/candidates.h"
#include "compress/quantization/activation_quantizers.h"
#include "compress/quantization/error_feedback.h"
#include "compress/statistics/distortion_meter.h"
#include "compress/statistics/gradient_samples.h"
#include "engine/formats/ebit/size_ledger.h"
#include "engine/graph/model.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

enum class CurveMethod {
    exact,         ///< algorithm 2: measured on the network's output
    second_order,  ///< predicted from projected gradients, no forward passes
    hybrid         ///< second-order, measured where the allocation lands
};

struct CompressionOptions {
    /// The transforms that every layer may choose from; "none" is always possible for layers that no transform fits.
    std::vector<Transform> transforms;
    CandidateOptions candidates;
    CurveMethod curves = CurveMethod::hybrid;
    int blocks = 9;             ///< per factor of a layer, at most; as many as a 3×3 kernel has taps
    int gradient_images = 256;  ///< of the calibration images, for projected gradients
    SamplingOptions sampling;
    int measured_images = 100;  ///< at most, of the calibration images, for distortions measured on the output
    /// Coefficients make up for the errors of those quantized before them. Like the correction only with nine different
    /// calibration images or more.
    bool error_feedback = true;
    bool correction = true;  ///< of biases and normalisation statistics after quantization
    /// Activations that layers read or add and averages read (quantizer_candidates) are rounded, each to the depth of
    /// these that minimises D + λ·bits, with the λ of the weights; nothing leaves them float.
    std::optional<ActivationDepths> activations;
    int activation_images = 128;  ///< of the calibration images, for the quantizers of activations
    /// Bound of the projected gradients, of error feedback of several layers side by side, and of the correction's
    /// activations; a layer that takes more by itself is done alone.
    std::int64_t memory_bytes = 3LL << 30;
    /// Called with what is being done and the share of it that is done, 0 … 1.
    std::function<void(std::string_view what, double done)> progress;
};

/// How much a transform gains on a layer.
struct LayerGain {
    Transform transform;
    CodingGain gain;
};

/// What became of one layer.
struct LayerSummary {
    std::string name;
    Transform transform;
    double bits_per_weight = 0.0;  ///< T, bases and side information, over the original number of weights
    double distortion = 0.0;       ///< predicted, of an output element
    std::int64_t weights = 0;      ///< in the original layer
    std::int64_t rows = 0;         ///< of T
    std::int64_t nonzero_rows = 0;
    std::vector<double> coefficient_bits{};         ///< of each block of T
    std::vector<std::vector<double>> basis_bits{};  ///< the same of each block of every stored basis
    std::vector<int> activation_depths{};           ///< of its quantized inputs, and values between factors
    std::vector<LayerGain> gains;                   ///< of every transform of one axis that the layer could choose
};

struct CompressedNetwork {
    Graph graph;
    double bits = 0.0;             ///< of all levels and their side information, as a file stores them
    double bits_per_weight = 0.0;  ///< over the weights of the ORIGINAL layers
    double distortion = 0.0;       ///< predicted mean squared change of an output element
    double lambda = 0.0;
    std::int64_t weights = 0;              ///< of the ORIGINAL layers
    std::int64_t activation_elements = 0;  ///< of all rounded activations of one image
    double activation_bits = 0.0;          ///< of these
    std::vector<LayerSummary> layers;

    /// Of rounded activations only.
    double bits_per_activation() const { return activation_bits / static_cast<double>(activation_elements); }
    /// The rate over weights and activations together (method section 8); without rounded activations the weights'.
    double bits_per_value() const {
        return (bits + activation_bits) / static_cast<double>(weights + activation_elements);
    }
};

/// Compression by transform quantization: statistics and curves once, then any number of rates.
class Compressor {
  public:
    /// Computes everything that does not depend on the rate. Calibration images are (N, H, W, C); of those that are
    /// alike, one is taken. Warns where they are few. Throws Error when the network has no layer to compress or there
    /// are no images.
    Compressor(const Graph& graph, ConstView all_images, CompressionOptions options);

    /// The same for layers that may only choose from these of its transforms; those that none fits keep "none", which
    /// has to be among the transforms of this one.
    Compressor restricted_to(std::span<const Transform> transforms) const;

    /// Bits a weight of a network whose weights are all zero: side information.
    double lowest_rate() const;
    /// The best network of at most this many bits a weight. Throws Error where these are fewer than lowest_rate().
    CompressedNetwork at_rate(double bits_per_weight) const;
    CompressedNetwork at_lambda(double lambda) const;

    std::int64_t weight_count() const { return weight_count_; }

  private:
    using Allocate = std::function<Allocation(std::span<const LayerAlternatives>)>;
    using Build = std::function<CompressedNetwork(std::span<const LayerAlternatives>)>;

    struct PackedMetric {
        PackedSymmetric outputs;
        PackedSymmetric inputs;
    };

    /// An allocation, and the network that it led to.
    struct QuantizedNetwork {
        Allocation allocation;
        std::vector<std::vector<double>> level_bits;  // bits a level of each layer's blocks
        Model model;                                  // neither corrected nor with rounded activations yet
        SizeLedger sizes;                             // of its file

        double bits() const { return 8.0 * static_cast<double>(sizes.weight_bytes()); }
    };

    /// Calls visit(begin, end) for consecutive layers that take no more than memory_bytes together, or for one alone.
    void for_each_group(const std::function<std::int64_t(const Layer&)>& bytes_of,
                        const std::function<void(std::size_t begin, std::size_t end)>& visit) const;
    void compute_curves(std::size_t begin, std::size_t end);
    TransformCurves make_curves(const Layer& layer, const Transform& transform, const GradientMoments& moments) const;
    ConstView measured_images() const;
    MeterOptions meter_options() const;
    ConstView judged_images() const;
    /// The network that curves lead to. In hybrid mode they are measured where `allocate` lands. Where the transforms
    /// that each layer, quantized and measured by itself, is best with are others, a second network is built with
    /// these, unless it is too large for that. Neither choice knows how the layers' errors add up: the network with the
    /// least D + λ·bits is taken.
    CompressedNetwork compress(const Allocate& allocate, const Build& build) const;
    QuantizedNetwork quantize_within(std::span<const LayerAlternatives> curves, double target) const;
    BlockLevels levels_of(std::size_t layer, const TransformCurves& curves, const LayerChoice& choice,
                          double lambda) const;
    QuantizedNetwork quantize(const Allocation& allocation) const;
    /// The share of the correction that images beside the calibration images are expected to get.
    double trust_in_correction() const;
    /// How many images the correction may run as one batch.
    std::int64_t images_at_once() const;
    CompressedNetwork build(QuantizedNetwork quantized) const;
    void correct_statistics(Graph& compressed) const;
    void round_activations(CompressedNetwork& network) const;
    LayerSummary summarize(std::size_t layer, const QuantizedNetwork& quantized) const;

    const Graph* graph_;
    Graph differentiable_;  // with a bias in every layer
    Tensor images_;
    CompressionOptions options_;
    std::vector<Layer> layers_;
    std::vector<LayerAlternatives> curves_;
    std::vector<std::vector<LayerGain>> gains_;
    std::vector<PackedMetric> metrics_;
    std::int64_t weight_count_ = 0;
    std::int64_t outputs_ = 0;
    double output_energy_ = 0.0;        // Σ y² over them
    std::int64_t measured_images_ = 0;  // at most, whatever the options say
    std::int64_t averaged_images_ = 0;
};

}  // namespace eigenbit::internal
