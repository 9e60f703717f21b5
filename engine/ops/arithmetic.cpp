#include "engine/ops/arithmetic.h"

#include "engine/base/chunks.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided_fold.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

namespace eigenbit::internal {
namespace {

/// What is done to `count` neighbours: to[i] = f(a[i], b[i]), or f(dy[i], a[i], b[i]) for a gradient.
template <typename Value>
using Loop = void (*)(const Value* dy, const Value* a, const Value* b, std::int64_t count, Value* to);

/// An operand of stride 0 stands still. The strides are known where the loop is compiled, so that it can be vectorised.
template <std::int64_t kStrideA, std::int64_t kStrideB, typename Function, typename Value>
void loop(const Value* dy, const Value* a, const Value* b, std::int64_t count, Value* __restrict to) {
    for (std::int64_t i = 0; i < count; ++i) {
        if constexpr (std::is_invocable_v<Function, Value, Value>) {
            to[i] = Function{}(a[i * kStrideA], b[i * kStrideB]);
        } else {
            to[i] = Function{}(dy[i], a[i * kStrideA], b[i * kStrideB]);
        }
    }
}

/// The loop for operands whose strides along the innermost axis are 0 or 1.
template <typename Function, typename Value = float>
Loop<Value> loop_over(std::int64_t a_stride, std::int64_t b_stride) {
    if (a_stride == 1) return b_stride == 1 ? loop<1, 1, Function, Value> : loop<1, 0, Function, Value>;
    return b_stride == 1 ? loop<0, 1, Function, Value> : loop<0, 0, Function, Value>;
}

/// y = function(a, b)
template <typename Arguments, typename Function>
void combine(const Arguments& arguments, Function) {
    const auto a = arguments.inputs[0];
    const auto b = arguments.inputs[1];
    const auto y = arguments.outputs[0];
    const StridedWalk<3> walk(
        y.shape, {dense_strides(y.shape), broadcast_strides(a.shape, y.shape), broadcast_strides(b.shape, y.shape)});
    using Value = std::remove_pointer_t<decltype(y.data)>;
    const Loop<Value> run = loop_over<Function, Value>(walk.innermost().strides[1], walk.innermost().strides[2]);
    for_each_chunk(walk.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
        walk.for_each_run(begin, end, [&](const auto& offsets, std::int64_t count) {
            run(nullptr, a.data + offsets[1], b.data + offsets[2], count, y.data + offsets[0]);
        });
    });
}

using GradientWalk = StridedWalk<4>;  // target, dy, a, b

/// target += terms, where every element of the target has one.
void add_terms(const GradientWalk& walk, const StridedTerms<4>& terms, View target) {
    for_each_chunk(walk.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
        std::array<float, StridedSum<4>::kLongestRun> buffer;
        const auto add = [&](const auto& offsets, std::int64_t count) {
            const float* from = terms(offsets, count, buffer.data());
            float* to = target.data + offsets[0];
            for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
        };
        walk.for_each_run(begin, end, add, StridedSum<4>::kLongestRun);
    });
}

/// Adds gradient(dy, a, b) to the gradient of one input, summed over the axes along which that input is repeated.
template <typename Gradient>
void add_gradient(const BackwardArguments& arguments, std::size_t input, Gradient) {
    const View target = arguments.input_gradients[input];
    if (target.data == nullptr) return;
    const ConstView a = arguments.inputs[0];
    const ConstView b = arguments.inputs[1];
    const ConstView dy = arguments.output_gradients[0];
    const Shape& shape = dy.shape;
    const GradientWalk walk(shape, {broadcast_strides(target.shape, shape), dense_strides(shape),
                                    broadcast_strides(a.shape, shape), broadcast_strides(b.shape, shape)});
    const Loop<float> run = loop_over<Gradient>(walk.innermost().strides[2], walk.innermost().strides[3]);
    const StridedTerms<4> terms = [&](const auto& offsets, std::int64_t count, float* buffer) {
        run(dy.data + offsets[1], a.data + offsets[2], b.data + offsets[3], count, buffer);
        return buffer;
    };
    if (target.elements() == dy.elements()) {
        add_terms(walk, terms, target);
    } else {
        StridedSum<4>(walk, terms).add_to(target, 1.0F);
    }
}

struct Maximum {
    float operator()(float a, float b) const {
        const float larger = a < b ? b : a;  // a where b is not a number
        return b != b ? b : larger;
    }
};

/// ∂max(own, other)/∂own · dy
struct LargerGradient {
    float operator()(float dy, float own, float other) const {
        const float shared = own == other ? 0.5F * dy : 0.0F;
        return own > other ? dy : shared;
    }
};

/// ∂(aᵇ)/∂a · dy, 0 rather than 0 · ∞ where the exponent or the upstream gradient is 0.
struct PowerBaseGradient {
    float operator()(float dy, float a, float b) const {
        return dy == 0.0F || b == 0.0F ? 0.0F : dy * b * std::pow(a, b - 1.0F);
    }
};

/// ∂(aᵇ)/∂b · dy, defined for positive bases only.
struct PowerExponentGradient {
    float operator()(float dy, float a, float b) const {
        return dy == 0.0F || !(a > 0.0F) ? 0.0F : dy * std::pow(a, b) * std::log(a);
    }
};

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
    case Arithmetic::Kind::maximum:
        return combine(arguments, Maximum{});
    case Arithmetic::Kind::minimum:
        return combine(arguments, [](float a, float b) { return -Maximum{}(-a, -b); });
    case Arithmetic::Kind::equal:
        return combine(arguments, [](float a, float b) { return a == b ? 1.0F : 0.0F; });
    case Arithmetic::Kind::less:
        return combine(arguments, [](float a, float b) { return a < b ? 1.0F : 0.0F; });
    case Arithmetic::Kind::less_or_equal:
        return combine(arguments, [](float a, float b) { return a <= b ? 1.0F : 0.0F; });
    }
}

void forward(const Arithmetic& arithmetic, const ByteForwardArguments& arguments) {
    using Byte = std::uint8_t;
    if (arithmetic.kind == Arithmetic::Kind::maximum) {
        return combine(arguments, [](Byte a, Byte b) { return std::max(a, b); });
    }
    combine(arguments, [](Byte a, Byte b) { return std::min(a, b); });
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
        add_gradient(arguments, 0, PowerBaseGradient{});
        return add_gradient(arguments, 1, PowerExponentGradient{});
    case Arithmetic::Kind::maximum:
        add_gradient(arguments, 0, [](float dy, float a, float b) { return LargerGradient{}(dy, a, b); });
        return add_gradient(arguments, 1, [](float dy, float a, float b) { return LargerGradient{}(dy, b, a); });
    case Arithmetic::Kind::minimum:
        add_gradient(arguments, 0, [](float dy, float a, float b) { return LargerGradient{}(dy, b, a); });
        return add_gradient(arguments, 1, [](float dy, float a, float b) { return LargerGradient{}(dy, a, b); });
    case Arithmetic::Kind::equal:
    case Arithmetic::Kind::less:
    case Arithmetic::Kind::less_or_equal:
        return;
    }
}

}  // namespace eigenbit::internal
