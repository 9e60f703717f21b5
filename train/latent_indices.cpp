#include "train/latent_indices.h"

#include "engine/formats/ebit_indices.h"
#include "engine/quantization.h"
#include "engine/random.h"

#include <tbb/parallel_for_each.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace eigenbit {
namespace {

constexpr double kSpread = 0.9;  // of the latents at the beginning, in what rounds to one index

/// The gain of the output channel that a run of elements belongs to.
float scale_of(const Quantization& quantization, const Shape& shape, std::int64_t begin) {
    const auto channel = static_cast<std::size_t>(begin / shape.elements(1, shape.rank()));
    return quantization.channel_scale.empty() ? 1.0F : quantization.channel_scale[channel];
}

/// Bits that an index costs more when its magnitude grows by one, for each block, were its indices distributed
/// geometrically with the mean magnitude that they have.
std::vector<double> bits_per_magnitude(const Quantization& quantization, const Shape& shape) {
    std::vector<double> magnitude(quantization.blocks.size(), 0.0);
    std::vector<double> count(quantization.blocks.size(), 0.0);
    for_each_run(quantization, shape, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        const auto number = static_cast<std::size_t>(&block - quantization.blocks.data());
        for (std::int64_t i = begin; i < end; ++i) {
            magnitude[number] += std::abs(quantization.indices[static_cast<std::size_t>(i)]);
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

/// Where a step lies on the grid of steps, between two of them too.
float grid_position(float step) { return 8.0F * std::log2(step / grid_step(0)); }

/// Values grow with their step: dw/dposition = w · ln 2 / 8.
void take_step_gradient(const Parameter& parameter, ConstView gradient, Tensor& step_gradient) {
    const Quantization& quantization = *parameter.quantization;
    std::vector<double> sums(quantization.blocks.size());
    std::vector<double> weights(quantization.blocks.size());
    for_each_run(quantization, parameter.values.shape(),
                 [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
                     const auto number = static_cast<std::size_t>(&block - quantization.blocks.data());
                     for (std::int64_t i = begin; i < end; ++i) sums[number] += gradient[i] * parameter.values[i];
                     weights[number] += static_cast<double>(end - begin);
                 });
    for (std::size_t i = 0; i < sums.size(); ++i) {
        const double derivative = std::numbers::ln2 / 8.0 * sums[i];
        step_gradient[static_cast<std::int64_t>(i)] = static_cast<float>(derivative / std::sqrt(weights[i]));
    }
}

double mean_magnitude(const std::vector<LatentIndices::Entry>& entries, Tensor LatentIndices::Entry::*gradient) {
    double sum = 0.0;
    double count = 0.0;
    for (const LatentIndices::Entry& entry : entries) {
        for (const float value : (entry.*gradient).values()) sum += std::abs(value);
        count += static_cast<double>((entry.*gradient).elements());
    }
    return sum / std::max(count, 1.0);
}

}  // namespace

LatentIndices::LatentIndices(const Graph& graph, bool learns_steps) : learns_steps_(learns_steps) {
    for (const auto& [id, parameter] : graph.parameters()) {
        if (!parameter.quantization) continue;
        const Shape& shape = parameter.values.shape();
        const std::vector<QuantizedBlock>& blocks = parameter.quantization->blocks;
        const Shape one_a_block{static_cast<std::int64_t>(blocks.size())};
        Entry entry{id, Tensor(shape), Tensor(shape), Tensor(one_a_block), Tensor(one_a_block)};
        std::ranges::copy(parameter.quantization->indices, entry.latents.data());
        Random random({static_cast<std::uint64_t>(id)});
        for (float& latent : entry.latents.values()) latent += static_cast<float>(kSpread * (random.uniform() - 0.5));
        std::ranges::transform(blocks, entry.steps.data(), [](const QuantizedBlock& block) {
            return block.bit_depth == 0 ? 0.0F : grid_position(block.step);
        });
        entries_.push_back(std::move(entry));
    }
}

void LatentIndices::take_gradients(const Graph& graph, const Session& session) {
    tbb::parallel_for_each(entries_, [&](Entry& entry) {
        const Quantization& quantization = *graph.parameter(entry.parameter).quantization;
        const Shape& shape = entry.latents.shape();
        const ConstView gradient = session.gradient(entry.parameter);
        for_each_run(quantization, shape, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
            const float scale = scale_of(quantization, shape, begin);
            const float unit = block.bit_depth == 0 ? 0.0F : block.step * scale;
            for (std::int64_t i = begin; i < end; ++i) entry.gradient[i] = unit * gradient[i];
        });
        if (learns_steps_) take_step_gradient(graph.parameter(entry.parameter), gradient, entry.step_gradient);
    });
}

void LatentIndices::normalize_gradients() {
    const float averaged = ++magnitudes_.averaged[0];
    const auto normalize = [&](Tensor Entry::*gradient, float& magnitude) {
        magnitude += (static_cast<float>(mean_magnitude(entries_, gradient)) - magnitude) / averaged;
        if (magnitude == 0.0F) return;
        for (Entry& entry : entries_) {
            for (float& value : (entry.*gradient).values()) value /= magnitude;
        }
    };
    normalize(&Entry::gradient, magnitudes_.indices[0]);
    if (learns_steps_) normalize(&Entry::step_gradient, magnitudes_.steps[0]);
}

void LatentIndices::add_rate_gradients(const Graph& graph, double weight) {
    tbb::parallel_for_each(entries_, [&](Entry& entry) {
        const Quantization& quantization = *graph.parameter(entry.parameter).quantization;
        const Shape& shape = entry.latents.shape();
        const std::vector<double> slopes = bits_per_magnitude(quantization, shape);
        for_each_run(quantization, shape, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
            if (block.bit_depth == 0) return;
            const auto number = static_cast<std::size_t>(&block - quantization.blocks.data());
            const auto slope = static_cast<float>(weight * slopes[number]);
            // Within what rounds to 0 the force grows from 0: nothing is pushed from one side to the other.
            for (std::int64_t i = begin; i < end; ++i) {
                entry.gradient[i] += slope * std::clamp(2.0F * entry.latents[i], -1.0F, 1.0F);
            }
        });
    });
}

void LatentIndices::round(Graph& graph) {
    tbb::parallel_for_each(entries_, [&](Entry& entry) {
        Parameter& parameter = graph.parameter(entry.parameter);
        Quantization& quantization = *parameter.quantization;
        const Shape& shape = entry.latents.shape();
        for (std::size_t i = 0; learns_steps_ && i < quantization.blocks.size(); ++i) {
            float& position = entry.steps[static_cast<std::int64_t>(i)];
            position = std::clamp(position, 0.0F, 255.0F);
            quantization.blocks[i].step = grid_step(static_cast<int>(std::nearbyint(position)));
        }
        for_each_run(quantization, shape, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
            if (block.bit_depth == 0) return;
            const float scale = scale_of(quantization, shape, begin);
            const auto beyond = static_cast<float>(1 << (block.bit_depth - 1));
            for (std::int64_t i = begin; i < end; ++i) {
                entry.latents[i] = std::clamp(entry.latents[i], -beyond, beyond - 1.0F);
                const float index = std::nearbyint(entry.latents[i]);
                quantization.indices[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(index);
                parameter.values[i] = block.step * (index + block.offset) * scale;
            }
        });
    });
}

std::int64_t coded_index_bits(const Graph& graph) {
    std::vector<StoredIndices<const Quantization>> stored;
    for (const auto& [id, parameter] : graph.parameters()) {
        if (!parameter.quantization) continue;
        stored.push_back({graph.name(id), parameter.values.shape(), &*parameter.quantization});
    }
    return 8 * static_cast<std::int64_t>(write_indices(stored, IndexStorage::entropy).size());
}

}  // namespace eigenbit
