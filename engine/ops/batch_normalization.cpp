#include "engine/ops/batch_normalization.h"

#include "engine/error.h"
#include "engine/ops/chunks.h"
#include "engine/ops/shape_rules.h"

#include <cmath>
#include <type_traits>

namespace eigenbit {
namespace {

constexpr std::int64_t kBlockElements = 8192;  // of a block that is read more than once: it stays in L1
constexpr std::int64_t kMostChunks = 64;

/// Calls visit(first channel, width) for strips of neighbouring channels. The width is a compile-time constant, so that
/// sums over a strip stay in vector registers.
template <typename Visit>
void for_each_strip(std::int64_t channels, Visit visit) {
    std::int64_t channel = 0;
    const auto strips_of = [&](auto width) {
        for (; channel + width <= channels; channel += width) visit(channel, width);
    };
    strips_of(std::integral_constant<std::int64_t, 16>{});
    strips_of(std::integral_constant<std::int64_t, 8>{});
    strips_of(std::integral_constant<std::int64_t, 4>{});
    strips_of(std::integral_constant<std::int64_t, 1>{});
}

/// Two numbers for every channel, gathered over rows.
struct ChannelPairs {
    std::vector<double> first;
    std::vector<double> second;
    std::int64_t rows = 0;

    explicit ChannelPairs(std::int64_t channels)
        : first(static_cast<std::size_t>(channels)), second(static_cast<std::size_t>(channels)) {}
};

/// Gathers the pairs of all rows: add_block(begin, end, pairs) adds one block of rows to those of a chunk, and
/// merge(pairs, other) one chunk to another. Blocks and chunks depend on the shape alone.
template <typename AddBlock, typename Merge>
ChannelPairs gather(std::int64_t rows, std::int64_t channels, AddBlock add_block, Merge merge) {
    const std::int64_t block = std::clamp<std::int64_t>(kBlockElements / channels, 8, 256);
    const std::int64_t chunks = std::clamp<std::int64_t>(rows * channels / kChunkElements, 1, kMostChunks);
    std::vector<ChannelPairs> pairs(static_cast<std::size_t>(chunks), ChannelPairs(channels));
    for_each_chunk(chunks, kChunkElements, [&](std::int64_t chunk, std::int64_t) {
        const std::int64_t end = (chunk + 1) * rows / chunks;
        for (std::int64_t begin = chunk * rows / chunks; begin < end; begin += block) {
            add_block(begin, std::min(begin + block, end), pairs[static_cast<std::size_t>(chunk)]);
        }
    });
    for (std::size_t chunk = 1; chunk < pairs.size(); ++chunk) merge(pairs[0], pairs[chunk]);
    return std::move(pairs[0]);
}

/// Joins the mean and the sum of squared deviations of `rows` values with those of others (Chan, Golub and LeVeque,
/// "Updating formulae and a pairwise algorithm for computing sample variances", 1979).
void join_moments(double& mean, double& squares, std::int64_t rows, double other_mean, double other_squares,
                  std::int64_t other_rows) {
    const double share = static_cast<double>(other_rows) / static_cast<double>(rows + other_rows);
    const double difference = other_mean - mean;
    mean += share * difference;
    squares += other_squares + difference * difference * share * static_cast<double>(rows);
}

/// The mean of every channel and its sum of squared deviations from it.
ChannelPairs moments(ConstView x) {
    const std::int64_t channels = x.shape.back();
    const auto add_block = [&](std::int64_t begin, std::int64_t end, ChannelPairs& pairs) {
        const auto rows = static_cast<double>(end - begin);
        for_each_strip(channels, [&](std::int64_t channel, auto width) {
            constexpr std::int64_t kWidth = width;
            const float* values = x.data + begin * channels + channel;
            float shift[kWidth];  // one of the values: what is summed is then small, however large the mean
            float sum[kWidth] = {};
            std::copy_n(values, kWidth, shift);
            for (std::int64_t row = 0; row < end - begin; ++row) {
                for (std::int64_t c = 0; c < kWidth; ++c) sum[c] += values[row * channels + c] - shift[c];
            }
            double mean[kWidth];
            for (std::int64_t c = 0; c < kWidth; ++c) {
                mean[c] = static_cast<double>(shift[c]) + static_cast<double>(sum[c]) / rows;
                shift[c] = static_cast<float>(mean[c]);
            }
            float squares[kWidth] = {};
            for (std::int64_t row = 0; row < end - begin; ++row) {
                for (std::int64_t c = 0; c < kWidth; ++c) {
                    const float deviation = values[row * channels + c] - shift[c];
                    squares[c] += deviation * deviation;
                }
            }
            for (std::int64_t c = 0; c < kWidth; ++c) {
                const auto i = static_cast<std::size_t>(channel + c);
                join_moments(pairs.first[i], pairs.second[i], pairs.rows, mean[c], static_cast<double>(squares[c]),
                             end - begin);
            }
        });
        pairs.rows += end - begin;
    };
    const auto merge = [](ChannelPairs& pairs, const ChannelPairs& other) {
        for (std::size_t i = 0; i < pairs.first.size(); ++i) {
            join_moments(pairs.first[i], pairs.second[i], pairs.rows, other.first[i], other.second[i], other.rows);
        }
        pairs.rows += other.rows;
    };
    return gather(x.elements() / channels, channels, add_block, merge);
}

/// The sums of dy and of dy · (x − mean) of every channel.
ChannelPairs gradient_sums(ConstView x, ConstView dy, const float* mean) {
    const std::int64_t channels = x.shape.back();
    const auto add_block = [&](std::int64_t begin, std::int64_t end, ChannelPairs& pairs) {
        for_each_strip(channels, [&](std::int64_t channel, auto width) {
            constexpr std::int64_t kWidth = width;
            float center[kWidth];
            float sum[kWidth] = {};
            float product[kWidth] = {};
            std::copy_n(mean + channel, kWidth, center);
            for (std::int64_t row = begin; row < end; ++row) {
                const float* values = x.data + row * channels + channel;
                const float* gradients = dy.data + row * channels + channel;
                for (std::int64_t c = 0; c < kWidth; ++c) {
                    sum[c] += gradients[c];
                    product[c] += gradients[c] * (values[c] - center[c]);
                }
            }
            for (std::int64_t c = 0; c < kWidth; ++c) {
                pairs.first[static_cast<std::size_t>(channel + c)] += static_cast<double>(sum[c]);
                pairs.second[static_cast<std::size_t>(channel + c)] += static_cast<double>(product[c]);
            }
        });
    };
    const auto merge = [](ChannelPairs& pairs, const ChannelPairs& other) {
        for (std::size_t i = 0; i < pairs.first.size(); ++i) {
            pairs.first[i] += other.first[i];
            pairs.second[i] += other.second[i];
        }
    };
    return gather(x.elements() / channels, channels, add_block, merge);
}

/// One number for every channel, repeated until a loop over them is long enough to be worth its start. A row of data
/// that begins with channel 0 may be as long as the whole.
class RepeatedChannels {
  public:
    template <typename Value>
    RepeatedChannels(std::int64_t channels, Value value) : values_(repeated_length(channels)) {
        for (std::size_t i = 0; i < values_.size(); ++i) {
            const auto c = static_cast<std::int64_t>(i) % channels;
            values_[i] =
                c < static_cast<std::int64_t>(i) ? values_[static_cast<std::size_t>(c)] : static_cast<float>(value(c));
        }
    }

    const float* data() const { return values_.data(); }
    std::int64_t length() const { return static_cast<std::int64_t>(values_.size()); }

  private:
    static std::size_t repeated_length(std::int64_t channels) {
        constexpr std::int64_t kLongEnough = 256;
        return static_cast<std::size_t>(channels * ((kLongEnough + channels - 1) / channels));
    }

    std::vector<float> values_;
};

/// Calls visit(offset, count) for all stretches of a tensor that lie along repeated channels.
template <typename Visit>
void for_each_stretch(std::int64_t elements, std::int64_t length, Visit visit) {
    for_each_chunk((elements + length - 1) / length, length, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) visit(i * length, std::min(length, elements - i * length));
    });
}

double inverse_deviation(const BatchNormalization& batch_normalization, float variance) {
    return 1.0 / std::sqrt(static_cast<double>(variance) + static_cast<double>(batch_normalization.epsilon));
}

/// dx += factor · (dy − offset − (x − mean) · slope)
void add_input_gradient(std::int64_t count, const float* __restrict dy, const float* __restrict x,
                        const float* __restrict mean, const float* __restrict factor, const float* __restrict offset,
                        const float* __restrict slope, float* __restrict dx) {
    for (std::int64_t i = 0; i < count; ++i) dx[i] += factor[i] * (dy[i] - offset[i] - (x[i] - mean[i]) * slope[i]);
}

/// y = (x − mean) · factor + bias
void normalize(std::int64_t count, const float* __restrict x, const float* __restrict mean,
               const float* __restrict factor, const float* __restrict bias, float* __restrict y) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = (x[i] - mean[i]) * factor[i] + bias[i];
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

Shape saved_shape(const BatchNormalization&, std::span<const Shape> inputs) { return Shape{2, inputs[0].back()}; }

void forward(const BatchNormalization& batch_normalization, const ForwardArguments& arguments) {
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
    const RepeatedChannels means(channels, [&](std::int64_t c) { return mean[c]; });
    const RepeatedChannels factors(channels, [&](std::int64_t c) {
        return static_cast<double>(arguments.inputs[1][c]) * inverse_deviation(batch_normalization, variance[c]);
    });
    const RepeatedChannels biases(channels, [&](std::int64_t c) { return arguments.inputs[2][c]; });
    for_each_stretch(x.elements(), means.length(), [&](std::int64_t offset, std::int64_t count) {
        normalize(count, x.data + offset, means.data(), factors.data(), biases.data(),
                  arguments.outputs[0].data + offset);
    });
}

void backward(const BatchNormalization& batch_normalization, const BackwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const ConstView scale = arguments.inputs[1];
    const ConstView dy = arguments.output_gradients[0];
    const auto gradients = arguments.input_gradients;
    const std::int64_t channels = x.shape.back();
    const std::int64_t rows = x.elements() / channels;
    if (rows == 0) return;
    const float* mean = arguments.training ? arguments.saved.data : arguments.inputs[3].data;
    const float* variance = arguments.training ? arguments.saved.data + channels : arguments.inputs[4].data;
    const ChannelPairs sums = gradient_sums(x, dy, mean);
    const auto sum = [&](std::int64_t c) { return sums.first[static_cast<std::size_t>(c)]; };
    const auto product = [&](std::int64_t c) { return sums.second[static_cast<std::size_t>(c)]; };
    const auto inverse = [&](std::int64_t c) { return inverse_deviation(batch_normalization, variance[c]); };
    const auto factor = [&](std::int64_t c) { return static_cast<double>(scale[c]) * inverse(c); };
    const auto add = [&](std::size_t input, auto gradient) {
        if (gradients[input].data == nullptr) return;
        for (std::int64_t c = 0; c < channels; ++c) gradients[input][c] += static_cast<float>(gradient(c));
    };
    add(1, [&](std::int64_t c) { return product(c) * inverse(c); });
    add(2, sum);
    if (!arguments.training) {
        add(3, [&](std::int64_t c) { return -factor(c) * sum(c); });
        add(4, [&](std::int64_t c) { return -0.5 * factor(c) * inverse(c) * inverse(c) * product(c); });
    }
    if (gradients[0].data == nullptr) return;
    const double through_statistics = arguments.training ? 1.0 / static_cast<double>(rows) : 0.0;
    const RepeatedChannels means(channels, [&](std::int64_t c) { return mean[c]; });
    const RepeatedChannels factors(channels, factor);
    const RepeatedChannels offsets(channels, [&](std::int64_t c) { return sum(c) * through_statistics; });
    const RepeatedChannels slopes(
        channels, [&](std::int64_t c) { return product(c) * inverse(c) * inverse(c) * through_statistics; });
    for_each_stretch(x.elements(), means.length(), [&](std::int64_t offset, std::int64_t count) {
        add_input_gradient(count, dy.data + offset, x.data + offset, means.data(), factors.data(), offsets.data(),
                           slopes.data(), gradients[0].data + offset);
    });
}

}  // namespace eigenbit
