#pragma once

#include "engine/kernels/f32/packed_weights.h"

#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// The weights of a 3×3 convolution at the 36 points of Winograd's F(4×4, 3×3): for each panel and point,
/// (inputs, vectors * width) floats; and as they are, for tiles that go by plain sums.
class WinogradWeights {
  public:
    /// Weights (O, 3, 3, I) as winograd_forward reads them. Memory is kept where the size allows.
    void pack_forward(const ConvolutionGeometry& geometry, const float* weights,
                      const CpuImplementation& implementation = active_cpu_implementation());
    /// The same for winograd_input_gradient.
    void pack_input_gradient(const ConvolutionGeometry& geometry, const float* weights,
                             const CpuImplementation& implementation = active_cpu_implementation());

    std::int64_t bytes() const;
    const CpuImplementation& implementation() const { return *implementation_; }
    std::span<const WeightPanel> panels() const { return panels_; }
    const float* weights(std::int64_t point, const WeightPanel& panel) const;
    const float* taps(const WeightPanel& panel) const { return taps_.weights(0, 9 * inputs_, panel); }

  private:
    void transform(std::int64_t inputs);

    PackedWeights taps_;
    const CpuImplementation* implementation_ = nullptr;
    std::vector<WeightPanel> panels_;
    Tensor points_;
    std::int64_t inputs_ = 0;
};

/// taps (9, count) = the gradients of taps whose values at the points have the gradients (36, count).
void winograd_tap_gradients(const float* points, std::int64_t count, float* taps);

}  // namespace eigenbit::internal
