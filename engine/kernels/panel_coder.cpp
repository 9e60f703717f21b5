#include "engine/kernels/panel_coder.h"

#include "engine/kernels/packed_unit.h"

#include <algorithm>
#include <numeric>

namespace eigenbit {
namespace {

// Unpacking takes time, some hundredths of that of the multiplication where pixels are few.
constexpr double kLargestShare = 0.8;

}  // namespace

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
    for_each_code(range,
                  [&](std::int8_t code, std::size_t, std::size_t) { ++counts[static_cast<std::size_t>(code + 128)]; });
    return counts;
}

void PanelCoder::add(const WeightPanel& panel) {
    panel_ = &panel;
    keep_ranges();
    CodedPanels::Panel& added = to_.panels_.emplace_back();
    added.first_run = to_.runs_.size();
    added.first_strip = to_.strips_.size();
    add_runs();
    if (!kept_.empty() && !packing_pays()) {
        add_plain_strip();
    } else {
        for (const KeptRange& kept : kept_) add_strip(kept);
        to_.buffer_bytes_ = std::max(to_.buffer_bytes_, taps() * tap_registers_ * register_bytes());
    }
    added.last_run = to_.runs_.size();
    added.last_strip = to_.strips_.size();
}

void PanelCoder::keep_ranges() {
    kept_.clear();
    tap_registers_ = 0;
    for (const InputRange& range : ranges_) {
        CodeHistogram counts = histogram(range);
        const std::int64_t codes = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
        if (counts[128] == codes) continue;
        kept_.push_back({range, tap_registers_, codes, shortest_packing(counts)});
        tap_registers_ += registers(range);
    }
}

bool PanelCoder::packing_pays() const {
    double bits = 0.0;
    double plain_bits = 0.0;
    for (const KeptRange& kept : kept_) {
        bits += (kept.packing ? kept.packing->bits_per_code : 8.0) * static_cast<double>(kept.codes);
        plain_bits += 8.0 * static_cast<double>(kept.codes);
    }
    return bits <= kLargestShare * plain_bits;
}

void PanelCoder::add_runs() {
    const std::size_t first = to_.runs_.size();
    for (std::int64_t tap = 0; tap < rows_ * columns_; ++tap) {
        for (const KeptRange& kept : kept_) {
            const auto narrow = [](std::int64_t value) { return static_cast<std::int32_t>(value); };
            const InputRun run{narrow(tap / columns_), narrow(tap % columns_), narrow(kept.range.begin),
                               narrow(kept.range.quads())};
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

void PanelCoder::add_strip(const KeptRange& kept) {
    const bool is_only = kept_.size() == 1;
    CodedPanels::Strip strip{.bits = 8,
                             .weights = to_.weights_.size(),
                             .repeats = is_only ? 1 : taps(),
                             .registers = registers(kept.range) * (is_only ? taps() : 1),
                             .target = kept.registers_before * register_bytes(),
                             .target_stride = tap_registers_ * register_bytes(),
                             .first_exception = to_.exceptions_.codes.size(),
                             .last_exception = 0,
                             .low = {},
                             .high = {}};
    put(kept, strip);
    strip.last_exception = to_.exceptions_.codes.size();
    to_.strips_.push_back(strip);
}

/// As bytes where filling up units takes as much as packing saves.
void PanelCoder::put(const KeptRange& kept, CodedPanels::Strip& strip) {
    std::size_t units = (strip.registers + kUnitRegisters - 1) / kUnitRegisters;
    if (kept.packing && units * kept.packing->bits < strip.registers) {
        strip.bits = kept.packing->bits;
        strip.low = kept.packing->low;
        strip.high = kept.packing->high;
    }
    const bool is_packed = strip.bits < 8;
    const std::size_t repeat_bytes = (is_packed ? units * strip.bits : strip.registers) * register_bytes();
    to_.weights_.resize(strip.weights + strip.repeats * repeat_bytes);
    std::uint8_t* const begin = to_.weights_.data() + strip.weights;
    for_each_code(kept.range, [&](std::int8_t code, std::size_t reg, std::size_t byte) {
        const std::size_t repeat = reg / strip.registers;
        const std::size_t own = reg % strip.registers;
        std::uint8_t* const to = begin + repeat * repeat_bytes;
        if (!is_packed) {
            to[own * register_bytes() + byte] = static_cast<std::uint8_t>(code);
            return;
        }
        const int index = kept.packing->index_of(code);
        if (index < 0) {
            const std::size_t place = strip.target + repeat * strip.target_stride + own * register_bytes() + byte;
            to_.exceptions_.places.push_back(static_cast<std::uint32_t>(place));
            to_.exceptions_.codes.push_back(code);
            return;
        }
        put_in_unit(to + own / kUnitRegisters * strip.bits * register_bytes(), register_bytes(), strip.bits,
                    own % kUnitRegisters, byte, index);
    });
}

/// All ranges together, as the kernels read them.
void PanelCoder::add_plain_strip() {
    CodedPanels::Strip strip{};
    strip.bits = 8;
    strip.weights = to_.weights_.size();
    to_.weights_.resize(strip.weights + taps() * tap_registers_ * register_bytes());
    std::uint8_t* const begin = to_.weights_.data() + strip.weights;
    for (const KeptRange& kept : kept_) {
        const std::size_t own = registers(kept.range);
        for_each_code(kept.range, [&](std::int8_t code, std::size_t reg, std::size_t byte) {
            const std::size_t place = reg / own * tap_registers_ + kept.registers_before + reg % own;
            begin[place * register_bytes() + byte] = static_cast<std::uint8_t>(code);
        });
    }
    to_.strips_.push_back(strip);
}

}  // namespace eigenbit
