#include "engine/kernels/lowbit/codebook_panels.h"

#include "engine/kernels/lowbit/panel_packer.h"

#include <algorithm>

namespace eigenbit::internal {

CodebookPanels::CodebookPanels(const ConvolutionLoops& pass, std::span<const WeightPanel> panels,
                               const CodedWeights& weights, const Int8Kernels& kernels)
    : kernels_(&kernels) {
    PanelPacker(*this, pass, weights).code(panels);
}

std::span<const InputRun> CodebookPanels::runs(std::size_t panel) const {
    return std::span(runs_).subspan(panels_[panel].first_run, panels_[panel].last_run - panels_[panel].first_run);
}

const std::int8_t* CodebookPanels::unpack_panel(std::size_t panel, std::int8_t* buffer) const {
    const std::size_t first = panels_[panel].first_strip;
    const std::size_t last = panels_[panel].last_strip;
    if (last == first + 1 && strips_[first].bits == 8) {
        return reinterpret_cast<const std::int8_t*>(weights_.data() + strips_[first].weights);
    }
    for (std::size_t s = first; s < last; ++s) unpack(strips_[s], buffer);
    return buffer;
}

void CodebookPanels::unpack(const PackedStrip& strip, std::int8_t* buffer) const {
    const std::uint8_t* const from = weights_.data() + strip.weights;
    std::int8_t* const to = buffer + strip.target;
    if (strip.bits == 8) {
        const std::size_t bytes = strip.registers * 4 * kernels_->width;
        for (std::size_t repeat = 0; repeat < strip.repeats; ++repeat) {
            std::copy_n(from + repeat * bytes, bytes, to + repeat * strip.target_stride);
        }
        return;
    }
    kernels_->unpack_codes({.packed = from,
                            .bits = strip.bits,
                            .runs = strip.repeats,
                            .registers = strip.registers,
                            .target = to,
                            .target_stride = strip.target_stride,
                            .factor = strip.factor,
                            .values = strip.values.data()});
    for (std::size_t e = strip.first_exception; e < strip.last_exception; ++e) {
        buffer[exceptions_.places[e]] = exceptions_.codes[e];
    }
}

std::int64_t CodebookPanels::bytes() const {
    const auto exceptions = static_cast<std::size_t>(kExceptionBytes) * exceptions_.codes.size();
    return static_cast<std::int64_t>(weights_.size() + exceptions + strips_.size() * sizeof(PackedStrip)
                                     + runs_.size() * sizeof(InputRun) + panels_.size() * sizeof(Panel));
}

std::vector<WeightPanel> without_zero_vectors(std::span<const WeightPanel> panels, std::span<const std::int8_t> codes,
                                              std::int64_t filter, std::int64_t width) {
    const auto is_zero = [&](const WeightPanel& panel, std::int64_t vector) {
        const std::int64_t begin = panel.first_channel + vector * width;
        const std::int64_t end = std::min(begin + width, panel.first_channel + panel.channels);
        return std::all_of(codes.begin() + begin * filter, codes.begin() + end * filter,
                           [](std::int8_t code) { return code == 0; });
    };
    std::vector<WeightPanel> result;
    for (const WeightPanel& panel : panels) {
        for (std::int64_t vector = 0, end = 0; vector < panel.vectors; vector = end) {
            const bool zero = is_zero(panel, vector);
            for (end = vector + 1; end < panel.vectors && is_zero(panel, end) == zero;) ++end;
            result.push_back({panel.group, panel.first_channel + vector * width,
                              std::min(end * width, panel.channels) - vector * width, end - vector,
                              panel.vectors_before + vector});
        }
    }
    return result;
}

}  // namespace eigenbit::internal
