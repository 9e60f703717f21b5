#pragma once

#include "engine/kernels/code_packing.h"
#include "engine/kernels/coded_panels.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace eigenbit {

/// Adds panels to CodedPanels, one after the other.
class PanelCoder {
  public:
    PanelCoder(CodedPanels& to, const ConvolutionPass& pass, const CodedWeights& weights);
    void add(const WeightPanel& panel);

  private:
    /// Inputs begin … end-1 of every tap; the last quad may be filled up.
    struct InputRange {
        std::int64_t begin, end;
        std::int64_t quads() const { return (end - begin + 3) / 4; }
    };

    /// A range that the panel does not leave out, and how it is packed.
    struct KeptRange {
        InputRange range;
        std::size_t registers_before;  // among those of a tap
        std::int64_t codes;
        std::optional<CodePacking> packing;
    };

    std::size_t taps() const { return static_cast<std::size_t>(rows_ * columns_); }
    std::size_t registers(const InputRange& range) const;
    std::size_t register_bytes() const { return 4 * to_.kernels_->width; }
    /// Of the panel's weights, with the zeros that fill up quads.
    CodeHistogram histogram(const InputRange& range) const;
    void keep_ranges();
    bool packing_pays() const;
    void add_runs();
    void add_strip(const KeptRange& kept);
    void put(const KeptRange& kept, CodedPanels::Strip& strip);
    void add_plain_strip();
    /// Calls visit(code, register and byte of the strip) for each weight of the panel, filled-up quads included.
    template <typename Visit>
    void for_each_code(const InputRange& range, const Visit& visit) const;

    CodedPanels& to_;
    std::span<const std::int8_t> codes_;
    bool joined_;          // whether taps of a row lie together
    std::int64_t inputs_;  // of a tap
    std::int64_t rows_, columns_,
        length_;  // taps, and inputs of each; a row is one tap where quads would straddle taps
    std::vector<InputRange> ranges_;
    const WeightPanel* panel_ = nullptr;
    std::vector<KeptRange> kept_;
    std::size_t tap_registers_ = 0;  // of all of them
};

}  // namespace eigenbit
