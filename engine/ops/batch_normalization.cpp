#include "engine/ops/batch_normalization.h"

#include "engine/error.h"
#include "engine/ops/chunks.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>
#include <cmath>

namespace eigenbit {
namespace {

constexpr std::int64_t kBlockElements = 8192;  // summed in float, and read more than once: a block stays near the core
constexpr std::int64_t kMostChunks = 64;

/// Loops run over this many neighbouring elements, whole rows of channels: enough to be worth the start of a vector
/// loop, few enough that what goes with every element stays in the first-level cache.
std::int64_t lanes(std::int64_t channels) {
    constexpr std::int64_t kEnough = 256;
    return channels * ((kEnough + channels - 1) / channels);
}

/// One number for every channel, repeated over the lanes.
class Repeated {
  public:
    explicit Repeated(std::int64_t channels)
        : channels_(channels), values_(static_cast<std::size_t>(lanes(channels))) {}
    template <typename Value>
    Repeated(std::int64_t channels, Value value) : Repeated(channels) {
        for (std::int64_t c = 0; c < channels; ++c) values_[static_cast<std::size_t>(c)] = static_cast<float>(value(c));
        repeat();
    }

    float* data() { return values_.data(); }
    const float* data() const { return values_.data(); }
    std::int64_t length() const { return static_cast<std::int64_t>(values_.size()); }
    void clear() { std::ranges::fill(values_, 0.0F); }

    /// Gives all lanes the numbers of the first `channels`.
    void repeat() {
        for (std::int64_t i = channels_; i < length(); i += channels_) std::copy_n(data(), channels_, data() + i);
    }

    /// Replaces the numbers of the first `channels` lanes by the sums over all lanes of their channel.
    void fold() {
        for (std::int64_t i = channels_; i < length(); i += channels_) {
            for (std::int64_t c = 0; c < channels_; ++c) data()[c] += data()[i + c];
        }
    }

  private:
    std::int64_t channels_;
    std::vector<float> values_;
};

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

/// Calls visit(offset of the first element, elements) for blocks of the rows begin … end-1.
template <typename Visit>
void for_each_block(std::int64_t begin, std::int64_t end, std::int64_t channels, Visit visit) {
    const std::int64_t rows = std::max<std::int64_t>(kBlockElements / channels, 8);
    for (std::int64_t row = begin; row < end; row += rows) visit(row * channels, std::min(rows, end - row) * channels);
}

/// Calls visit(offset, count) for stretches of `length` elements, the last one perhaps shorter.
template <typename Visit>
void for_each_stretch(std::int64_t elements, std::int64_t length, Visit visit) {
    for (std::int64_t offset = 0; offset < elements; offset += length) {
        visit(offset, std::min(length, elements - offset));
    }
}

template <typename Visit>
void for_each_stretch_in_parallel(std::int64_t elements, std::int64_t length, Visit visit) {
    for_each_chunk((elements + length - 1) / length, length, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t first = begin * length;
        for_each_stretch(std::min(end * length, elements) - first, length,
                         [&](std::int64_t offset, std::int64_t count) { visit(first + offset, count); });
    });
}

void add_differences(std::int64_t count, const float* __restrict x, const float* __restrict center,
                     float* __restrict sum) {
    for (std::int64_t i = 0; i < count; ++i) sum[i] += x[i] - center[i];
}

void add_squares(std::int64_t count, const float* __restrict x, const float* __restrict center, float* __restrict sum) {
    for (std::int64_t i = 0; i < count; ++i) sum[i] += (x[i] - center[i]) * (x[i] - center[i]);
}

void add_gradients(std::int64_t count, const float* __restrict x, const float* __restrict dy,
                   const float* __restrict center, float* __restrict sum, float* __restrict product) {
    for (std::int64_t i = 0; i < count; ++i) {
        sum[i] += dy[i];
        product[i] += dy[i] * (x[i] - center[i]);
    }
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
        Repeated center(channels);
        Repeated sums(channels);
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

/// The sums of dy and of dy · (x − mean) of every channel.
ChannelPairs gradient_sums(ConstView x, ConstView dy, const float* mean) {
    const std::int64_t channels = x.shape.back();
    const Repeated center(channels, [&](std::int64_t c) { return mean[c]; });
    const auto add_rows = [&](std::int64_t begin, std::int64_t end, ChannelPairs& pairs) {
        Repeated sums(channels);
        Repeated products(channels);
        for_each_block(begin, end, channels, [&](std::int64_t first, std::int64_t elements) {
            sums.clear();
            products.clear();
            for_each_stretch(elements, sums.length(), [&](std::int64_t offset, std::int64_t count) {
                add_gradients(count, x.data + first + offset, dy.data + first + offset, center.data(), sums.data(),
                              products.data());
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
    const Repeated means(channels, [&](std::int64_t c) { return mean[c]; });
    const Repeated factors(channels, [&](std::int64_t c) {
        return static_cast<double>(arguments.inputs[1][c]) * inverse_deviation(batch_normalization, variance[c]);
    });
    const Repeated biases(channels, [&](std::int64_t c) { return arguments.inputs[2][c]; });
    for_each_stretch_in_parallel(x.elements(), means.length(), [&](std::int64_t offset, std::int64_t count) {
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
    const Repeated means(channels, [&](std::int64_t c) { return mean[c]; });
    const Repeated factors(channels, factor);
    const Repeated offsets(channels, [&](std::int64_t c) { return sum(c) * through_statistics; });
    const Repeated slopes(channels,
                          [&](std::int64_t c) { return product(c) * inverse(c) * inverse(c) * through_statistics; });
    for_each_stretch_in_parallel(x.elements(), means.length(), [&](std::int64_t offset, std::int64_t count) {
        add_input_gradient(count, dy.data + offset, x.data + offset, means.data(), factors.data(), offsets.data(),
                           slopes.data(), gradients[0].data + offset);
    });
}

}  // namespace eigenbit
