#include "train/latent_weights.h"

#include "engine/base/random.h"
#include "engine/formats/ebit/levels.h"
#include "engine/weights/step_grid.h"

#include <tbb/parallel_for.h>
#include <tbb/parallel_for_each.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace eigenbit::internal {
namespace {

constexpr double kSpread = 0.9;  // of the initial latents, in rounding cells

/// The factor that an entry trains.
const Quantized& factor_of(const Graph& graph, const LatentWeights::Entry& entry) {
    return *quantized_factors(graph.parameter(entry.parameter))[entry.factor];
}

/// For each block, the bits by which a level's cost grows with its magnitude, for a geometric distribution of the
/// block's mean magnitude.
std::vector<double> bits_per_magnitude(const Quantized& weight) {
    std::vector<double> magnitude(weight.blocks.size(), 0.0);
    std::vector<double> count(weight.blocks.size(), 0.0);
    for_each_run(weight, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        const auto number = static_cast<std::size_t>(&block - weight.blocks.data());
        for (std::int64_t i = begin; i < end; ++i) {
            magnitude[number] += std::abs(weight.levels[static_cast<std::size_t>(i)]);
        }
        count[number] += static_cast<double>(end - begin);
    });
    std::vector<double> bits;
    for (std::size_t i = 0; i < magnitude.size(); ++i) {
        const double mean = std::max(magnitude[i], 0.5) / count[i];
        bits.push_back(std::log2(1.0 + 1.0 / mean));
    }
    return bits;
}

/// The position of a step on the grid of steps, fractions counting.
float grid_position(float step) { return 8.0F * std::log2(step / grid_step(0)); }

/// Numbers of weights, by block.
std::vector<double> block_elements(const Quantized& weight) {
    std::vector<double> elements(weight.blocks.size());
    for_each_run(weight, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        elements[static_cast<std::size_t>(&block - weight.blocks.data())] += static_cast<double>(end - begin);
    });
    return elements;
}

double mean_magnitude(const std::vector<LatentWeights::Entry>& entries, Tensor LatentWeights::Entry::*gradient) {
    double sum = 0.0;
    double count = 0.0;
    for (const LatentWeights::Entry& entry : entries) {
        for (const float value : (entry.*gradient).values()) sum += std::abs(value);
        count += static_cast<double>((entry.*gradient).elements());
    }
    return sum / std::max(count, 1.0);
}

}  // namespace

LatentWeights::LatentWeights(const Graph& graph, bool learns_steps) : learns_steps_(learns_steps) {
    for (const auto& [id, parameter] : graph.parameters()) {
        const std::vector<const Quantized*> factors = quantized_factors(parameter);
        for (std::size_t i = 0; i < factors.size(); ++i) {
            const Quantized& factor = *factors[i];
            const Shape one_a_block{static_cast<std::int64_t>(factor.blocks.size())};
            Entry entry{id, i, Tensor(factor.shape), Tensor(factor.shape), Tensor(one_a_block), Tensor(one_a_block)};
            std::ranges::copy(factor.levels, entry.latents.data());
            Random random({static_cast<std::uint64_t>(id), i});
            for (float& latent : entry.latents.values()) {
                latent += static_cast<float>(kSpread * (random.uniform() - 0.5));
            }
            std::ranges::transform(factor.blocks, entry.steps.data(), [](const QuantizedBlock& block) {
                return block.bit_depth == 0 ? 0.0F : grid_position(block.step);
            });
            entries_.push_back(std::move(entry));
        }
    }
}

void LatentWeights::take_gradients(const Graph& graph, const GraphExecutor& session) {
    // The entries of a parameter follow each other.
    tbb::parallel_for(std::size_t{0}, entries_.size(), [&](std::size_t first) {
        if (entries_[first].factor != 0) return;
        const Weight& weight = graph.parameter(entries_[first].parameter);
        std::vector<QuantizedGradient> gradients = pull_back(weight, session.gradient(entries_[first].parameter));
        for (std::size_t i = 0; i < gradients.size(); ++i) {
            Entry& entry = entries_[first + i];
            entry.gradient = std::move(gradients[i].levels);
            if (!learns_steps_) continue;
            const std::vector<double> elements = block_elements(factor_of(graph, entry));
            for (std::size_t b = 0; b < elements.size(); ++b) {
                const auto at = static_cast<std::int64_t>(b);
                // An eighth of an octave: d ln Δ / d position = ln 2 / 8.
                const double derivative = std::numbers::ln2 / 8.0 * gradients[i].steps[at];
                entry.step_gradient[at] = static_cast<float>(derivative / std::sqrt(elements[b]));
            }
        }
    });
}

void LatentWeights::normalize_gradients() {
    const float averaged = ++magnitudes_.averaged[0];
    const auto normalize = [&](Tensor Entry::*gradient, float& magnitude) {
        magnitude += (static_cast<float>(mean_magnitude(entries_, gradient)) - magnitude) / averaged;
        if (magnitude == 0.0F) return;
        for (Entry& entry : entries_) {
            for (float& value : (entry.*gradient).values()) value /= magnitude;
        }
    };
    normalize(&Entry::gradient, magnitudes_.levels[0]);
    if (learns_steps_) normalize(&Entry::step_gradient, magnitudes_.steps[0]);
}

void LatentWeights::add_rate_gradients(const Graph& graph, double weight) {
    tbb::parallel_for_each(entries_, [&](Entry& entry) {
        const Quantized& factor = factor_of(graph, entry);
        const std::vector<double> slopes = bits_per_magnitude(factor);
        for_each_run(factor, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
            if (block.bit_depth == 0) return;
            const auto number = static_cast<std::size_t>(&block - factor.blocks.data());
            const auto slope = static_cast<float>(weight * slopes[number]);
            // Within the cell of 0 the penalty's gradient grows from 0: no latent is pushed across it.
            for (std::int64_t i = begin; i < end; ++i) {
                entry.gradient[i] += slope * std::clamp(2.0F * entry.latents[i], -1.0F, 1.0F);
            }
        });
    });
}

void LatentWeights::requantize(Graph& graph) {
    tbb::parallel_for_each(entries_, [&](Entry& entry) {
        Quantized& factor = *quantized_factors(graph.parameter(entry.parameter))[entry.factor];
        for (std::size_t i = 0; learns_steps_ && i < factor.blocks.size(); ++i) {
            float& position = entry.steps[static_cast<std::int64_t>(i)];
            position = std::clamp(position, 0.0F, 255.0F);
            factor.blocks[i].step = grid_step(static_cast<int>(std::nearbyint(position)));
        }
        for_each_run(factor, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
            if (block.bit_depth == 0) return;
            const auto beyond = static_cast<float>(1 << (block.bit_depth - 1));
            for (std::int64_t i = begin; i < end; ++i) {
                entry.latents[i] = std::clamp(entry.latents[i], -beyond, beyond - 1.0F);
                factor.levels[static_cast<std::size_t>(i)] =
                    static_cast<std::int16_t>(std::nearbyint(entry.latents[i]));
            }
        });
    });
}

std::int64_t coded_level_bits(const Graph& graph) {
    std::vector<StoredLevels<const Quantized>> stored;
    for (const auto& [id, parameter] : graph.parameters()) {
        for (const Quantized* const factor : quantized_factors(parameter)) stored.push_back({graph.name(id), factor});
    }
    return 8 * static_cast<std::int64_t>(write_levels(stored, LevelStorage::entropy).bytes.size());
}

}  // namespace eigenbit::internal
