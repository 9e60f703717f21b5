#include "engine/ops/softmax.h"

#include "engine/base/chunks.h"
#include "engine/kernels/f32/exponential_functions.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>
#include <cmath>
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

void exponentials(const float* x, std::int64_t count, float largest, float* y) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = exponential(x[i] - largest);
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
    for_each_line(softmax, x.shape, [&](std::int64_t offset, std::int64_t stride, std::int64_t count) {
        const float* from = x.data + offset;
        float* to = y.data + offset;
        float largest = from[0];
        for (std::int64_t i = 1; i < count; ++i) largest = std::max(largest, from[i * stride]);
        if (stride == 1) {
            exponentials(from, count, largest, to);
        } else {
            for (std::int64_t i = 0; i < count; ++i) to[i * stride] = exponential(from[i * stride] - largest);
        }
        double sum = 0.0;
        for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(to[i * stride]);
        if (softmax.logarithm) {
            const auto logarithm = static_cast<float>(std::log(sum));
            for (std::int64_t i = 0; i < count; ++i) to[i * stride] = (from[i * stride] - largest) - logarithm;
        } else {
            const auto factor = static_cast<float>(1.0 / sum);
            for (std::int64_t i = 0; i < count; ++i) to[i * stride] *= factor;
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
