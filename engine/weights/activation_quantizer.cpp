#include "engine/weights/activation_quantizer.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

constexpr int kMostBitDepth = 16;
constexpr float kLargestStep = 0x1p60F;

}  // namespace

void validate(const ActivationQuantizer& grid) {
    if (grid.bit_depth < 1 || grid.bit_depth > kMostBitDepth) {
        fail("Activations are rounded to bit depth {}, expected 1 to {}.", grid.bit_depth, kMostBitDepth);
    }
    if (!(grid.step > 0.0F && grid.step <= kLargestStep)) {
        fail("Activations are rounded to the step {}, expected a number above 0, at most {}.", grid.step, kLargestStep);
    }
    if (grid.zero_point < 0 || grid.zero_point > grid.largest_level()) {
        fail("Activations of bit depth {} have the zero point {}, expected 0 to {}.", grid.bit_depth, grid.zero_point,
             grid.largest_level());
    }
}

std::int32_t level_of(const ActivationQuantizer& grid, float value) {
    const float steps = value / grid.step;
    const auto least = static_cast<float>(-grid.zero_point);
    const auto most = static_cast<float>(grid.largest_level() - grid.zero_point);
    return grid.zero_point + static_cast<std::int32_t>(std::nearbyint(steps > least ? std::min(steps, most) : least));
}

void fake_quantize(const ActivationQuantizer& grid, ConstView values, View rounded) {
    // Adding it makes the last bit of a float that is small beside it a 1: the sum is rounded to an integer, to even.
    constexpr float kRounder = 0x1.8p23F;
    const auto least = static_cast<float>(-grid.zero_point);
    const auto most = static_cast<float>(grid.largest_level() - grid.zero_point);
    for_each_chunk(values.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const float steps = values[i] / grid.step;
            const float raised = steps < least ? least : steps;
            const float clipped = raised > most ? most : raised;
            rounded[i] = grid.step * ((clipped + kRounder) - kRounder);
        }
    });
}

}  // namespace eigenbit::internal
