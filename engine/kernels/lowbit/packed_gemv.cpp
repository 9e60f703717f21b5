#include "engine/kernels/lowbit/packed_gemv.h"

#include "engine/kernels/int8/output_function.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace eigenbit::internal {
namespace {

// Inputs whose sums 32 bits hold, in whole units of lowbit/bit_plane_tiles.h.
constexpr std::int64_t kMostInputs = std::numeric_limits<std::int32_t>::max() / (255 * 128) / 8 * 8;

/// Cuts a range into ones of at most `most`.
std::vector<MatrixRange> cut(const MatrixRange& range, std::int64_t most) {
    std::vector<MatrixRange> parts;
    for (std::int64_t begin = range.begin; begin < range.end; begin += most) {
        parts.push_back({begin, std::min(begin + most, range.end)});
    }
    return parts;
}

}  // namespace

bool PackedGemv::can_pack(const Quantized& quantized) {
    return std::ranges::all_of(quantized.blocks, [](const QuantizedBlock& block) { return block.bit_depth <= 8; });
}

PackedGemv::PackedGemv(const Quantized& quantized, std::uint8_t zero_point, const Int8Channels& channels,
                       const CpuImplementation& implementation)
    : inputs_(quantized.shape[1]),
      kernels_(implementation.integer),
      scale_(channels.scale.begin(), channels.scale.end()),
      bias_(channels.bias.begin(), channels.bias.end()),
      slopes_(channels.slopes.begin(), channels.slopes.end()) {
    const auto lanes = static_cast<std::int64_t>(kQuadVectors * kernels_->width);
    const bool cuts_inputs = quantized.axis == 1;
    std::vector<std::vector<MatrixRange>> panels;
    std::vector<std::vector<MatrixRange>> ranges;
    for (const QuantizedBlock& block : quantized.blocks) {
        const MatrixRange own{block.begin, block.end};
        panels.push_back(cut(cuts_inputs ? MatrixRange{0, quantized.shape[0]} : own, lanes));
        ranges.push_back(cut(cuts_inputs ? own : MatrixRange{0, inputs_}, kMostInputs));
    }
    std::vector<PackedBlock> blocks(quantized.blocks.size());
    tbb::parallel_for(std::size_t{0}, blocks.size(), [&](std::size_t b) {
        if (quantized.blocks[b].bit_depth == 0) return;
        blocks[b] = pack_block(quantized, b, panels[b], ranges[b], *kernels_);
    });
    // Blocks of inputs share panels, blocks of outputs share ranges.
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        if (b == 0 || cuts_inputs) ranges_.insert(ranges_.end(), ranges[b].begin(), ranges[b].end());
    }
    for (std::size_t first = 0; first < blocks.size(); first += cuts_inputs ? blocks.size() : 1) {
        const std::size_t last = cuts_inputs ? blocks.size() : first + 1;
        for (std::size_t p = 0; p < panels[first].size(); ++p) {
            panels_.push_back({panels[first][p], segments_.size(), 0});
            std::size_t range = 0;
            for (std::size_t b = first; b < last; range += ranges[b++].size()) {
                if (quantized.blocks[b].bit_depth > 0) add_segments(blocks[b], p, range, ranges[b].size());
            }
            panels_.back().segment_count = segments_.size() - panels_.back().first_segment;
            for (std::size_t b = first; b < last; ++b) {
                take_zero_point_off(blocks[b], panels[b], p, zero_point);
            }
        }
    }
    segments_.shrink_to_fit();
    for (PackedBlock& block : blocks) blocks_.push_back(std::move(block.levels));
}

void PackedGemv::add_segments(const PackedBlock& block, std::size_t panel, std::size_t first_range,
                              std::size_t range_count) {
    const std::span own = std::span(block.segments).subspan(panel * range_count, range_count);
    segments_.insert(segments_.end(), own.begin(), own.end());
    for (std::size_t r = 0; r < range_count; ++r) segment_ranges_.push_back(first_range + r);
}

/// Σ weight · zero_point, which every product has too much, is taken off the bias.
void PackedGemv::take_zero_point_off(const PackedBlock& block, std::span<const MatrixRange> panels, std::size_t panel,
                                     std::uint8_t zero_point) {
    const auto outputs = static_cast<std::size_t>(panels.back().end - panels.front().begin);
    const std::size_t ranges = block.segments.size() / panels.size();
    for (std::size_t r = 0; r < ranges; ++r) {
        const LowbitSegment& segment = block.segments[panel * ranges + r];
        for (std::int64_t o = panels[panel].begin; o < panels[panel].end; ++o) {
            const auto place = static_cast<std::size_t>(o - panels.front().begin);
            const auto sum = static_cast<float>(block.level_sums[r * outputs + place]);
            const float weights = level_value(sum, segment.step, segment.offset * static_cast<float>(segment.inputs));
            const auto output = static_cast<std::size_t>(o);
            bias_[output] -= scale_[output] * weights * static_cast<float>(zero_point);
        }
    }
}

std::int64_t PackedGemv::weight_bytes() const {
    const std::size_t by_output = scale_.size() + bias_.size() + slopes_.size();
    auto bytes = static_cast<std::int64_t>(segments_.size() * sizeof(LowbitSegment) + by_output * sizeof(float));
    for (const PackedLevels& block : blocks_) bytes += block.bytes();
    return bytes;
}

void PackedGemv::finish(const Panel& panel, std::int64_t row, const float* sums, const Int8Output& output) const {
    for (std::int64_t lane = 0; lane < panel.outputs.size(); ++lane) {
        const auto o = static_cast<std::size_t>(panel.outputs.begin + lane);
        const std::size_t y = static_cast<std::size_t>(row) * bias_.size() + o;
        float value = sums[lane] * scale_[o] + bias_[o];
        if (output.residual) value += output.residual[y] * output.residual_scale;
        if (output.residual_bytes) value += static_cast<float>(output.residual_bytes[y]) * output.residual_scale;
        const float slope = slopes_.empty() ? 0.0F : slopes_[o];
        value = std::clamp(output_of(output.function, slope, value, output.bytes), output.low, output.high);
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
                 .sums = sums.data()});
            finish(panel, row, sums.data(), output);
        }
    });
}

}  // namespace eigenbit::internal
