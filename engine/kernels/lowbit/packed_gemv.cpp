#include "engine/kernels/lowbit/packed_gemv.h"

#include "engine/kernels/lowbit/bit_planes.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kUnit = 8;  // inputs
// Whose sums 32 bits hold.
constexpr std::int64_t kMostInputs = std::numeric_limits<std::int32_t>::max() / (255 * 128) / kUnit * kUnit;

/// What is added to an index before it is packed: below 8 bits the kernels want it without a sign.
int index_shift(int bit_depth) { return bit_depth == 8 ? 0 : 1 << (bit_depth - 1); }

}  // namespace

bool PackedGemv::can_pack(const Quantized& quantized) {
    return std::ranges::all_of(quantized.blocks, [](const QuantizedBlock& block) { return block.bit_depth <= 8; });
}

PackedGemv::PackedGemv(const Quantized& quantized, std::uint8_t zero_point, std::span<const float> scale,
                       std::span<const float> bias, const CpuImplementation& implementation)
    : inputs_(quantized.shape[1]),
      kernels_(implementation.integer),
      scale_(scale.begin(), scale.end()),
      bias_(bias.begin(), bias.end()) {
    const auto lanes = static_cast<std::int64_t>(kQuadVectors * kernels_->width);
    const auto add_panels = [&](std::int64_t begin, std::int64_t end, std::span<const QuantizedBlock> blocks) {
        for (std::int64_t first = begin; first < end; first += lanes) {
            add_panel(quantized, first, std::min(lanes, end - first), blocks);
        }
    };
    if (quantized.axis == 1) {
        for (const QuantizedBlock& block : quantized.blocks) add_ranges(block.begin, block.end);
        add_panels(0, quantized.shape[0], quantized.blocks);
    } else {
        add_ranges(0, inputs_);
        for (const QuantizedBlock& block : quantized.blocks) add_panels(block.begin, block.end, {&block, 1});
    }
    take_zero_point_off(quantized, zero_point);
}

void PackedGemv::add_ranges(std::int64_t begin, std::int64_t end) {
    for (; begin < end; begin += kMostInputs) ranges_.push_back({begin, std::min(begin + kMostInputs, end)});
}

void PackedGemv::add_panel(const Quantized& quantized, std::int64_t first, std::int64_t outputs,
                           std::span<const QuantizedBlock> blocks) {
    panels_.push_back({first, outputs, segments_.size(), 0, weights_.size()});
    auto block = blocks.begin();
    for (std::size_t range = 0; range < ranges_.size(); ++range) {
        if (quantized.axis == 1 && ranges_[range].begin == block->end) ++block;
        if (block->bit_depth == 0) continue;
        add_segment(quantized, *block, range);
        ++panels_.back().segment_count;
    }
}

void PackedGemv::add_segment(const Quantized& quantized, const QuantizedBlock& block, std::size_t range) {
    const Panel& panel = panels_.back();
    const auto [begin, end] = ranges_[range];
    const auto bits = static_cast<std::size_t>(block.bit_depth);
    const auto units = static_cast<std::size_t>((end - begin + kUnit - 1) / kUnit);
    const std::size_t register_bytes = 4 * kernels_->width;
    const std::size_t before = weights_.size();
    weights_.resize(before + units * bits * register_bytes);
    const int shift = index_shift(block.bit_depth);
    std::vector<std::uint8_t> plain(kUnitRegisters * register_bytes);
    for (std::size_t u = 0; u < units; ++u) {
        const std::int64_t first = begin + static_cast<std::int64_t>(u) * kUnit;
        const auto inputs = static_cast<std::size_t>(std::min(kUnit, end - first));
        if (inputs < kUnit) std::ranges::fill(plain, std::uint8_t{0});
        for (std::int64_t o = 0; o < panel.outputs; ++o) {
            const std::int16_t* const indices = quantized.levels.data() + (panel.first_output + o) * inputs_ + first;
            std::uint8_t* const lane = plain.data() + 4 * o;
            for (std::size_t i = 0; i < inputs; ++i) {
                lane[i / 4 * kQuadVectors * register_bytes + i % 4] = static_cast<std::uint8_t>(indices[i] + shift);
            }
        }
        pack_unit(plain.data(), register_bytes, bits, weights_.data() + before + u * bits * register_bytes);
    }
    segments_.push_back({static_cast<std::size_t>(begin), units, bits, shift, block.step, block.offset});
    segment_ranges_.push_back(range);
}

/// Σ weight · zero_point, which every product has too much, is taken off the bias.
void PackedGemv::take_zero_point_off(const Quantized& quantized, std::uint8_t zero_point) {
    for (const Panel& panel : panels_) {
        for (std::size_t s = panel.first_segment; s < panel.first_segment + panel.segment_count; ++s) {
            const auto [begin, end] = ranges_[segment_ranges_[s]];
            for (std::int64_t o = panel.first_output; o < panel.first_output + panel.outputs; ++o) {
                const std::int16_t* const indices = quantized.levels.data() + o * inputs_;
                const auto sum = static_cast<float>(std::accumulate(indices + begin, indices + end, std::int64_t{0}));
                const float weights = segments_[s].step * (sum + segments_[s].offset * static_cast<float>(end - begin));
                const auto output = static_cast<std::size_t>(o);
                bias_[output] -= scale_[output] * weights * static_cast<float>(zero_point);
            }
        }
    }
}

std::int64_t PackedGemv::weight_bytes() const {
    return static_cast<std::int64_t>(weights_.size() + segments_.size() * sizeof(LowbitSegment)
                                     + 2 * bias_.size() * sizeof(float));
}

void PackedGemv::finish(const Panel& panel, std::int64_t row, const float* sums, const Int8Output& output) const {
    for (std::int64_t lane = 0; lane < panel.outputs; ++lane) {
        const auto o = static_cast<std::size_t>(panel.first_output + lane);
        const std::size_t y = static_cast<std::size_t>(row) * bias_.size() + o;
        float value = sums[lane] * scale_[o] + bias_[o];
        if (output.residual) value += output.residual[y] * output.residual_scale;
        if (output.residual_bytes) value += static_cast<float>(output.residual_bytes[y]) * output.residual_scale;
        value = std::clamp(value, output.low, output.high);
        if (output.bytes) {
            output.bytes[y] = static_cast<std::uint8_t>(std::lrint(value));
        } else {
            output.floats[y] = value;
        }
    }
}

/// Σ x, by segment.
std::vector<std::int32_t> PackedGemv::input_sums(const std::uint8_t* x) const {
    std::vector<std::int32_t> sums;
    for (const auto& [begin, end] : ranges_) sums.push_back(std::accumulate(x + begin, x + end, 0));
    std::vector<std::int32_t> result;
    for (const std::size_t range : segment_ranges_) result.push_back(sums[range]);
    return result;
}

void PackedGemv::run(const std::uint8_t* x, std::int64_t rows, const Int8Output& output) const {
    std::vector<std::vector<std::int32_t>> sums_of_inputs;
    for (std::int64_t row = 0; row < rows; ++row) sums_of_inputs.push_back(input_sums(x + row * inputs_));
    tbb::parallel_for(std::size_t{0}, panels_.size(), [&](std::size_t p) {
        const Panel& panel = panels_[p];
        std::vector<float> sums(kQuadVectors * kernels_->width);
        for (std::int64_t row = 0; row < rows; ++row) {
            kernels_->gemv_lowbit(
                {.x = x + row * inputs_,
                 .segments = segments_.data() + panel.first_segment,
                 .segment_count = panel.segment_count,
                 .input_sums = sums_of_inputs[static_cast<std::size_t>(row)].data() + panel.first_segment,
                 .weights = weights_.data() + panel.weights,
                 .sums = sums.data()});
            finish(panel, row, sums.data(), output);
        }
    });
}

}  // namespace eigenbit::internal
