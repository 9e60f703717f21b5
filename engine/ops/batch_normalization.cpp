#include "engine/ops/batch_normalization.h"

#include "engine/base/error.h"
#include "engine/ops/channel_lanes.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kMostChunks = 64;

/// Two numbers for every channel, gathered over rows.
struct ChannelPairs {
    std::vector<double> first;
    std::vector<double> second;
    std::int64_t rows = 0;

    explicit ChannelPairs(std::int64_t channels)
        : first(static_cast<std::size_t>(channels)), second(static_cast<std::size_t>(channels)) {}
};

/// Gathers the pairs of all rows: add_rows(begin, end, pairs) adds the rows of one chunk to its pairs, and
/// merge(pairs, other) one chunk to another. The chunks depend on the shape alone.
template <typename AddRows, typename Merge>
ChannelPairs gather(std::int64_t rows, std::int64_t channels, AddRows add_rows, Merge merge) {
    const std::int64_t chunks = std::clamp<std::int64_t>(rows * channels / kChunkElements, 1, kMostChunks);
    std::vector<ChannelPairs> pairs(static_cast<std::size_t>(chunks), ChannelPairs(channels));
    for_each_chunk(chunks, kChunkElements, [&](std::int64_t chunk, std::int64_t) {
        add_rows(chunk * rows / chunks, (chunk + 1) * rows / chunks, pairs[static_cast<std::size_t>(chunk)]);
    });
    for (std::size_t chunk = 1; chunk < pairs.size(); ++chunk) merge(pairs[0], pairs[chunk]);
    return std::move(pairs[0]);
}

void add_differences(std::int64_t count, const float* __restrict x, const float* __restrict center,
                     float* __restrict sum) {
    for (std::int64_t i = 0; i < count; ++i) sum[i] += x[i] - center[i];
}

void add_squares(std::int64_t count, const float* __restrict x, const float* __restrict center, float* __restrict sum) {
    for (std::int64_t i = 0; i < count; ++i) sum[i] += (x[i] - center[i]) * (x[i] - center[i]);
}

/// y = (x − mean) · factor + bias, plus the residual where there is one.
template <bool kResidual>
float normalized(float x, float mean, float factor, float bias, const float* residual, std::int64_t i) {
    const float y = (x - mean) * factor + bias;
    if constexpr (kResidual) return y + residual[i];
    return y;
}

/// The activation after a normalization.
enum class Limit { none, relu, clip };

Limit limit_of(const NormalizationTail& tail) {
    if (tail.activation == nullptr) return Limit::none;
    return tail.activation->kind == Activation::Kind::relu ? Limit::relu : Limit::clip;
}

/// The loops below read these at every lane. `residual` is of the element, not of the lane.
struct LanePointers {
    const float* mean;
    const float* factor;
    const float* bias;
    float low, high;  // of a clip
};

template <Limit kLimit, bool kResidual>
void normalize(std::int64_t count, const float* __restrict x, const float* __restrict residual, LanePointers lanes,
               float* __restrict y) {
    for (std::int64_t i = 0; i < count; ++i) {
        float value = normalized<kResidual>(x[i], lanes.mean[i], lanes.factor[i], lanes.bias[i], residual, i);
        const float low = kLimit == Limit::relu ? 0.0F : lanes.low;
        if constexpr (kLimit != Limit::none) value = value < low ? low : value;
        if constexpr (kLimit == Limit::clip) value = value > lanes.high ? lanes.high : value;
        y[i] = value;
    }
}

/// dy where the activation after the normalization lets it through: the normalization is computed again, which is
/// faster than to read its output.
template <Limit kLimit, bool kResidual>
float passed(float dy, float x, LanePointers lanes, const float* residual, std::int64_t i) {
    if constexpr (kLimit == Limit::none) return dy;
    const float y = normalized<kResidual>(x, lanes.mean[i], lanes.factor[i], lanes.bias[i], residual, i);
    if constexpr (kLimit == Limit::relu) return y > 0.0F ? dy : 0.0F;
    const float above = y >= lanes.low ? dy : 0.0F;
    return y <= lanes.high ? above : 0.0F;
}

template <Limit kLimit, bool kResidual>
void add_gradients(std::int64_t count, const float* __restrict x, const float* __restrict residual,
                   const float* __restrict dy, LanePointers lanes, float* __restrict sum, float* __restrict product) {
    for (std::int64_t i = 0; i < count; ++i) {
        const float g = passed<kLimit, kResidual>(dy[i], x[i], lanes, residual, i);
        sum[i] += g;
        product[i] += g * (x[i] - lanes.mean[i]);
    }
}

/// dx = or += factor · (g − offset − (x − mean) · slope), where g is what the activation passed.
template <Limit kLimit, bool kResidual, bool kSet>
void input_gradient(std::int64_t count, const float* __restrict x, const float* __restrict residual,
                    const float* __restrict dy, LanePointers lanes, const float* __restrict offset,
                    const float* __restrict slope, float* __restrict dx) {
    for (std::int64_t i = 0; i < count; ++i) {
        const float g = passed<kLimit, kResidual>(dy[i], x[i], lanes, residual, i);
        const float gradient = lanes.factor[i] * (g - offset[i] - (x[i] - lanes.mean[i]) * slope[i]);
        dx[i] = kSet ? gradient : dx[i] + gradient;
    }
}

/// to = or += what the activation passed.
template <Limit kLimit, bool kSet>
void residual_gradient(std::int64_t count, const float* __restrict x, const float* __restrict residual,
                       const float* __restrict dy, LanePointers lanes, float* __restrict to) {
    for (std::int64_t i = 0; i < count; ++i) {
        const float g = passed<kLimit, true>(dy[i], x[i], lanes, residual, i);
        to[i] = kSet ? g : to[i] + g;
    }
}

template <Limit kLimit>
using LimitConstant = std::integral_constant<Limit, kLimit>;

/// Calls visit(LimitConstant<limit>, std::bool_constant<whether there is a residual>) for the tail.
template <typename Visit>
void with_constants(const NormalizationTail& tail, const Visit& visit) {
    const auto with_limit = [&](auto has_residual) {
        switch (limit_of(tail)) {
        case Limit::none:
            return visit(LimitConstant<Limit::none>{}, has_residual);
        case Limit::relu:
            return visit(LimitConstant<Limit::relu>{}, has_residual);
        case Limit::clip:
            return visit(LimitConstant<Limit::clip>{}, has_residual);
        }
    };
    if (tail.residual != nullptr) return with_limit(std::true_type{});
    return with_limit(std::false_type{});
}

/// Joins means and sums of squared deviations with those of `rows` other values (Chan, Golub and LeVeque, "Updating
/// formulae and a pairwise algorithm for computing sample variances", 1979).
void join_moments(ChannelPairs& pairs, const ChannelPairs& other) {
    if (other.rows == 0) return;
    const double share = static_cast<double>(other.rows) / static_cast<double>(pairs.rows + other.rows);
    const double weight = share * static_cast<double>(pairs.rows);
    for (std::size_t c = 0; c < pairs.first.size(); ++c) {
        const double difference = other.first[c] - pairs.first[c];
        pairs.first[c] += share * difference;
        pairs.second[c] += other.second[c] + difference * difference * weight;
    }
    pairs.rows += other.rows;
}

/// The mean of every channel and its sum of squared deviations from it.
ChannelPairs moments(ConstView x) {
    const std::int64_t channels = x.shape.back();
    const auto add_rows = [&](std::int64_t begin, std::int64_t end, ChannelPairs& pairs) {
        TiledChannels center(channels);
        TiledChannels sums(channels);
        ChannelPairs block(channels);
        for_each_block(begin, end, channels, [&](std::int64_t first, std::int64_t elements) {
            block.rows = elements / channels;
            const float* values = x.data + first;
            // Differences from some value of the channel are small, however large its mean.
            std::copy_n(values, channels, center.data());
            center.repeat();
            sums.clear();
            for_each_stretch(elements, sums.length(), [&](std::int64_t offset, std::int64_t count) {
                add_differences(count, values + offset, center.data(), sums.data());
            });
            sums.fold();
            for (std::int64_t c = 0; c < channels; ++c) {
                double& mean = block.first[static_cast<std::size_t>(c)];
                mean = static_cast<double>(center.data()[c])
                       + static_cast<double>(sums.data()[c]) / static_cast<double>(block.rows);
                center.data()[c] = static_cast<float>(mean);
            }
            center.repeat();
            sums.clear();
            for_each_stretch(elements, sums.length(), [&](std::int64_t offset, std::int64_t count) {
                add_squares(count, values + offset, center.data(), sums.data());
            });
            sums.fold();
            std::copy_n(sums.data(), channels, block.second.begin());
            join_moments(pairs, block);
        });
    };
    return gather(x.elements() / channels, channels, add_rows, join_moments);
}

/// What every lane of a normalization reads.
struct NormalizationLanes {
    TiledChannels means, factors, biases;

    LanePointers pointers(const NormalizationTail& tail) const {
        const Activation activation = tail.activation != nullptr ? *tail.activation : Activation{};
        return {means.data(), factors.data(), biases.data(), activation.alpha, activation.beta};
    }
};

/// The sums of g and of g · (x − mean) of every channel, g being what the tail passes of dy.
ChannelPairs gradient_sums(ConstView x, ConstView dy, const NormalizationLanes& lanes, const NormalizationTail& tail) {
    const std::int64_t channels = x.shape.back();
    const auto add_rows = [&](std::int64_t begin, std::int64_t end, ChannelPairs& pairs) {
        TiledChannels sums(channels);
        TiledChannels products(channels);
        for_each_block(begin, end, channels, [&](std::int64_t first, std::int64_t elements) {
            sums.clear();
            products.clear();
            with_constants(tail, [&](auto limit, auto has_residual) {
                for_each_stretch(elements, sums.length(), [&](std::int64_t offset, std::int64_t count) {
                    const std::int64_t at = first + offset;
                    add_gradients<limit, has_residual>(count, x.data + at, has_residual ? tail.residual + at : nullptr,
                                                       dy.data + at, lanes.pointers(tail), sums.data(),
                                                       products.data());
                });
            });
            sums.fold();
            products.fold();
            for (std::size_t c = 0; c < pairs.first.size(); ++c) {
                pairs.first[c] += static_cast<double>(sums.data()[c]);
                pairs.second[c] += static_cast<double>(products.data()[c]);
            }
        });
    };
    const auto merge = [](ChannelPairs& pairs, const ChannelPairs& other) {
        for (std::size_t c = 0; c < pairs.first.size(); ++c) {
            pairs.first[c] += other.first[c];
            pairs.second[c] += other.second[c];
        }
    };
    return gather(x.elements() / channels, channels, add_rows, merge);
}

double inverse_deviation(const BatchNormalization& batch_normalization, float variance) {
    return 1.0 / std::sqrt(static_cast<double>(variance) + static_cast<double>(batch_normalization.epsilon));
}

NormalizationLanes lanes_of(const BatchNormalization& batch_normalization, std::span<const ConstView> inputs,
                            const float* mean, const float* variance) {
    const std::int64_t channels = inputs[0].shape.back();
    return {TiledChannels(channels, [&](std::int64_t c) { return mean[c]; }),
            TiledChannels(channels,
                          [&](std::int64_t c) {
                              return static_cast<double>(inputs[1][c])
                                     * inverse_deviation(batch_normalization, variance[c]);
                          }),
            TiledChannels(channels, [&](std::int64_t c) { return inputs[2][c]; })};
}

}  // namespace

std::vector<Shape> infer_shapes(const BatchNormalization& batch_normalization, std::span<const Shape> inputs) {
    expect_inputs(batch_normalization.kType, inputs, 5, 5);
    const Shape& x = inputs[0];
    if (x.rank() < 1 || x.back() < 1) fail("BatchNormalization has no channels in its input {}.", to_string(x));
    for (const Shape& parameter : inputs.subspan(1)) {
        if (parameter == Shape{x.back()}) continue;
        fail("BatchNormalization has a parameter of shape {}, expected ({}).", to_string(parameter), x.back());
    }
    if (!(batch_normalization.epsilon >= 0.0F)) {
        fail("BatchNormalization has the epsilon {}, expected at least 0.", batch_normalization.epsilon);
    }
    return {x};
}

ChannelAffine channel_affine(const BatchNormalization& batch_normalization, std::span<const ConstView> inputs) {
    using Op = BatchNormalization;
    ChannelAffine affine;
    for (std::int64_t c = 0; c < inputs[Op::kScale].elements(); ++c) {
        const double factor = inverse_deviation(batch_normalization, inputs[Op::kVariance][c]);
        affine.scale.push_back(static_cast<double>(inputs[Op::kScale][c]) * factor);
        affine.shift.push_back(static_cast<double>(inputs[Op::kBias][c])
                               - static_cast<double>(inputs[Op::kMean][c]) * affine.scale.back());
    }
    return affine;
}

Shape saved_shape(const BatchNormalization&, std::span<const Shape> inputs) { return Shape{2, inputs[0].back()}; }

void forward(const BatchNormalization& batch_normalization, const ForwardArguments& arguments,
             const NormalizationTail& tail) {
    const ConstView x = arguments.inputs[0];
    const std::int64_t channels = x.shape.back();
    const float* mean = arguments.inputs[3].data;
    const float* variance = arguments.inputs[4].data;
    if (arguments.training) {
        const ChannelPairs pairs = moments(x);
        for (std::int64_t c = 0; c < channels; ++c) {
            const auto i = static_cast<std::size_t>(c);
            arguments.saved[c] = static_cast<float>(pairs.first[i]);
            arguments.saved[channels + c] =
                static_cast<float>(pairs.second[i] / static_cast<double>(std::max<std::int64_t>(pairs.rows, 1)));
        }
        mean = arguments.saved.data;
        variance = arguments.saved.data + channels;
    }
    const NormalizationLanes all = lanes_of(batch_normalization, arguments.inputs, mean, variance);
    float* const y = arguments.outputs[0].data;
    with_constants(tail, [&](auto limit, auto has_residual) {
        for_each_stretch_in_parallel(x.elements(), all.means.length(), [&](std::int64_t at, std::int64_t count) {
            normalize<limit, has_residual>(count, x.data + at, has_residual ? tail.residual + at : nullptr,
                                           all.pointers(tail), y + at);
        });
    });
}

void forward(const BatchNormalization& batch_normalization, const ForwardArguments& arguments) {
    forward(batch_normalization, arguments, NormalizationTail{});
}

void backward(const BatchNormalization& batch_normalization, const BackwardArguments& arguments,
              const NormalizationTail& tail, const ResidualGradient& to_residual) {
    const ConstView x = arguments.inputs[0];
    const ConstView dy = arguments.output_gradients[0];
    const auto gradients = arguments.input_gradients;
    const std::int64_t channels = x.shape.back();
    const std::int64_t rows = x.elements() / channels;
    const float* mean = arguments.training ? arguments.saved.data : arguments.inputs[3].data;
    const float* variance = arguments.training ? arguments.saved.data + channels : arguments.inputs[4].data;
    const NormalizationLanes all = lanes_of(batch_normalization, arguments.inputs, mean, variance);
    const ChannelPairs sums = gradient_sums(x, dy, all, tail);
    const auto sum = [&](std::int64_t c) { return sums.first[static_cast<std::size_t>(c)]; };
    const auto product = [&](std::int64_t c) { return sums.second[static_cast<std::size_t>(c)]; };
    const auto inverse = [&](std::int64_t c) { return inverse_deviation(batch_normalization, variance[c]); };
    const auto factor = [&](std::int64_t c) { return static_cast<double>(arguments.inputs[1][c]) * inverse(c); };
    const auto write = [&](std::size_t input, auto gradient) {
        if (gradients[input].data == nullptr) return;
        for (std::int64_t c = 0; c < channels; ++c) {
            const auto value = static_cast<float>(gradient(c));
            gradients[input][c] = arguments.overwrites[input] ? value : gradients[input][c] + value;
        }
    };
    write(1, [&](std::int64_t c) { return product(c) * inverse(c); });
    write(2, sum);
    const auto unless_training = [&](double value) { return arguments.training ? 0.0 : value; };
    write(3, [&](std::int64_t c) { return unless_training(-factor(c) * sum(c)); });
    write(4, [&](std::int64_t c) { return unless_training(-0.5 * factor(c) * inverse(c) * inverse(c) * product(c)); });
    // Of an element in its channel's statistics.
    const double share = arguments.training && rows > 0 ? 1.0 / static_cast<double>(rows) : 0.0;
    const TiledChannels offsets(channels, [&](std::int64_t c) { return sum(c) * share; });
    const TiledChannels slopes(channels, [&](std::int64_t c) { return product(c) * inverse(c) * inverse(c) * share; });
    const LanePointers lanes = all.pointers(tail);
    const std::int64_t length = all.means.length();
    float* const dx = gradients[0].data;
    with_constants(tail, [&](auto limit, auto has_residual) {
        for_each_stretch_in_parallel(x.elements(), length, [&](std::int64_t at, std::int64_t count) {
            const float* const residual = has_residual ? tail.residual + at : nullptr;
            if (dx != nullptr) {
                (arguments.overwrites[0]
                     ? input_gradient<limit, has_residual, true>
                     : input_gradient<limit, has_residual, false>)(count, x.data + at, residual, dy.data + at, lanes,
                                                                   offsets.data(), slopes.data(), dx + at);
            }
            if constexpr (has_residual) {
                if (to_residual.data == nullptr) return;
                (to_residual.set ? residual_gradient<limit, true>
                                 : residual_gradient<limit, false>)(count, x.data + at, residual, dy.data + at, lanes,
                                                                    to_residual.data + at);
            }
        });
    });
}

void backward(const BatchNormalization& batch_normalization, const BackwardArguments& arguments) {
    backward(batch_normalization, arguments, NormalizationTail{}, ResidualGradient{});
}

}  // namespace eigenbit::internal
