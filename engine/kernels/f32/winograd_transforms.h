// The text of Winograd's transforms; see f32/forward_tiles.h. F(4×4, 3×3) with the points 0, ±√½, ±√2, ∞ (Lavin
// and Gray, "Fast algorithms for convolutional neural networks", 2016, there with 0, ±1, ±2, ∞, which lose two bits
// more): outputs are Aᵀ((G g Gᵀ) ⊙ (Bᵀ d B))A. All of it is done for vectors of channels at once.

constexpr float kNear = 0.70710678118654752F;
constexpr float kFar = 1.4142135623730950F;

inline Register number(float value) { return Vector::broadcast(&value); }

/// Bᵀ: six pixels in, six points out.
[[gnu::always_inline]] inline void source_to_points(Register (&v)[6]) {
    const Register zero = Vector::fma(number(-2.5F), v[2], Vector::add(v[0], v[4]));
    const Register infinity = Vector::fma(number(-2.5F), v[3], Vector::add(v[1], v[5]));
    const Register even_near = Vector::fma(number(-2.0F), v[2], v[4]);
    const Register odd_near = Vector::fma(number(-2.0F), v[1], v[3]);
    const Register even_far = Vector::fma(number(-0.5F), v[2], v[4]);
    const Register odd_far = Vector::fma(number(-0.5F), v[1], v[3]);
    v[0] = zero;
    v[1] = Vector::fma(number(kNear), odd_near, even_near);
    v[2] = Vector::fma(number(-kNear), odd_near, even_near);
    v[3] = Vector::fma(number(kFar), odd_far, even_far);
    v[4] = Vector::fma(number(-kFar), odd_far, even_far);
    v[5] = infinity;
}

/// A: four pixels in, six points out.
[[gnu::always_inline]] inline void gradient_to_points(Register (&v)[6]) {
    const Register even_near = Vector::fma(number(0.5F), v[2], v[0]);
    const Register odd_near = Vector::fma(number(0.5F), v[3], v[1]);
    const Register even_far = Vector::fma(number(2.0F), v[2], v[0]);
    const Register odd_far = Vector::fma(number(2.0F), v[3], v[1]);
    v[5] = v[3];
    v[1] = Vector::fma(number(kNear), odd_near, even_near);
    v[2] = Vector::fma(number(-kNear), odd_near, even_near);
    v[3] = Vector::fma(number(kFar), odd_far, even_far);
    v[4] = Vector::fma(number(-kFar), odd_far, even_far);
}

/// Aᵀ: six points in, four pixels out.
[[gnu::always_inline]] inline void points_to_output(Register (&v)[6]) {
    const Register minus = number(-1.0F);
    const Register near_sum = Vector::add(v[1], v[2]);
    const Register near_difference = Vector::fma(minus, v[2], v[1]);
    const Register far_sum = Vector::add(v[3], v[4]);
    const Register far_difference = Vector::fma(minus, v[4], v[3]);
    // The far points' odd powers are twice and eight halves of the near ones'.
    const Register first = Vector::fma(number(2.0F), far_difference, near_difference);
    const Register third = Vector::fma(number(8.0F), far_difference, near_difference);
    v[0] = Vector::add(v[0], Vector::add(near_sum, far_sum));
    v[1] = Vector::fma(number(kNear), first, Vector::zero());
    v[2] = Vector::fma(number(2.0F), far_sum, Vector::fma(number(0.5F), near_sum, Vector::zero()));
    v[3] = Vector::fma(number(0.5F * kNear), third, v[5]);
}

/// A vector of channels, whole or not.
template <bool kWhole>
struct Lanes {
    Vector::Mask mask;

    Register load(const float* from) const { return kWhole ? Vector::load(from) : Vector::load(from, mask); }
    void store(float* to, Register values) const {
        kWhole ? Vector::store(to, values) : Vector::store(to, mask, values);
    }
};

/// Calls visit(first channel, lanes) for every vector of channels. (Masked stores are slow.)
template <typename Visit>
[[gnu::always_inline]] inline void for_each_vector(size_t channels, const Visit& visit) {
    size_t channel = 0;
    for (; channel + Vector::kWidth <= channels; channel += Vector::kWidth) visit(channel, Lanes<true>{});
    if (channel < channels) visit(channel, Lanes<false>{Vector::mask(channels - channel)});
}

/// kPixels × kPixels pixels to 6×6 points: transform along columns, then along rows, each of which visit(row, points)
/// sees.
template <size_t kPixels, typename Transform, typename Visit>
[[gnu::always_inline]] inline void to_points(const WinogradInput& tile, const Transform& transform,
                                             const Visit& visit) {
    for_each_vector(
        tile.channels, [&](size_t channel, const auto& lanes) __attribute__((always_inline)) {
            Register halfway[kPixels][6];
#pragma GCC unroll 6
            for (size_t column = 0; column < kPixels; ++column) {
#pragma GCC unroll 6
                for (size_t row = 0; row < kPixels; ++row) {
                    halfway[column][row] = lanes.load(tile.pixels[row * kPixels + column] + channel);
                }
                transform(halfway[column]);
            }
#pragma GCC unroll 6
            for (size_t row = 0; row < 6; ++row) {
                Register v[6];
#pragma GCC unroll 6
                for (size_t column = 0; column < kPixels; ++column) v[column] = halfway[column][row];
                transform(v);
                visit(row, v);
                float* const to = tile.points + static_cast<ptrdiff_t>(6 * row) * tile.point_stride + channel;
#pragma GCC unroll 6
                for (size_t p = 0; p < 6; ++p) lanes.store(to + static_cast<ptrdiff_t>(p) * tile.point_stride, v[p]);
            }
        });
}

/// Looks at the nine points of 0, √½ and ∞: each pixel has a factor of 1 or more at one of them, and no two pixels have
/// factors at all nine that cancel each other out.
bool winograd_source(const WinogradInput& tile) {
    Vector::Magnitudes largest{};
    to_points<6>(
        tile, source_to_points, [&](size_t row, const Register(&v)[6]) __attribute__((always_inline)) {
            if (row != 0 && row != 1 && row != 5) return;
            largest = Vector::largest(largest, v[0]);
            largest = Vector::largest(largest, v[1]);
            largest = Vector::largest(largest, v[5]);
        });
    return Vector::at_most(largest, kLargestWinogradPoint);
}

void winograd_gradient(const WinogradInput& tile) {
    to_points<4>(tile, gradient_to_points, [](size_t, const Register(&)[6]) {});
}

void winograd_output(const WinogradOutput& tile) {
    for_each_vector(
        tile.channels, [&](size_t channel, const auto& lanes) __attribute__((always_inline)) {
            Register halfway[6][6];
#pragma GCC unroll 6
            for (size_t column = 0; column < 6; ++column) {
#pragma GCC unroll 6
                for (size_t row = 0; row < 6; ++row) {
                    const ptrdiff_t point = static_cast<ptrdiff_t>(6 * row + column);
                    halfway[column][row] = lanes.load(tile.points + point * tile.point_stride + channel);
                }
                points_to_output(halfway[column]);
            }
            const Register bias = tile.bias ? lanes.load(tile.bias + channel) : Vector::zero();
            const Register low = number(tile.low);
            const Register high = number(tile.high);
#pragma GCC unroll 4
            for (size_t row = 0; row < 4; ++row) {
                Register v[6];
#pragma GCC unroll 6
                for (size_t column = 0; column < 6; ++column) v[column] = halfway[column][row];
                points_to_output(v);
#pragma GCC unroll 4
                for (size_t column = 0; column < 4; ++column) {
                    const size_t pixel = 4 * row + column;
                    Register sum = Vector::add(v[column], bias);
                    if (tile.residuals) sum = Vector::add(sum, lanes.load(tile.residuals[pixel] + channel));
                    lanes.store(tile.pixels[pixel] + channel, Vector::clamp(sum, low, high));
                }
            }
        });
}
