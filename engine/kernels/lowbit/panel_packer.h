#pragma once

#include "engine/kernels/lowbit/codebook.h"
#include "engine/kernels/lowbit/codebook_panels.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Fills CodebookPanels.
class PanelPacker {
  public:
    PanelPacker(CodebookPanels& to, const ConvolutionLoops& pass, const CodedWeights& weights);
    /// First decides how the panels are packed and where their weights go, then puts these there; both in parallel.
    void code(std::span<const WeightPanel> panels);

  private:
    /// Inputs begin … end-1 of every tap; the last quad may be filled up.
    struct InputRange {
        std::int64_t begin, end;
        std::int64_t quads() const { return (end - begin + 3) / 4; }
    };

    /// A range that a panel does not leave out, and how it is packed.
    struct KeptRange {
        InputRange range;
        std::size_t registers_before;  // among those of a tap
        std::int64_t codes;
        std::optional<Codebook> packing;
    };
    struct PlannedPanel {
        const WeightPanel* panel;
        std::vector<KeptRange> kept;
        std::size_t tap_registers = 0;  // of all of them
    };

    std::size_t taps() const { return static_cast<std::size_t>(rows_ * columns_); }
    static std::size_t registers(const WeightPanel& panel, const InputRange& range);
    std::size_t register_bytes() const { return 4 * to_.kernels_->width; }
    /// Of the panel's weights, with the zeros that fill up quads.
    CodeHistogram histogram(const WeightPanel& panel, const InputRange& range) const;
    PlannedPanel plan(const WeightPanel& panel) const;
    static bool packing_pays(const PlannedPanel& planned);
    void lay_out(const PlannedPanel& planned);
    void lay_out_runs(const PlannedPanel& planned);
    void lay_out_strip(const PlannedPanel& planned, const KeptRange& kept);
    void fill(const PlannedPanel& planned, const CodebookPanels::Panel& coded);
    void fill_packed(const WeightPanel& panel, const KeptRange& kept, const CodebookPanels::PackedStrip& strip);
    /// The registers of a tap's inputs as the kernels read them: (quads, lanes, 4). Lanes without a channel are left.
    void copy_registers(const WeightPanel& panel, const InputRange& range, std::size_t tap, std::uint8_t* to) const;

    CodebookPanels& to_;
    std::span<const std::int8_t> codes_;
    bool joined_;          // whether taps of a row lie together
    std::int64_t inputs_;  // of a tap
    std::int64_t rows_, columns_,
        length_;  // taps, and inputs of each; a row is one tap where quads would straddle taps
    std::vector<InputRange> ranges_;
    std::size_t weights_ = 0, exceptions_ = 0;  // of the panels laid out
};

}  // namespace eigenbit::internal
