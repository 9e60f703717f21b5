#include "engine/kernels/panel_coder.h"

#include "engine/kernels/packed_unit.h"

#include <algorithm>

namespace eigenbit {

PanelCoder::PanelCoder(CodedPanels& to, const ConvolutionPass& pass, const CodedWeights& weights)
    : to_(to),
      codes_(weights.codes),
      joined_(joins_columns(pass)),
      inputs_(pass.source_channels / pass.groups),
      rows_(static_cast<std::int64_t>(pass.y.taps.size())),
      columns_(static_cast<std::int64_t>(pass.x.taps.size())),
      length_(inputs_) {
    if (joined_ && inputs_ % 4 != 0) {
        length_ *= columns_;
        columns_ = 1;
    }
    // Only whole quads are cut off.
    ranges_.push_back({0, length_});
    for (const std::int64_t cut : length_ == inputs_ ? weights.input_cuts : std::span<const std::int64_t>()) {
        if (cut % 4 != 0 || cut <= ranges_.back().begin || cut >= length_) continue;
        ranges_.back().end = cut;
        ranges_.push_back({cut, length_});
    }
}

std::size_t PanelCoder::registers(const InputRange& range) const {
    return static_cast<std::size_t>(range.quads() * panel_->vectors);
}

template <typename Visit>
void PanelCoder::for_each_code(const InputRange& range, const Visit& visit) const {
    const std::size_t width = to_.kernels_->width;
    const auto vectors = static_cast<std::size_t>(panel_->vectors);
    for (std::size_t tap = 0; tap < taps(); ++tap) {
        for (std::int64_t k = 0; k < 4 * range.quads(); ++k) {
            const std::int64_t input = range.begin + k;
            const std::size_t first = tap * registers(range) + static_cast<std::size_t>(k / 4) * vectors;
            for (std::size_t lane = 0; lane < static_cast<std::size_t>(panel_->channels); ++lane) {
                const std::int64_t channel = panel_->first_channel + static_cast<std::int64_t>(lane);
                const std::int64_t at = (channel * rows_ * columns_ + static_cast<std::int64_t>(tap)) * length_ + input;
                const std::int8_t code = input < range.end ? codes_[static_cast<std::size_t>(at)] : std::int8_t{0};
                visit(code, first + lane / width, lane % width * 4 + static_cast<std::size_t>(k % 4));
            }
        }
    }
}

CodeHistogram PanelCoder::histogram(const InputRange& range) const {
    CodeHistogram counts{};
    for_each_code(range, [&](std::int8_t code, std::size_t, std::size_t) {
        ++counts[static_cast<std::size_t>(code + 128)];
    });
    return counts;
}

void PanelCoder::add(const WeightPanel& panel) {
    panel_ = &panel;
    CodedPanels::Panel& added = to_.panels_.emplace_back();
    added.first_run = to_.runs_.size();
    added.first_strip = to_.strips_.size();
    std::vector<InputRange> ranges;
    std::size_t tap_registers = 0;
    for (const InputRange& range : ranges_) {
        CodeHistogram counts = histogram(range);
        counts[128] = 0;
        if (counts == CodeHistogram{}) continue;
        ranges.push_back(range);
        tap_registers += registers(range);
    }
    add_runs(ranges);
    std::size_t before = 0;
    for (const InputRange& range : ranges) {
        add_strip(range, before, tap_registers);
        before += registers(range);
    }
    added.last_run = to_.runs_.size();
    added.last_strip = to_.strips_.size();
    const bool is_plain = ranges.size() == 1 && to_.strips_.back().bits == 8;
    if (!is_plain) to_.buffer_bytes_ = std::max(to_.buffer_bytes_, taps() * tap_registers * register_bytes());
}

void PanelCoder::add_runs(std::span<const InputRange> ranges) {
    const std::size_t first = to_.runs_.size();
    for (std::int64_t tap = 0; tap < rows_ * columns_; ++tap) {
        for (const InputRange& range : ranges) {
            const InputRun run{tap / columns_, tap % columns_, range.begin, range.quads()};
            InputRun* const last = to_.runs_.size() > first ? &to_.runs_.back() : nullptr;
            const auto place = [&](const InputRun& r) { return r.column_tap * inputs_ + r.channel; };
            const bool follows = last && last->row_tap == run.row_tap && place(*last) + 4 * last->quads == place(run)
                                 && (joined_ || last->column_tap == run.column_tap);
            if (follows) {
                last->quads += run.quads;
            } else {
                to_.runs_.push_back(run);
            }
        }
    }
}

void PanelCoder::add_strip(const InputRange& range, std::size_t registers_before, std::size_t tap_registers) {
    const bool is_only = registers(range) == tap_registers;
    CodedPanels::Strip strip{.bits = 8,
                             .weights = to_.weights_.size(),
                             .repeats = is_only ? 1 : taps(),
                             .registers = registers(range) * (is_only ? taps() : 1),
                             .target = registers_before * register_bytes(),
                             .target_stride = tap_registers * register_bytes(),
                             .first_exception = to_.exceptions_.codes.size(),
                             .last_exception = 0,
                             .low = {},
                             .high = {}};
    if (const std::optional<CodePacking> packing = shortest_packing(histogram(range))) put(range, *packing, strip);
    if (strip.bits == 8) put_plain(range, strip);
    strip.last_exception = to_.exceptions_.codes.size();
    to_.strips_.push_back(strip);
}

/// Nothing where filling up units takes as much as packing saves.
void PanelCoder::put(const InputRange& range, const CodePacking& packing, CodedPanels::Strip& strip) {
    const std::size_t units = (strip.registers + kUnitRegisters - 1) / kUnitRegisters;
    if (units * packing.bits >= strip.registers) return;
    strip.bits = packing.bits;
    strip.low = packing.low;
    strip.high = packing.high;
    const std::size_t unit_bytes = packing.bits * register_bytes();
    to_.weights_.resize(strip.weights + strip.repeats * units * unit_bytes);
    std::uint8_t* const packed = to_.weights_.data() + strip.weights;
    for_each_code(range, [&](std::int8_t code, std::size_t reg, std::size_t byte) {
        const std::size_t repeat = reg / strip.registers;
        const std::size_t own = reg % strip.registers;
        const int index = packing.index_of(code);
        if (index < 0) {
            const std::size_t place = strip.target + repeat * strip.target_stride + own * register_bytes() + byte;
            to_.exceptions_.places.push_back(static_cast<std::uint32_t>(place));
            to_.exceptions_.codes.push_back(code);
            return;
        }
        put_in_unit(packed + (repeat * units + own / kUnitRegisters) * unit_bytes, register_bytes(), packing.bits,
                    own % kUnitRegisters, byte, index);
    });
}

void PanelCoder::put_plain(const InputRange& range, CodedPanels::Strip& strip) {
    to_.weights_.resize(strip.weights + strip.repeats * strip.registers * register_bytes());
    std::uint8_t* const plain = to_.weights_.data() + strip.weights;
    for_each_code(range, [&](std::int8_t code, std::size_t reg, std::size_t byte) {
        plain[reg * register_bytes() + byte] = static_cast<std::uint8_t>(code);
    });
}

}  // namespace eigenbit
