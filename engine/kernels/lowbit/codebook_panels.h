#pragma once

#include "engine/base/aligned_vector.h"
#include "engine/kernels/int8/coded_weights.h"
#include "engine/kernels/int8/kernels.h"
#include "engine/kernels/loops/convolution_loops.h"
#include "engine/kernels/loops/weight_panels.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Inputs that a panel multiplies one after the other: of a tap, or of a row of taps whose inputs lie together.
struct InputRun {
    std::int32_t row_tap, column_tap;  // positions in the axes of the pass
    std::int32_t channel;              // the first, of the panel's group
    std::int32_t quads;
};

/// The weights of a dense convolution in the bits that their codes need, panel by panel. Inputs whose weights are 0 for
/// a whole panel take neither memory nor time.
class CodebookPanels {
  public:
    CodebookPanels() = default;
    /// The pass is the forward one of the convolution whose weights these are.
    CodebookPanels(const ConvolutionLoops& pass, std::span<const WeightPanel> panels, const CodedWeights& weights,
                   const Int8Kernels& kernels);

    std::span<const InputRun> runs(std::size_t panel) const;
    /// The panel's weights as the kernels read them, (quads of all runs, lanes, 4): in `buffer`, which has
    /// buffer_bytes(), or where they lie.
    const std::int8_t* unpack_panel(std::size_t panel, std::int8_t* buffer) const;
    std::size_t buffer_bytes() const { return buffer_bytes_; }
    /// Memory of all weights.
    std::int64_t bytes() const;

  private:
    friend class PanelPacker;

    /// Codes that indices cannot tell, and where they go in the unpacked panel.
    struct Exceptions {
        std::vector<std::uint32_t> places;
        std::vector<std::int8_t> codes;
    };
    /// Quads of neighbouring inputs at every tap, packed alike.
    struct PackedStrip {
        std::size_t bits;           // 1 … 8
        std::size_t weights;        // where they begin
        std::size_t repeats;        // taps, or 1 where those of one tap follow those of the last
        std::size_t registers;      // of each repetition
        std::size_t target;         // where the first goes, bytes
        std::size_t target_stride;  // from one repetition to the next, bytes
        std::size_t first_exception, last_exception;
        int factor;  // this and the values as Codebook's
        std::array<std::int8_t, 16> values;
    };
    struct Panel {
        std::size_t first_run, last_run;
        std::size_t first_strip, last_strip;
    };

    void unpack(const PackedStrip& strip, std::int8_t* buffer) const;

    const Int8Kernels* kernels_ = nullptr;
    std::vector<Panel> panels_;
    std::vector<InputRun> runs_;
    std::vector<PackedStrip> strips_;
    AlignedVector<std::uint8_t> weights_;
    Exceptions exceptions_;
    std::size_t buffer_bytes_ = 0;
};

/// The panels, cut so that vectors of outputs without any weight but 0 are panels of their own, which have no runs.
std::vector<WeightPanel> without_zero_vectors(std::span<const WeightPanel> panels, std::span<const std::int8_t> codes,
                                              std::int64_t filter, std::int64_t width);

}  // namespace eigenbit::internal
