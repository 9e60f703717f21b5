#include "compress/curves/hybrid_curves.h"

#include "compress/curves/curve_search.h"
#include "compress/curves/exact_curves.h"
#include "compress/quantization/quantized_layer.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace eigenbit::internal {
namespace {

// Where the least disturbing candidate measured was mispredicted, candidates that disturb a sixteenth (two bits finer)
// are taken as predicted again.
constexpr double kFadingFactor = 16.0;

/// What is known of one block: all predictions, and the candidates that have been measured.
struct BlockKnowledge {
    Curve predicted;
    std::map<std::size_t, double> measured;  // distortion by candidate

    double log_ratio(std::size_t candidate) const {
        return std::log(measured.at(candidate) / predicted[candidate].distortion);
    }
};

/// A prediction of nothing, or nothing measured, says nothing about other candidates.
bool is_informative(const BlockKnowledge& block, std::size_t candidate) {
    return block.predicted[candidate].distortion > 0.0 && block.measured.at(candidate) > 0.0;
}

/// The logarithm of measured over predicted distortion, as a function of the logarithm of the prediction: linear
/// between measurements, constant above them, fading below.
class Misprediction {
  public:
    explicit Misprediction(const BlockKnowledge& block) {
        for (const auto& [candidate, distortion] : block.measured) {
            if (!is_informative(block, candidate)) continue;
            known_[std::log(block.predicted[candidate].distortion)] = block.log_ratio(candidate);
        }
    }

    double factor(double predicted) const {
        if (known_.empty() || predicted <= 0.0) return 1.0;
        const double x = std::log(predicted);
        const auto above = known_.lower_bound(x);
        if (above == known_.end()) return std::exp(known_.rbegin()->second);
        if (above == known_.begin()) {
            const double fade = std::max(1.0 - (above->first - x) / std::log(kFadingFactor), 0.0);
            return std::exp(fade * above->second);
        }
        const auto below = std::prev(above);
        const double share = (x - below->first) / (above->first - below->first);
        return std::exp(below->second + share * (above->second - below->second));
    }

  private:
    std::map<double, double> known_;
};

void update(const BlockKnowledge& block, Curve& curve) {
    const Misprediction misprediction(block);
    for (std::size_t i = 0; i < curve.size(); ++i) {
        const double predicted = block.predicted[i].distortion;
        curve[i].distortion =
            block.measured.contains(i) ? block.measured.at(i) : predicted * misprediction.factor(predicted);
    }
}

/// The next cheaper and the next dearer candidate on the curve's convex hull.
std::vector<std::size_t> neighbours(const Curve& curve, std::size_t candidate) {
    const std::vector<std::size_t> hull = lower_convex_hull(curve, std::vector<bool>(curve.size(), true));
    const auto bits_of = [&](std::size_t i) { return curve[i].bits; };
    const auto not_cheaper = std::ranges::lower_bound(hull, curve[candidate].bits, {}, bits_of);
    const auto dearer = std::ranges::upper_bound(hull, curve[candidate].bits, {}, bits_of);
    std::vector<std::size_t> result;
    if (not_cheaper != hull.begin()) result.push_back(*std::prev(not_cheaper));
    if (dearer != hull.end()) result.push_back(*dearer);
    return result;
}

/// One layer under one of its transforms.
class OptionKnowledge {
  public:
    explicit OptionKnowledge(TransformCurves& layer) : layer_(&layer) {
        for (const Curve& curve : layer.curves) blocks_.push_back({curve, {}});
    }

    /// What was chosen and has not been measured.
    std::vector<BlockCandidate> unmeasured(const LayerChoice& choice) const {
        std::vector<BlockCandidate> trials;
        for (std::size_t i = 0; i < blocks_.size(); ++i) {
            // Columns of a basis vanish together with the coefficients that they meet: those are measured.
            const bool partner = choice.candidates[i] == 0 && layer_->blocks[i].factor != Block::kCoefficients;
            if (!partner) add_unmeasured({i, choice.candidates[i]}, trials);
        }
        return trials;
    }

    /// Whether all blocks quantized together disturb the output as predicted.
    bool is_predicted(const LayerChoice& choice, DistortionMeter& meter, double tolerance) const {
        const Tensor weights = image(quantize_layer(*layer_, choice, round_blocks(*layer_, choice)));
        const double measured = meter.measure(
            1, [&](std::size_t, std::span<float> target) { std::ranges::copy(weights.values(), target.begin()); })[0];
        if (!(choice.distortion > 0.0 && measured > 0.0)) return true;
        return std::abs(std::log(measured / choice.distortion)) <= std::log(tolerance);
    }

    void measure(std::span<const BlockCandidate> trials, DistortionMeter& meter, double tolerance) {
        measure(trials, meter);
        std::vector<BlockCandidate> beside;
        for (const BlockCandidate& trial : trials) {
            const BlockKnowledge& block = blocks_[trial.block];
            if (!is_informative(block, trial.candidate)) continue;
            if (std::abs(block.log_ratio(trial.candidate)) <= std::log(tolerance)) continue;
            for (const std::size_t candidate : neighbours(block.predicted, trial.candidate)) {
                add_unmeasured({trial.block, candidate}, beside);
            }
        }
        measure(beside, meter);
        for (std::size_t i = 0; i < blocks_.size(); ++i) update(blocks_[i], layer_->curves[i]);
    }

  private:
    void add_unmeasured(const BlockCandidate& trial, std::vector<BlockCandidate>& trials) const {
        if (!blocks_[trial.block].measured.contains(trial.candidate)) trials.push_back(trial);
    }

    void measure(std::span<const BlockCandidate> trials, DistortionMeter& meter) {
        measure_candidates(*layer_, trials, meter);
        for (const BlockCandidate& trial : trials) {
            blocks_[trial.block].measured[trial.candidate] = layer_->curves[trial.block][trial.candidate].distortion;
        }
    }

    TransformCurves* layer_;
    std::vector<BlockKnowledge> blocks_;
};

}  // namespace

void measure_where_allocated(std::span<LayerAlternatives> curves, const Graph& graph, std::span<const Layer> layers,
                             ConstView images, const std::function<Allocation()>& allocate,
                             const HybridOptions& options) {
    std::vector<std::vector<OptionKnowledge>> knowledge(layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
        for (TransformCurves& option : curves[i]) knowledge[i].emplace_back(option);
    }
    for (int round = 0; round < options.rounds; ++round) {
        const Allocation allocation = allocate();
        bool known = true;
        for (std::size_t i = 0; i < layers.size(); ++i) {
            OptionKnowledge& option = knowledge[i][allocation.layers[i].option];
            const std::vector<BlockCandidate> trials = option.unmeasured(allocation.layers[i]);
            if (trials.empty()) continue;
            DistortionMeter meter(graph, layers[i], images, options.meter);
            if (option.is_predicted(allocation.layers[i], meter, options.tolerance)) continue;
            known = false;
            option.measure(trials, meter, options.tolerance);
        }
        if (known) return;
    }
}

}  // namespace eigenbit::internal
