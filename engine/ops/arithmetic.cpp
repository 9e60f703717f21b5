#include "engine/ops/arithmetic.h"

#include "engine/ops/chunks.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided_sum.h"

#include <cmath>
#include <type_traits>

namespace eigenbit {
namespace {

/// Calls visit(a stride, b stride) with the two strides, each 0 or 1, as compile-time constants: loops over them can
/// then be vectorised.
template <typename Visit>
void with_constant_strides(std::int64_t a_stride, std::int64_t b_stride, Visit visit) {
    constexpr std::integral_constant<std::int64_t, 0> still;
    constexpr std::integral_constant<std::int64_t, 1> step;
    if (a_stride == 1 && b_stride == 1) return visit(step, step);
    if (a_stride == 1) return visit(step, still);
    if (b_stride == 1) return visit(still, step);
    return visit(still, still);
}

/// y = function(a, b)
template <typename Function>
void combine(const ForwardArguments& arguments, Function function) {
    const ConstView a = arguments.inputs[0];
    const ConstView b = arguments.inputs[1];
    const View y = arguments.outputs[0];
    const StridedWalk<3> walk(
        y.shape, {dense_strides(y.shape), broadcast_strides(a.shape, y.shape), broadcast_strides(b.shape, y.shape)});
    const auto& strides = walk.innermost().strides;
    with_constant_strides(strides[1], strides[2], [&](auto a_stride, auto b_stride) {
        for_each_chunk(walk.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
            walk.for_each_run(begin, end, [&](const auto& offsets, std::int64_t count) {
                float* to = y.data + offsets[0];
                const float* left = a.data + offsets[1];
                const float* right = b.data + offsets[2];
                for (std::int64_t i = 0; i < count; ++i) to[i] = function(left[i * a_stride], right[i * b_stride]);
            });
        });
    });
}

/// Adds gradient(dy, a, b) to the gradient of one input, summed over the axes along which that input is repeated.
template <typename Gradient>
void add_gradient(const BackwardArguments& arguments, std::size_t input, Gradient gradient) {
    const View target = arguments.input_gradients[input];
    if (target.data == nullptr) return;
    const ConstView a = arguments.inputs[0];
    const ConstView b = arguments.inputs[1];
    const ConstView dy = arguments.output_gradients[0];
    const Shape& shape = dy.shape;
    const StridedWalk<4> walk(shape, {broadcast_strides(target.shape, shape), dense_strides(shape),
                                      broadcast_strides(a.shape, shape), broadcast_strides(b.shape, shape)});
    const auto& strides = walk.innermost().strides;
    with_constant_strides(strides[2], strides[3], [&](auto a_stride, auto b_stride) {
        const auto term = [&](const auto& offsets, std::int64_t i) {
            return gradient(dy[offsets[1] + i], a[offsets[2] + i * a_stride], b[offsets[3] + i * b_stride]);
        };
        if (target.elements() == dy.elements()) {
            for_each_chunk(walk.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
                walk.for_each_run(begin, end, [&](const auto& offsets, std::int64_t count) {
                    float* to = target.data + offsets[0];
                    for (std::int64_t i = 0; i < count; ++i) to[i] += term(offsets, i);
                });
            });
        } else {
            add_sums(walk, target, 1.0F, [&](const auto& offsets, std::int64_t count, float* buffer) -> const float* {
                for (std::int64_t i = 0; i < count; ++i) buffer[i] = term(offsets, i);
                return buffer;
            });
        }
    });
}

/// ∂(aᵇ)/∂a · dy, 0 rather than 0 · ∞ where the exponent or the upstream gradient is 0.
float power_base_gradient(float dy, float a, float b) {
    return dy == 0.0F || b == 0.0F ? 0.0F : dy * b * std::pow(a, b - 1.0F);
}

/// ∂(aᵇ)/∂b · dy, defined for positive bases only.
float power_exponent_gradient(float dy, float a, float b) {
    return dy == 0.0F || !(a > 0.0F) ? 0.0F : dy * std::pow(a, b) * std::log(a);
}

}  // namespace

std::vector<Shape> infer_shapes(const Arithmetic& arithmetic, std::span<const Shape> inputs) {
    expect_inputs(arithmetic.kType, inputs, 2, 2);
    return {broadcast_shape(arithmetic.kType, inputs[0], inputs[1])};
}

void forward(const Arithmetic& arithmetic, const ForwardArguments& arguments) {
    switch (arithmetic.kind) {
    case Arithmetic::Kind::add:
        return combine(arguments, [](float a, float b) { return a + b; });
    case Arithmetic::Kind::subtract:
        return combine(arguments, [](float a, float b) { return a - b; });
    case Arithmetic::Kind::multiply:
        return combine(arguments, [](float a, float b) { return a * b; });
    case Arithmetic::Kind::divide:
        return combine(arguments, [](float a, float b) { return a / b; });
    case Arithmetic::Kind::power:
        return combine(arguments, [](float a, float b) { return std::pow(a, b); });
    }
}

void backward(const Arithmetic& arithmetic, const BackwardArguments& arguments) {
    switch (arithmetic.kind) {
    case Arithmetic::Kind::add:
        add_gradient(arguments, 0, [](float dy, float, float) { return dy; });
        return add_gradient(arguments, 1, [](float dy, float, float) { return dy; });
    case Arithmetic::Kind::subtract:
        add_gradient(arguments, 0, [](float dy, float, float) { return dy; });
        return add_gradient(arguments, 1, [](float dy, float, float) { return -dy; });
    case Arithmetic::Kind::multiply:
        add_gradient(arguments, 0, [](float dy, float, float b) { return dy * b; });
        return add_gradient(arguments, 1, [](float dy, float a, float) { return dy * a; });
    case Arithmetic::Kind::divide:
        add_gradient(arguments, 0, [](float dy, float, float b) { return dy / b; });
        return add_gradient(arguments, 1, [](float dy, float a, float b) { return -dy * a / (b * b); });
    case Arithmetic::Kind::power:
        add_gradient(arguments, 0, power_base_gradient);
        return add_gradient(arguments, 1, power_exponent_gradient);
    }
}

}  // namespace eigenbit
