#pragma once

#include "engine/base/tensor.h"
#include "engine/kernels/cpu.h"
#include "engine/kernels/loops/convolution_geometry.h"
#include "engine/kernels/loops/weight_panels.h"

#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Convolution weights in the order in which the kernels of one CPU implementation read them: for each pass, for each
/// panel, (depth, vectors * width) floats, zero where a panel has fewer channels.
class PackedWeights {
  public:
    bool empty() const { return values_.empty(); }
    std::int64_t bytes() const { return values_.elements() * static_cast<std::int64_t>(sizeof(float)); }
    const CpuImplementation& implementation() const { return *implementation_; }
    std::span<const WeightPanel> panels() const { return panels_; }
    /// The weights of a pass, `depth` deep.
    const float* weights(std::size_t pass, std::int64_t depth, const WeightPanel& panel) const {
        return values_.data() + passes_[pass] + depth * panel.vectors_before * width();
    }

  private:
    friend void pack_forward_weights(const ConvolutionGeometry&, const float*, PackedWeights&,
                                     const CpuImplementation&);
    friend void pack_input_gradient_weights(const ConvolutionGeometry&, const float*, PackedWeights&,
                                            const CpuImplementation&);

    std::int64_t width() const { return static_cast<std::int64_t>(implementation_->convolution->width); }
    void pack(const ConvolutionGeometry& geometry, bool gradient, const float* weights,
              const CpuImplementation& implementation);

    const CpuImplementation* implementation_ = nullptr;
    std::vector<WeightPanel> panels_;
    std::vector<std::int64_t> passes_;  // where each begins
    Tensor values_;
};

/// Packs weights (O, KH, KW, I / groups). `packed` keeps its memory where the size allows, so that packing every
/// training step is cheap. Only kernel size, channels, groups, stride and dilation of the geometry count.
void pack_forward_weights(const ConvolutionGeometry& geometry, const float* weights, PackedWeights& packed,
                          const CpuImplementation& implementation = active_cpu_implementation());

/// The same for convolution_input_gradient: channels exchanged, taps flipped and divided into the stride's phases.
void pack_input_gradient_weights(const ConvolutionGeometry& geometry, const float* weights, PackedWeights& packed,
                                 const CpuImplementation& implementation = active_cpu_implementation());

/// dw (O, KH, KW, I / groups) = or, when `accumulate`, += sums that are laid out like forward weights.
void unpack_weight_sums(const ConvolutionGeometry& geometry, std::span<const WeightPanel> panels, std::int64_t width,
                        const float* sums, bool accumulate, float* dw);

}  // namespace eigenbit::internal
