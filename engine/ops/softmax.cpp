#include "engine/ops/softmax.h"

#include "engine/base/chunks.h"
#include "engine/kernels/cpu.h"
#include "engine/kernels/f32/exponential_functions.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

namespace eigenbit::internal {
namespace {

/// Calls visit(offset of the first element, stride, count) for every line of elements along the axis.
template <typename Visit>
void for_each_line(const Softmax& softmax, const Shape& shape, Visit visit) {
    const std::int64_t count = shape[softmax.axis];
    const std::int64_t stride = shape.elements(softmax.axis + 1, shape.rank());
    for_each_chunk(shape.elements(0, softmax.axis) * stride, count, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t line = begin; line < end; ++line) {
            visit(line / stride * stride * count + line % stride, stride, count);
        }
    });
}

constexpr std::int64_t kTileElements = 4096;  // stay in the first-level cache
constexpr std::int64_t kMostLines = 256;

/// y = eʸ
void exponentials(float* y, std::int64_t count) {
    constexpr ExponentialFunction kExp{.kind = ExponentialFunction::Kind::exp};
    active_cpu_implementation().convolution->apply_function(kExp, y, y, static_cast<std::size_t>(count));
}

/// What is taken off each element, or what it is multiplied by, once the exponentials' sum is known.
float correction(const Softmax& softmax, double sum) {
    return static_cast<float>(softmax.logarithm ? std::log(sum) : 1.0 / sum);
}

float corrected(const Softmax& softmax, float x, float largest, float y, float correction) {
    return softmax.logarithm ? (x - largest) - correction : y * correction;
}

/// Lines of so many elements, one after the other.
void forward_lines(const Softmax& softmax, const float* x, std::int64_t lines, std::int64_t count, float* y) {
    std::array<float, kMostLines> largest;
    for (std::int64_t line = 0; line < lines; ++line) {
        const std::span from(x + line * count, static_cast<std::size_t>(count));
        const float most = *std::ranges::max_element(from);
        std::ranges::transform(from, y + line * count, [&](float value) { return value - most; });
        largest[static_cast<std::size_t>(line)] = most;
    }
    exponentials(y, lines * count);
    for (std::int64_t line = 0; line < lines; ++line) {
        double sum = 0.0;
        for (std::int64_t i = line * count; i < (line + 1) * count; ++i) sum += static_cast<double>(y[i]);
        const float by = correction(softmax, sum);
        const float most = largest[static_cast<std::size_t>(line)];
        for (std::int64_t i = line * count; i < (line + 1) * count; ++i)
            y[i] = corrected(softmax, x[i], most, y[i], by);
    }
}

/// Lines side by side: the elements of each are `stride` apart.
void forward_columns(const Softmax& softmax, const float* x, std::int64_t lines, std::int64_t stride,
                     std::int64_t count, float* y) {
    std::array<float, kMostLines> largest;
    std::array<double, kMostLines> sums{};
    std::array<float, kMostLines> corrections;
    const auto columns = static_cast<std::size_t>(lines);
    std::copy_n(x, lines, largest.begin());
    for (std::int64_t i = 1; i < count; ++i) {
        for (std::size_t c = 0; c < columns; ++c) largest[c] = std::max(largest[c], (x + i * stride)[c]);
    }
    for (std::int64_t i = 0; i < count; ++i) {
        float* const row = y + i * stride;
        for (std::size_t c = 0; c < columns; ++c) row[c] = (x + i * stride)[c] - largest[c];
        exponentials(row, lines);
        for (std::size_t c = 0; c < columns; ++c) sums[c] += static_cast<double>(row[c]);
    }
    for (std::size_t c = 0; c < columns; ++c) corrections[c] = correction(softmax, sums[c]);
    for (std::int64_t i = 0; i < count; ++i) {
        float* const row = y + i * stride;
        for (std::size_t c = 0; c < columns; ++c) {
            row[c] = corrected(softmax, (x + i * stride)[c], largest[c], row[c], corrections[c]);
        }
    }
}

}  // namespace

std::vector<Shape> infer_shapes(const Softmax& softmax, std::span<const Shape> inputs) {
    expect_inputs(softmax.kType, inputs, 1, 1);
    expect_axis(softmax.kType, softmax.axis, inputs[0]);
    return {inputs[0]};
}

void forward(const Softmax& softmax, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const View y = arguments.outputs[0];
    if (x.elements() == 0) return;
    const std::int64_t count = x.shape[softmax.axis];
    const std::int64_t stride = x.shape.elements(softmax.axis + 1, x.shape.rank());
    const std::int64_t most = std::clamp<std::int64_t>(kTileElements / count, 1, kMostLines);
    for_each_chunk(x.elements() / count, count, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t line = begin; line < end;) {
            const std::int64_t column = line % stride;
            const std::int64_t lines = std::min({most, end - line, stride == 1 ? most : stride - column});
            const std::int64_t offset = (line - column) * count + column;
            if (stride == 1) {
                forward_lines(softmax, x.data + offset, lines, count, y.data + offset);
            } else {
                forward_columns(softmax, x.data + offset, lines, stride, count, y.data + offset);
            }
            line += lines;
        }
    });
}

void backward(const Softmax& softmax, const BackwardArguments& arguments) {
    const ConstView y = arguments.outputs[0];
    const ConstView dy = arguments.output_gradients[0];
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr || dx.elements() == 0) return;
    for_each_line(softmax, y.shape, [&](std::int64_t offset, std::int64_t stride, std::int64_t count) {
        double sum = 0.0;  // of dy, or its mean
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t at = offset + i * stride;
            const double weight = softmax.logarithm ? 1.0 : static_cast<double>(y[at]);
            sum += weight * static_cast<double>(dy[at]);
        }
        const auto common = static_cast<float>(sum);
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t at = offset + i * stride;
            dx[at] += softmax.logarithm ? dy[at] - exponential(y[at]) * common : y[at] * (dy[at] - common);
        }
    });
}

}  // namespace eigenbit::internal
