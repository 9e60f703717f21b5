#include "engine/kernels/f32/winograd_weights.h"

#include "engine/kernels/f32/winograd_tiling.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

// See winograd_transforms.h for the points. Each one's row of G is (1, p, p²) over the product of its distances from
// the others: 1 for 0, −3/2 for ±√½, 6 for ±√2.
constexpr float kNear = 0.70710678118654752F;
constexpr float kFar = 1.4142135623730950F;
constexpr float kNearShare = -2.0F / 3.0F;
constexpr float kFarShare = 1.0F / 6.0F;

constexpr std::size_t kStrip = 64;  // weights that are transformed together
using PackedStrip = std::array<float, kStrip>;

/// G: three taps in, six points out.
void taps_to_points(const PackedStrip& a, const PackedStrip& b, const PackedStrip& c,
                    std::array<PackedStrip, 6>& points) {
    for (std::size_t i = 0; i < kStrip; ++i) {
        const float even_near = kNearShare * (a[i] + 0.5F * c[i]);
        const float odd_near = kNearShare * kNear * b[i];
        const float even_far = kFarShare * (a[i] + 2.0F * c[i]);
        const float odd_far = kFarShare * kFar * b[i];
        points[0][i] = a[i];
        points[1][i] = even_near + odd_near;
        points[2][i] = even_near - odd_near;
        points[3][i] = even_far + odd_far;
        points[4][i] = even_far - odd_far;
        points[5][i] = c[i];
    }
}

/// Gᵀ: six points in, three taps out.
void points_to_taps(const std::array<PackedStrip, 6>& points, std::array<PackedStrip, 3>& taps) {
    for (std::size_t i = 0; i < kStrip; ++i) {
        const float near_sum = kNearShare * (points[1][i] + points[2][i]);
        const float near_difference = kNearShare * (points[1][i] - points[2][i]);
        const float far_sum = kFarShare * (points[3][i] + points[4][i]);
        const float far_difference = kFarShare * (points[3][i] - points[4][i]);
        taps[0][i] = points[0][i] + near_sum + far_sum;
        taps[1][i] = kNear * near_difference + kFar * far_difference;
        taps[2][i] = 0.5F * near_sum + 2.0F * far_sum + points[5][i];
    }
}

/// points (36, stride) of `count` neighbouring weights, at most a strip, from taps (9, stride).
void strip_to_points(const float* taps, std::int64_t count, std::int64_t stride, float* points) {
    std::array<std::array<PackedStrip, 6>, 3> halfway;  // by column of taps, by row of points
    for (std::size_t column = 0; column < 3; ++column) {
        std::array<PackedStrip, 3> rows{};
        for (std::size_t row = 0; row < 3; ++row) {
            std::copy_n(taps + static_cast<std::int64_t>(3 * row + column) * stride, count, rows[row].data());
        }
        taps_to_points(rows[0], rows[1], rows[2], halfway[column]);
    }
    for (std::size_t row = 0; row < 6; ++row) {
        std::array<PackedStrip, 6> values;
        taps_to_points(halfway[0][row], halfway[1][row], halfway[2][row], values);
        for (std::size_t column = 0; column < 6; ++column) {
            std::copy_n(values[column].data(), count, points + static_cast<std::int64_t>(6 * row + column) * stride);
        }
    }
}

void strip_to_taps(const float* points, std::int64_t count, std::int64_t stride, float* taps) {
    std::array<std::array<PackedStrip, 6>, 3> halfway;  // by row of taps, by column of points
    for (std::size_t column = 0; column < 6; ++column) {
        std::array<PackedStrip, 6> values{};
        for (std::size_t row = 0; row < 6; ++row) {
            std::copy_n(points + static_cast<std::int64_t>(6 * row + column) * stride, count, values[row].data());
        }
        std::array<PackedStrip, 3> rows;
        points_to_taps(values, rows);
        for (std::size_t row = 0; row < 3; ++row) halfway[row][column] = rows[row];
    }
    for (std::size_t row = 0; row < 3; ++row) {
        std::array<PackedStrip, 3> values;
        points_to_taps(halfway[row], values);
        for (std::size_t column = 0; column < 3; ++column) {
            std::copy_n(values[column].data(), count, taps + static_cast<std::int64_t>(3 * row + column) * stride);
        }
    }
}

/// Calls visit(begin, count) for all strips of 0 … count-1.
template <typename Visit>
void for_each_strip(std::int64_t count, const Visit& visit) {
    constexpr auto kLength = static_cast<std::int64_t>(kStrip);
    tbb::parallel_for(std::int64_t{0}, (count + kLength - 1) / kLength,
                      [&](std::int64_t strip) { visit(strip * kLength, std::min(kLength, count - strip * kLength)); });
}

}  // namespace

void WinogradWeights::pack_forward(const ConvolutionGeometry& geometry, const float* weights,
                                   const CpuImplementation& implementation) {
    pack_forward_weights(geometry, weights, taps_, implementation);
    transform(geometry.i);
}

void WinogradWeights::pack_input_gradient(const ConvolutionGeometry& geometry, const float* weights,
                                          const CpuImplementation& implementation) {
    pack_input_gradient_weights(geometry, weights, taps_, implementation);
    transform(geometry.o);
}

std::int64_t WinogradWeights::bytes() const {
    return taps_.bytes() + points_.elements() * static_cast<std::int64_t>(sizeof(float));
}

const float* WinogradWeights::weights(std::int64_t point, const WeightPanel& panel) const {
    const auto width = static_cast<std::int64_t>(implementation().convolution->width);
    return points_.data() + (kWinogradPoints * panel.vectors_before + point * panel.vectors) * inputs_ * width;
}

void WinogradWeights::transform(std::int64_t inputs) {
    implementation_ = &taps_.implementation();
    panels_.assign(taps_.panels().begin(), taps_.panels().end());
    inputs_ = inputs;
    const auto width = static_cast<std::int64_t>(implementation().convolution->width);
    const std::int64_t size = kWinogradPoints * inputs * total_vectors(panels()) * width;
    if (points_.elements() != size) points_ = Tensor(Shape{size});
    for (const WeightPanel& panel : panels()) {
        const std::int64_t count = inputs * panel.vectors * width;
        const float* const taps = this->taps(panel);
        float* const points = points_.data() + kWinogradPoints * panel.vectors_before * inputs * width;
        for_each_strip(count, [&](std::int64_t begin, std::int64_t length) {
            strip_to_points(taps + begin, length, count, points + begin);
        });
    }
}

void winograd_tap_gradients(const float* points, std::int64_t count, float* taps) {
    for_each_strip(count, [&](std::int64_t begin, std::int64_t length) {
        strip_to_taps(points + begin, length, count, taps + begin);
    });
}

}  // namespace eigenbit::internal
