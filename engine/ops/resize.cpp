#include "engine/ops/resize.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

namespace eigenbit::internal {
namespace {

/// One axis: each output is a weighted sum of inputs.
struct Weights {
    struct Tap {
        std::int64_t position;
        float weight;

        bool operator==(const Tap&) const = default;
    };

    std::vector<Tap> taps;              // of all outputs, one after the other
    std::vector<std::size_t> first{0};  // of each output, and how many there are in all

    std::int64_t outputs() const { return static_cast<std::int64_t>(first.size()) - 1; }
    std::span<const Tap> of(std::int64_t output) const {
        const auto i = static_cast<std::size_t>(output);
        return std::span(taps).subspan(first[i], first[i + 1] - first[i]);
    }
    void end_output() { first.push_back(taps.size()); }

    /// The weights with which gradients go back.
    Weights transposed(std::int64_t inputs) const {
        std::vector<std::vector<Tap>> readers(static_cast<std::size_t>(inputs));
        for (std::int64_t output = 0; output < outputs(); ++output) {
            for (const Tap& tap : of(output)) {
                readers[static_cast<std::size_t>(tap.position)].push_back({output, tap.weight});
            }
        }
        Weights result;
        for (const std::vector<Tap>& taps_of_input : readers) {
            result.taps.insert(result.taps.end(), taps_of_input.begin(), taps_of_input.end());
            result.end_output();
        }
        return result;
    }
};

/// Where an output pixel lies in the input. With a scale it is computed in float32, as others do: then 1 / (1 / 3)
/// is 3.
double coordinate(const Resize& resize, float scale, std::int64_t output, std::int64_t inputs, std::int64_t outputs) {
    using Coordinates = Resize::Coordinates;
    const auto position = static_cast<double>(output);
    const auto unscaled = [&](double x) {
        if (scale != 0.0F) return static_cast<double>(static_cast<float>(x) / scale);
        return x * static_cast<double>(inputs) / static_cast<double>(outputs);
    };
    switch (resize.coordinates) {
    case Coordinates::half_pixel:
        return unscaled(position + 0.5) - 0.5;
    case Coordinates::half_pixel_symmetric: {
        const double exact = scale == 0.0F ? static_cast<double>(outputs) : double{scale} * static_cast<double>(inputs);
        const double adjustment = static_cast<double>(outputs) / exact;
        return static_cast<double>(inputs) / 2.0 * (1.0 - adjustment) + unscaled(position + 0.5) - 0.5;
    }
    case Coordinates::pytorch_half_pixel:
        return outputs > 1 ? unscaled(position + 0.5) - 0.5 : 0.0;
    case Coordinates::align_corners:
        return outputs > 1 ? position * static_cast<double>(inputs - 1) / static_cast<double>(outputs - 1) : 0.0;
    case Coordinates::asymmetric:
        return unscaled(position);
    }
    return 0.0;
}

std::int64_t rounded(Resize::Rounding rounding, double x) {
    switch (rounding) {
    case Resize::Rounding::prefer_floor:
        return static_cast<std::int64_t>(std::ceil(x - 0.5));
    case Resize::Rounding::prefer_ceil:
        return static_cast<std::int64_t>(std::floor(x + 0.5));
    case Resize::Rounding::floor:
        return static_cast<std::int64_t>(std::floor(x));
    case Resize::Rounding::ceil:
        return static_cast<std::int64_t>(std::ceil(x));
    }
    return 0;
}

/// Keys' kernel at a distance.
double cubic(double a, double distance) {
    const double d = std::abs(distance);
    if (d <= 1.0) return ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
    if (d < 2.0) return ((d - 5.0) * d + 8.0) * a * d - 4.0 * a;
    return 0.0;
}

Weights weights(const Resize& resize, float scale, std::int64_t inputs, std::int64_t outputs) {
    Weights result;
    const auto add = [&](std::int64_t position, double weight) {
        position = std::clamp<std::int64_t>(position, 0, inputs - 1);
        if (weight == 0.0) return;
        const bool is_new = result.taps.size() == result.first.back() || result.taps.back().position != position;
        if (is_new) {
            result.taps.push_back({position, static_cast<float>(weight)});
        } else {
            result.taps.back().weight += static_cast<float>(weight);
        }
    };
    for (std::int64_t output = 0; output < outputs; ++output) {
        const double x = coordinate(resize, scale, output, inputs, outputs);
        const auto left = static_cast<std::int64_t>(std::floor(x));
        const double fraction = x - static_cast<double>(left);
        if (resize.mode == Resize::Mode::nearest) {
            add(rounded(resize.rounding, x), 1.0);
        } else if (resize.mode == Resize::Mode::linear) {
            if (left >= 0 && left + 1 < inputs) {
                add(left, 1.0 - fraction);
                add(left + 1, fraction);
            } else {
                add(left, 1.0);
            }
        } else {
            const auto counts = [&](std::int64_t tap) {
                return !resize.exclude_outside || (left + tap >= 0 && left + tap < inputs);
            };
            double sum = 0.0;
            for (std::int64_t tap = -1; tap <= 2; ++tap) {
                if (counts(tap)) sum += cubic(resize.cubic_coefficient, static_cast<double>(tap) - fraction);
            }
            for (std::int64_t tap = -1; tap <= 2; ++tap) {
                if (!counts(tap)) continue;
                add(left + tap, cubic(resize.cubic_coefficient, static_cast<double>(tap) - fraction) / sum);
            }
        }
        result.end_output();
    }
    return result;
}

struct ImageWeights {
    Weights rows;
    Weights columns;

    ImageWeights(const Resize& resize, const Shape& x, const Shape& y)
        : rows(weights(resize, resize.height_scale, x[1], y[1])),
          columns(weights(resize, resize.width_scale, x[2], y[2])) {}
    ImageWeights(Weights of_rows, Weights of_columns) : rows(std::move(of_rows)), columns(std::move(of_columns)) {}
};

bool is_copy(std::span<const Weights::Tap> taps) { return taps.size() == 1 && taps.front().weight == 1.0F; }

/// to = Σ weight · the run that starts at position · stride, or has it added.
template <bool kAdds>
void combine(std::span<const Weights::Tap> taps, const float* from, std::int64_t stride, std::int64_t count,
             float* __restrict to) {
    const auto run = [&](std::size_t tap) { return from + taps[tap].position * stride; };
    std::size_t tap = 0;
    if constexpr (!kAdds) {
        if (taps.size() < 2) {
            const float* const __restrict a = taps.empty() ? nullptr : run(0);
            for (std::int64_t i = 0; i < count; ++i) to[i] = a == nullptr ? 0.0F : taps[0].weight * a[i];
            return;
        }
        const float* const __restrict a = run(0);
        const float* const __restrict b = run(1);
        const float of_a = taps[0].weight;
        const float of_b = taps[1].weight;
        for (std::int64_t i = 0; i < count; ++i) to[i] = of_a * a[i] + of_b * b[i];
        tap = 2;
    }
    for (; tap < taps.size(); ++tap) {
        const float* const __restrict a = run(tap);
        const float weight = taps[tap].weight;
        for (std::int64_t i = 0; i < count; ++i) to[i] += weight * a[i];
    }
}

/// A row of pixels of the weights' sums of other pixels, or has them added. Pixels of few channels, whose number is
/// known where this is compiled, take no loop.
template <bool kAdds, std::int64_t kChannels>
void combine_pixels(const Weights& columns, const float* from, std::int64_t channels, float* __restrict to) {
    for (std::int64_t column = 0; column < columns.outputs(); ++column, to += channels) {
        const std::span taps = columns.of(column);
        if constexpr (kChannels == 0) {
            combine<kAdds>(taps, from, channels, channels, to);
        } else {
            std::array<float, kChannels> sums{};
            for (const Weights::Tap& tap : taps) {
                for (std::int64_t c = 0; c < kChannels; ++c) {
                    sums[static_cast<std::size_t>(c)] += tap.weight * from[tap.position * kChannels + c];
                }
            }
            for (std::int64_t c = 0; c < kChannels; ++c) {
                to[c] = sums[static_cast<std::size_t>(c)] + (kAdds ? to[c] : 0.0F);
            }
        }
    }
}

/// Calls body with the number of channels where there are few, else 0, as a constant.
void with_few_channels(std::int64_t channels, const auto& body) {
    switch (channels) {
    case 1:
        return body(std::integral_constant<std::int64_t, 1>());
    case 2:
        return body(std::integral_constant<std::int64_t, 2>());
    case 3:
        return body(std::integral_constant<std::int64_t, 3>());
    case 4:
        return body(std::integral_constant<std::int64_t, 4>());
    default:
        return body(std::integral_constant<std::int64_t, 0>());
    }
}

/// target = what the weights make of the source (N, H, W, C), or has it added.
template <bool kAdds>
void resample(const ImageWeights& weights, ConstView source, View target) {
    const Shape& x = source.shape;
    const Shape& y = target.shape;
    const std::int64_t channels = x[3];
    const std::int64_t x_row = x[2] * channels;
    const std::int64_t y_row = y[2] * channels;
    for_each_chunk(y[0] * y[1], x_row + 2 * y_row, [&](std::int64_t begin, std::int64_t end) {
        std::vector<float> buffer(static_cast<std::size_t>(x_row));
        for (std::int64_t row = begin; row < end; ++row) {
            const std::span taps = weights.rows.of(row % y[1]);
            const float* const image = source.data + row / y[1] * x[1] * x_row;
            float* const to = target.data + row * y_row;
            if (!kAdds && row > begin && row % y[1] != 0 && is_copy(taps)
                && std::ranges::equal(taps, weights.rows.of(row % y[1] - 1))) {
                std::copy_n(to - y_row, y_row, to);
                continue;
            }
            if (kAdds && taps.empty()) continue;
            const float* from = buffer.data();
            if (is_copy(taps)) {
                from = image + taps.front().position * x_row;
            } else {
                combine<false>(taps, image, x_row, x_row, buffer.data());
            }
            with_few_channels(channels,
                              [&](auto few) { combine_pixels<kAdds, few>(weights.columns, from, channels, to); });
        }
    });
}

/// The same where each output is one input.
template <typename Element>
void move_elements(const Resize& resize, const auto& arguments) {
    const auto source = arguments.inputs[0];
    const auto target = arguments.outputs[0];
    const Shape& x = source.shape;
    const Shape& y = target.shape;
    const ImageWeights weights(resize, x, y);
    const std::int64_t channels = x[3];
    const std::int64_t y_row = y[2] * channels;
    for_each_chunk(y[0] * y[1], y_row, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
            const std::int64_t position = weights.rows.of(row % y[1]).front().position;
            Element* to = target.data + row * y_row;
            if (row > begin && row % y[1] != 0 && weights.rows.of(row % y[1] - 1).front().position == position) {
                std::copy_n(to - y_row, y_row, to);
                continue;
            }
            const Element* from = source.data + (row / y[1] * x[1] + position) * x[2] * channels;
            with_few_channels(channels, [&](auto few) {
                const std::int64_t count = few == 0 ? channels : few;
                for (const Weights::Tap& tap : weights.columns.taps) {  // one for each column
                    std::copy_n(from + tap.position * count, count, to);
                    to += count;
                }
            });
        }
    });
}

std::int64_t scaled(float scale, Resize::Coordinates coordinates, std::int64_t extent) {
    constexpr float kLargest = 1 << 20;
    const float exact = scale * static_cast<float>(extent);
    if (!(exact < kLargest)) fail("Resize by a scale of {} makes {} pixels too many.", scale, extent);
    const float whole = std::floor(exact);
    if (whole < 1.0F) fail("Resize by a scale of {} leaves nothing of {} pixels.", scale, extent);
    if (whole != exact && coordinates == Resize::Coordinates::align_corners) {
        fail("Resize by a scale of {} makes {} of {} pixels, but align_corners needs a whole number.", scale, exact,
             extent);
    }
    return static_cast<std::int64_t>(whole);
}

}  // namespace

std::vector<Shape> infer_shapes(const Resize& resize, std::span<const Shape> inputs) {
    const bool has_size = resize.size[0] != 0 || resize.size[1] != 0;
    const std::size_t expected = has_size || resize.has_scales() ? 1 : 2;
    expect_inputs(resize.kType, inputs, expected, expected);
    for (const Shape& input : inputs) {
        if (input.rank() != 4) fail("Resize takes an image batch of 4 dimensions, not {}.", to_string(input));
    }
    const Shape& x = inputs[0];
    if (x[1] == 0 || x[2] == 0) fail("Resize has no pixels of {} to begin with.", to_string(x));
    if (expected == 2) return {Shape{x[0], inputs[1][1], inputs[1][2], x[3]}};
    if (has_size) {
        constexpr std::int64_t kLargest = 1 << 20;
        for (const std::int64_t extent : resize.size) {
            if (extent < 1 || extent > kLargest) fail("Resize to {} pixels is out of range.", extent);
        }
        if (resize.has_scales()) fail("Resize has both a size and scales.");
        return {Shape{x[0], resize.size[0], resize.size[1], x[3]}};
    }
    for (const float scale : {resize.height_scale, resize.width_scale}) {
        if (!(scale > 0.0F)) fail("Resize has the scale {}.", scale);
    }
    return {Shape{x[0], scaled(resize.height_scale, resize.coordinates, x[1]),
                  scaled(resize.width_scale, resize.coordinates, x[2]), x[3]}};
}

void forward(const Resize& resize, const ForwardArguments& arguments) {
    if (resize.mode == Resize::Mode::nearest) return move_elements<float>(resize, arguments);
    const ConstView x = arguments.inputs[0];
    const View y = arguments.outputs[0];
    resample<false>(ImageWeights(resize, x.shape, y.shape), x, y);
}

void forward(const Resize& resize, const ByteForwardArguments& arguments) {
    move_elements<std::uint8_t>(resize, arguments);
}

void backward(const Resize& resize, const BackwardArguments& arguments) {
    const View dx = arguments.input_gradients[0];
    const ConstView dy = arguments.output_gradients[0];
    if (dx.data == nullptr) return;
    const ImageWeights weights(resize, dx.shape, dy.shape);
    resample<true>({weights.rows.transposed(dx.shape[1]), weights.columns.transposed(dx.shape[2])}, dy, dx);
}

}  // namespace eigenbit::internal
