#include "engine/kernels/lowbit/panel_packer.h"

#include "engine/kernels/lowbit/bit_planes.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace eigenbit::internal {
namespace {

// Unpacking takes time, some hundredths of that of the multiplication where pixels are few.
constexpr double kLargestShare = 0.8;

// Of a tap, where filling up quads would cost more than what ranges of their own save.
constexpr std::int64_t kFewInputs = 64;

/// Whether the indices number codes that follow each other.
bool numbers_neighbours(const Codebook& codebook) {
    return codebook.factor == 1
           || (codebook.factor == 0
               && codebook.values[codebook.size - 1] - codebook.values[0] + 1 == static_cast<int>(codebook.size));
}

/// Makes indices of codes, with a codebook that numbers neighbours, unless one of the codes has none. Compilers make
/// vectors of its loops.
bool replace_by_indices(std::span<std::uint8_t> codes, const Codebook& codebook) {
    const auto first = static_cast<std::uint8_t>(codebook.values[0]);
    std::uint8_t largest = 0;
    for (const std::uint8_t code : codes) largest = std::max(largest, static_cast<std::uint8_t>(code - first));
    if (largest >= codebook.size) return false;
    for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(code - first);
    return true;
}

}  // namespace

PanelPacker::PanelPacker(CodebookPanels& to, const ConvolutionLoops& pass, const CodedWeights& weights)
    : to_(to),
      codes_(weights.codes),
      joined_(joins_columns(pass)),
      inputs_(pass.source_channels / pass.groups),
      rows_(static_cast<std::int64_t>(pass.y.taps.size())),
      columns_(static_cast<std::int64_t>(pass.x.taps.size())),
      length_(inputs_) {
    if (joined_ && inputs_ % 4 != 0 && inputs_ < kFewInputs) {
        length_ *= columns_;
        columns_ = 1;
    }
    // Ranges end where their quads fill units, which takes a few inputs from neighbours.
    const auto unit_quads = std::max<std::size_t>(1, kUnitRegisters / to.kernels_->panel_vectors);
    const auto step = static_cast<std::int64_t>(4 * unit_quads);
    ranges_.push_back({0, length_});
    if (length_ != inputs_) return;
    for (const std::int64_t wanted : weights.input_cuts) {
        const std::int64_t cut = (wanted + step / 2) / step * step;
        if (cut <= ranges_.back().begin || cut >= length_) continue;
        ranges_.back().end = cut;
        ranges_.push_back({cut, length_});
    }
}

void PanelPacker::code(std::span<const WeightPanel> panels) {
    std::vector<PlannedPanel> planned(panels.size());
    tbb::parallel_for(std::size_t{0}, panels.size(), [&](std::size_t p) { planned[p] = plan(panels[p]); });
    for (const PlannedPanel& panel : planned) lay_out(panel);
    to_.panels_.shrink_to_fit();
    to_.runs_.shrink_to_fit();
    to_.strips_.shrink_to_fit();
    to_.weights_.resize(weights_);
    to_.exceptions_.places.resize(exceptions_);
    to_.exceptions_.codes.resize(exceptions_);
    tbb::parallel_for(std::size_t{0}, panels.size(), [&](std::size_t p) { fill(planned[p], to_.panels_[p]); });
}

std::size_t PanelPacker::registers(const WeightPanel& panel, const InputRange& range) {
    return static_cast<std::size_t>(range.quads() * panel.vectors);
}

CodeHistogram PanelPacker::histogram(const WeightPanel& panel, const InputRange& range) const {
    // Four, so that an addition need not wait for the last one to the same count.
    std::array<std::array<std::uint32_t, 256>, 4> counts{};
    CodeHistogram histogram{};
    const auto count = [&](std::span<const std::int8_t> codes) {
        std::size_t i = 0;
        for (; i + 4 <= codes.size(); i += 4) {
            for (std::size_t k = 0; k < 4; ++k) ++counts[k][static_cast<std::uint8_t>(codes[i + k])];
        }
        for (; i < codes.size(); ++i) ++counts[0][static_cast<std::uint8_t>(codes[i])];
    };
    const std::int64_t all_taps = rows_ * columns_;
    const std::int64_t own = range.end - range.begin;
    const bool is_whole = own == length_;
    for (std::int64_t lane = 0; lane < panel.channels; ++lane) {
        const auto channel = static_cast<std::size_t>((panel.first_channel + lane) * all_taps * length_);
        if (is_whole) {
            count(codes_.subspan(channel, static_cast<std::size_t>(all_taps * length_)));
            continue;
        }
        for (std::int64_t tap = 0; tap < all_taps; ++tap) {
            count(codes_.subspan(channel + static_cast<std::size_t>(tap * length_ + range.begin),
                                 static_cast<std::size_t>(own)));
        }
    }
    for (std::size_t code = 0; code < 256; ++code) {
        for (const auto& part : counts) histogram[(code + 128) % 256] += part[code];
    }
    histogram[128] += panel.channels * all_taps * (4 * range.quads() - own);
    return histogram;
}

PanelPacker::PlannedPanel PanelPacker::plan(const WeightPanel& panel) const {
    PlannedPanel planned{&panel, {}};
    for (const InputRange& range : ranges_) {
        const CodeHistogram counts = histogram(panel, range);
        const std::int64_t codes = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
        if (counts[128] == codes) continue;
        planned.kept.push_back({range, planned.tap_registers, codes, shortest_packing(counts)});
        planned.tap_registers += registers(panel, range);
    }
    return planned;
}

bool PanelPacker::packing_pays(const PlannedPanel& planned) {
    double bits = 0.0;
    double plain_bits = 0.0;
    for (const KeptRange& kept : planned.kept) {
        bits += (kept.packing ? kept.packing->bits_per_code : 8.0) * static_cast<double>(kept.codes);
        plain_bits += 8.0 * static_cast<double>(kept.codes);
    }
    return bits <= kLargestShare * plain_bits;
}

void PanelPacker::lay_out(const PlannedPanel& planned) {
    CodebookPanels::Panel& added = to_.panels_.emplace_back();
    added.first_run = to_.runs_.size();
    added.first_strip = to_.strips_.size();
    lay_out_runs(planned);
    if (!planned.kept.empty() && !packing_pays(planned)) {
        CodebookPanels::PackedStrip strip{};
        strip.bits = 8;
        strip.weights = weights_;
        to_.strips_.push_back(strip);
        weights_ += taps() * planned.tap_registers * register_bytes();
    } else {
        for (const KeptRange& kept : planned.kept) lay_out_strip(planned, kept);
        to_.buffer_bytes_ = std::max(to_.buffer_bytes_, taps() * planned.tap_registers * register_bytes());
    }
    added.last_run = to_.runs_.size();
    added.last_strip = to_.strips_.size();
}

void PanelPacker::lay_out_runs(const PlannedPanel& planned) {
    const std::size_t first = to_.runs_.size();
    for (std::int64_t tap = 0; tap < rows_ * columns_; ++tap) {
        for (const KeptRange& kept : planned.kept) {
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

/// As bytes where filling up units takes as much as packing saves.
void PanelPacker::lay_out_strip(const PlannedPanel& planned, const KeptRange& kept) {
    const bool is_only = planned.kept.size() == 1;
    CodebookPanels::PackedStrip strip{.bits = 8,
                                      .weights = weights_,
                                      .repeats = is_only ? 1 : taps(),
                                      .registers = registers(*planned.panel, kept.range) * (is_only ? taps() : 1),
                                      .target = kept.registers_before * register_bytes(),
                                      .target_stride = planned.tap_registers * register_bytes(),
                                      .first_exception = exceptions_,
                                      .last_exception = exceptions_,
                                      .factor = 0,
                                      .values = {}};
    const std::size_t units = (strip.registers + kUnitRegisters - 1) / kUnitRegisters;
    std::size_t repeat_registers = strip.registers;
    if (kept.packing && units * kept.packing->bits < strip.registers) {
        strip.bits = kept.packing->bits;
        strip.factor = kept.packing->factor;
        strip.values = kept.packing->values;
        repeat_registers = units * strip.bits;
        exceptions_ += static_cast<std::size_t>(kept.packing->exceptions);
        strip.last_exception = exceptions_;
    }
    weights_ += strip.repeats * repeat_registers * register_bytes();
    to_.strips_.push_back(strip);
}

void PanelPacker::fill(const PlannedPanel& planned, const CodebookPanels::Panel& coded) {
    const std::span strips = std::span(to_.strips_).subspan(coded.first_strip, coded.last_strip - coded.first_strip);
    const bool is_plain = strips.size() == 1 && strips[0].bits == 8;  // all ranges together, as the kernels read them
    for (std::size_t k = 0; k < planned.kept.size(); ++k) {
        const KeptRange& kept = planned.kept[k];
        const CodebookPanels::PackedStrip& strip = strips[is_plain ? 0 : k];
        if (strip.bits < 8) {
            fill_packed(*planned.panel, kept, strip);
            continue;
        }
        const std::size_t before = is_plain ? kept.registers_before : 0;
        const std::size_t stride = is_plain ? planned.tap_registers : registers(*planned.panel, kept.range);
        for (std::size_t tap = 0; tap < taps(); ++tap) {
            copy_registers(*planned.panel, kept.range, tap,
                           to_.weights_.data() + strip.weights + (tap * stride + before) * register_bytes());
        }
    }
}

void PanelPacker::fill_packed(const WeightPanel& panel, const KeptRange& kept,
                              const CodebookPanels::PackedStrip& strip) {
    constexpr std::size_t kChunk = 256;
    const std::array<std::uint8_t, 256> indices = kept.packing->indices();
    const bool is_affine = numbers_neighbours(*kept.packing);
    const std::size_t units = (strip.registers + kUnitRegisters - 1) / kUnitRegisters;
    const std::size_t own = registers(panel, kept.range);
    const std::size_t bytes = strip.registers * register_bytes();
    std::vector<std::uint8_t> plain(units * kUnitRegisters * register_bytes());
    std::uint8_t* unit = to_.weights_.data() + strip.weights;
    std::size_t exception = strip.first_exception;
    for (std::size_t repeat = 0; repeat < strip.repeats; ++repeat) {
        // Lanes without a channel have index 0.
        std::fill_n(plain.begin(), bytes, static_cast<std::uint8_t>(kept.packing->values[0]));
        const std::size_t repeat_taps = taps() / strip.repeats;
        for (std::size_t tap = 0; tap < repeat_taps; ++tap) {
            copy_registers(panel, kept.range, repeat * repeat_taps + tap, plain.data() + tap * own * register_bytes());
        }
        for (std::size_t first = 0; first < bytes; first += kChunk) {
            const std::span chunk = std::span(plain).subspan(first, std::min(kChunk, bytes - first));
            if (is_affine && replace_by_indices(chunk, *kept.packing)) continue;
            for (std::size_t i = 0; i < chunk.size(); ++i) {
                const std::uint8_t code = chunk[i];
                chunk[i] = indices[code];
                if (chunk[i] != Codebook::kNone) continue;
                chunk[i] = 0;
                to_.exceptions_.places[exception] =
                    static_cast<std::uint32_t>(strip.target + repeat * strip.target_stride + first + i);
                to_.exceptions_.codes[exception++] = static_cast<std::int8_t>(code);
            }
        }
        for (std::size_t u = 0; u < units; ++u, unit += strip.bits * register_bytes()) {
            pack_unit(plain.data() + u * kUnitRegisters * register_bytes(), register_bytes(), strip.bits, unit);
        }
    }
}

void PanelPacker::copy_registers(const WeightPanel& panel, const InputRange& range, std::size_t tap,
                                 std::uint8_t* to) const {
    constexpr std::int64_t kBlockQuads = 16;  // of each lane, a cache line
    const std::size_t quad_bytes = static_cast<std::size_t>(panel.vectors) * register_bytes();
    const std::int64_t whole_quads = (range.end - range.begin) / 4;
    for (std::int64_t first = 0; first < range.quads(); first += kBlockQuads) {
        const std::int64_t last = std::min(first + kBlockQuads, whole_quads);
        for (std::int64_t lane = 0; lane < panel.channels; ++lane) {
            const std::int64_t row = (panel.first_channel + lane) * rows_ * columns_ + static_cast<std::int64_t>(tap);
            const std::int8_t* const from = codes_.data() + row * length_ + range.begin;
            std::uint8_t* const column = to + static_cast<std::size_t>(4 * lane);
            for (std::int64_t quad = first; quad < last; ++quad) {
                std::memcpy(column + static_cast<std::size_t>(quad) * quad_bytes, from + 4 * quad, 4);
            }
            if (last < first + kBlockQuads && last < range.quads()) {
                std::array<std::int8_t, 4> cut{};
                std::copy(from + 4 * last, from + (range.end - range.begin), cut.begin());
                std::memcpy(column + static_cast<std::size_t>(last) * quad_bytes, cut.data(), 4);
            }
        }
    }
}

}  // namespace eigenbit::internal
