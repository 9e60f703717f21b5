#include "compress/curves/exact_curves.h"

#include "compress/curves/curve_search.h"

#include <algorithm>
#include <optional>

namespace eigenbit::internal {
namespace {

/// How the weights (O, taps, I) change with the values of one block: a product of low rank.
class BlockEffect {
  public:
    BlockEffect(const Factorization& factorization, const Block& block)
        : factorization_(&factorization), block_(block) {
        const Axis axis = factorization.block_axis;
        if (block.factor == Block::kCoefficients) {
            for (const TransformBasis& basis : factorization.bases) {
                bases_.push_back(basis.axis == axis ? columns(basis.synthesis, block.begin, block.end)
                                                    : basis.synthesis);
            }
            return;
        }
        others_ = rows_mixed_by(factorization, block);
    }

    /// Adds what errors of the block's values, in the order of block_values, do to the weights.
    void add(std::span<const float> errors, std::span<float> weights) const {
        if (factorization_->bases.empty()) {
            for_each_element(*factorization_, block_, [&](std::int64_t k, std::int64_t element) {
                weights[static_cast<std::size_t>(element)] += errors[static_cast<std::size_t>(k)];
            });
            return;
        }
        const Tensor change = block_.factor == Block::kCoefficients ? of_coefficients(errors) : of_basis(errors);
        for (std::size_t i = 0; i < weights.size(); ++i) weights[i] += change[static_cast<std::int64_t>(i)];
    }

  private:
    Axis mixed_axis() const { return factorization_->bases[static_cast<std::size_t>(block_.factor)].axis; }

    Tensor of_coefficients(std::span<const float> errors) const {
        Shape shape = factorization_->coefficients.shape();
        shape[tensor_axis(factorization_->block_axis)] = block_.end - block_.begin;
        Tensor change(shape, errors);
        for (std::size_t i = 0; i < bases_.size(); ++i) change = mix(change, factorization_->bases[i].axis, bases_[i]);
        return change;
    }

    Tensor of_basis(std::span<const float> errors) const {
        const Matrix& synthesis = factorization_->bases[static_cast<std::size_t>(block_.factor)].synthesis;
        Matrix change(synthesis.rows(), block_.end - block_.begin);
        std::ranges::copy(errors, change.values().begin());
        return mix(others_, mixed_axis(), change);
    }

    const Factorization* factorization_;
    Block block_;
    std::vector<Matrix> bases_;  // for coefficients: those that bring them to the weights
    Tensor others_;              // for a basis: what its columns multiply
};

}  // namespace

void measure_candidates(TransformCurves& layer, std::span<const BlockCandidate> trials, DistortionMeter& meter) {
    std::vector<std::vector<float>> values(layer.blocks.size());
    std::vector<std::optional<BlockEffect>> effects(layer.blocks.size());
    for (const BlockCandidate& trial : trials) {
        if (effects[trial.block]) continue;
        values[trial.block] = block_values(layer.factorization, layer.blocks[trial.block]);
        effects[trial.block].emplace(layer.factorization, layer.blocks[trial.block]);
    }
    const std::vector<double> measured = meter.measure(trials.size(), [&](std::size_t i, std::span<float> weights) {
        const BlockCandidate& trial = trials[i];
        std::vector<float> errors(values[trial.block].size());
        quantization_errors(values[trial.block], layer.curves[trial.block][trial.candidate].quantizer, errors);
        effects[trial.block]->add(errors, weights);
    });
    for (std::size_t i = 0; i < trials.size(); ++i) {
        layer.curves[trials[i].block][trials[i].candidate].distortion = measured[i];
    }
}

void measure_distortions(TransformCurves& layer, DistortionMeter& meter) {
    std::vector<std::vector<bool>> measured;
    for (const Curve& curve : layer.curves) measured.emplace_back(curve.size());
    // All blocks search side by side: what one of them measures does not depend on the others.
    for (std::vector<BlockCandidate> trials;; trials.clear()) {
        for (std::size_t block = 0; block < layer.curves.size(); ++block) {
            for (const std::size_t candidate : next_to_measure(layer.curves[block], measured[block])) {
                trials.push_back({block, candidate});
            }
        }
        if (trials.empty()) break;
        measure_candidates(layer, trials, meter);
        for (const BlockCandidate& trial : trials) measured[trial.block][trial.candidate] = true;
    }
    for (std::size_t block = 0; block < layer.curves.size(); ++block) {
        layer.curves[block] = found_curve(layer.curves[block], measured[block]);
    }
}

}  // namespace eigenbit::internal
