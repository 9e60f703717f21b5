#include "engine/ops/local_response_normalization.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

/// to[c] += sum of from[c − before] … from[c + after], those that exist.
void add_window_sums(const float* __restrict from, std::int64_t channels, std::int64_t before, std::int64_t after,
                     float* __restrict to) {
    for (std::int64_t tap = std::max(-before, 1 - channels); tap <= std::min(after, channels - 1); ++tap) {
        const std::int64_t end = std::min(channels, channels - tap);
        for (std::int64_t c = std::max<std::int64_t>(0, -tap); c < end; ++c) to[c] += from[c + tap];
    }
}

/// What a row of channels is divided by, to the power beta.
void divisors(const LocalResponseNormalization& op, const float* __restrict x, std::int64_t channels,
              float* __restrict squares, float* __restrict result) {
    for (std::int64_t c = 0; c < channels; ++c) squares[c] = x[c] * x[c];
    std::fill_n(result, channels, 0.0F);
    add_window_sums(squares, channels, (op.size - 1) / 2, op.size / 2, result);
    const float factor = op.alpha / static_cast<float>(op.size);
    for (std::int64_t c = 0; c < channels; ++c) result[c] = op.bias + factor * result[c];
}

/// base to the power −beta.
void reciprocal_powers(const float* __restrict base, std::int64_t count, float beta, float* __restrict result) {
    if (beta == 0.75F) {  // that of all published networks
        for (std::int64_t i = 0; i < count; ++i) {
            const float root = std::sqrt(base[i]);
            result[i] = 1.0F / (root * std::sqrt(root));
        }
    } else {
        for (std::int64_t i = 0; i < count; ++i) result[i] = std::pow(base[i], -beta);
    }
}

/// Calls visit(offset of a row's first element, room for four rows) for all rows.
template <typename Visit>
void for_each_row(const Shape& shape, Visit visit) {
    const std::int64_t channels = shape.back();
    for_each_chunk(shape.elements(0, shape.rank() - 1), channels, [&](std::int64_t begin, std::int64_t end) {
        std::vector<float> room(static_cast<std::size_t>(4 * channels));
        for (std::int64_t row = begin; row < end; ++row) visit(row * channels, room.data());
    });
}

}  // namespace

std::vector<Shape> infer_shapes(const LocalResponseNormalization& op, std::span<const Shape> inputs) {
    expect_inputs(op.kType, inputs, 1, 1);
    if (inputs[0].rank() == 0)
        fail("LocalResponseNormalization has no channels in its input {}.", to_string(inputs[0]));
    if (op.size < 1) fail("LocalResponseNormalization has the size {}, expected at least 1.", op.size);
    return {inputs[0]};
}

void forward(const LocalResponseNormalization& op, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const std::int64_t channels = x.shape.back();
    for_each_row(x.shape, [&](std::int64_t row, float* room) {
        float* const divisor = room + channels;
        divisors(op, x.data + row, channels, room, divisor);
        reciprocal_powers(divisor, channels, op.beta, room);
        float* const y = arguments.outputs[0].data + row;
        for (std::int64_t c = 0; c < channels; ++c) y[c] = x[row + c] * room[c];
    });
}

void backward(const LocalResponseNormalization& op, const BackwardArguments& arguments) {
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    const ConstView x = arguments.inputs[0];
    const ConstView dy = arguments.output_gradients[0];
    const std::int64_t channels = x.shape.back();
    const float factor = 2.0F * op.alpha * op.beta / static_cast<float>(op.size);
    for_each_row(x.shape, [&](std::int64_t row, float* room) {
        float* const divisor = room + channels;
        float* const power = room + 2 * channels;
        float* const sums = room + 3 * channels;
        divisors(op, x.data + row, channels, room, divisor);
        reciprocal_powers(divisor, channels, op.beta, power);
        // Through the divisors: channel c is a part of those of the channels whose windows it is in.
        for (std::int64_t c = 0; c < channels; ++c) room[c] = dy[row + c] * x[row + c] * power[c] / divisor[c];
        std::fill_n(sums, channels, 0.0F);
        add_window_sums(room, channels, op.size / 2, (op.size - 1) / 2, sums);
        for (std::int64_t c = 0; c < channels; ++c) {
            dx[row + c] += dy[row + c] * power[c] - factor * x[row + c] * sums[c];
        }
    });
}

}  // namespace eigenbit::internal
