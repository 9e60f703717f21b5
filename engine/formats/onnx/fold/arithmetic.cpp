#include "engine/formats/onnx/fold/arithmetic.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/element_functions.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kMostElements = std::int64_t{1} << 22;

/// Of integers modulo 2⁶⁴, as ONNX computes it.
template <typename Function>
struct Wrapping {
    std::int64_t operator()(std::int64_t a, std::int64_t b) const {
        return static_cast<std::int64_t>(Function{}(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
    }
    float operator()(float a, float b) const { return Function{}(a, b); }
};
using Add = Wrapping<std::plus<>>;
using Subtract = Wrapping<std::minus<>>;
using Multiply = Wrapping<std::multiplies<>>;

struct Divide {
    std::int64_t operator()(std::int64_t a, std::int64_t b) const {
        if (b == 0) fail("a division by zero");
        return b == -1 ? Subtract{}(0, a) : a / b;
    }
    float operator()(float a, float b) const { return a / b; }
};

struct Modulo {
    std::int64_t operator()(std::int64_t a, std::int64_t b) const {
        if (b == 0) fail("a division by zero");
        if (b == -1) return 0;
        const std::int64_t remainder = a % b;
        return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
    }
    float operator()(float a, float b) const { return std::fmod(a, b); }
};

/// With the sign of the dividend, as C has it.
struct Remainder {
    std::int64_t operator()(std::int64_t a, std::int64_t b) const {
        if (b == 0) fail("a division by zero");
        return b == -1 ? 0 : a % b;
    }
    float operator()(float a, float b) const { return std::fmod(a, b); }
};

struct Power {
    std::int64_t operator()(std::int64_t a, std::int64_t b) const {
        if (b < 0 || b > 63) fail("the power {} of an integer is not supported", b);
        std::int64_t result = 1;
        for (std::int64_t i = 0; i < b; ++i) result = Multiply{}(result, a);
        return result;
    }
    float operator()(float a, float b) const { return std::pow(a, b); }
};

struct Minimum {
    auto operator()(auto a, auto b) const { return std::min(a, b); }
};
struct Maximum {
    auto operator()(auto a, auto b) const { return std::max(a, b); }
};

/// Two inputs, broadcast to one shape.
std::pair<Constant, Constant> operands(const OnnxNode& node, const Constant& a, const Constant& b) {
    if (a.is_integer() != b.is_integer()) fail("one input is of integers, the other of reals");
    const Shape shape = broadcast_shape(node.proto.op_type(), a.shape, b.shape);
    return {expanded(a, shape), expanded(b, shape)};
}

/// One input after the other is combined with what came of those before it.
template <typename Function>
Constant fold_all(const OnnxNode& node) {
    Constant result = node.constant(0);
    for (int input = 1; input < node.proto.input_size(); ++input) {
        auto [sum, other] = operands(node, result, node.constant(input));
        std::visit(
            [&others = other.values](auto& values) {
                const auto& right = std::get<std::decay_t<decltype(values)>>(others);
                std::ranges::transform(values, right, values.begin(), Function{});
            },
            sum.values);
        result = std::move(sum);
    }
    return result;
}

template <typename Function>
Constant fold_binary(const OnnxNode& node) {
    if (node.proto.input_size() != 2) fail("{} inputs, 2 were expected", node.proto.input_size());
    return fold_all<Function>(node);
}

Constant fold_modulo(const OnnxNode& node) {
    return node.integer("fmod").value_or(0) != 0 ? fold_binary<Remainder>(node) : fold_binary<Modulo>(node);
}

template <typename Compare>
Constant fold_comparison(const OnnxNode& node) {
    const auto [left, right] = operands(node, node.constant(0), node.constant(1));
    std::vector<std::int64_t> results;
    std::visit(
        [&results, &others = right.values](const auto& values) {
            const auto& compared = std::get<std::decay_t<decltype(values)>>(others);
            for (std::size_t i = 0; i < values.size(); ++i) results.push_back(Compare{}(values[i], compared[i]));
        },
        left.values);
    return {left.shape, std::move(results)};
}

struct Itself {
    std::int64_t operator()(std::int64_t value) const { return value; }
};
struct Negate {
    std::int64_t operator()(std::int64_t value) const { return Subtract{}(0, value); }
};
struct Magnitude {
    std::int64_t operator()(std::int64_t value) const { return value < 0 ? Subtract{}(0, value) : value; }
};
struct Not {
    std::int64_t operator()(std::int64_t value) const { return value == 0; }
};

/// Of reals, or of integers where that has an own meaning.
struct OfReals {};
template <typename OfIntegers = OfReals>
Constant fold_function(const OnnxNode& node) {
    Constant result = node.constant(0);
    if constexpr (!std::is_same_v<OfIntegers, OfReals>) {
        if (result.is_integer()) {
            auto& values = std::get<std::vector<std::int64_t>>(result.values);
            std::ranges::transform(values, values.begin(), OfIntegers{});
            return result;
        }
    }
    if (result.shape.elements() == 0) return result;
    const ConstView input{result.shape, result.reals().data()};
    const View output{result.shape, std::get<std::vector<float>>(result.values).data()};
    forward(function_of(node), ForwardArguments{.inputs = {&input, 1}, .outputs = {&output, 1}, .saved = {}});
    return result;
}

/// Of a constant with a scale, shift, mean and variance for each index of its second axis: exporters write so that
/// weights are standardized before each use.
Constant fold_batch_normalization(const OnnxNode& node) {
    if (node.integer("training_mode").value_or(0) != 0 || node.integer("spatial").value_or(1) == 0) {
        fail("it normalizes constants by statistics of their own, which is not supported");
    }
    const Shape& shape = node.constant(0).shape;
    std::vector<float> values = node.constant(0).reals();
    const std::int64_t channels = shape.rank() > 1 ? shape[1] : 1;
    std::array<std::vector<float>, 4> statistics;
    for (int i = 0; i < 4; ++i) {
        const Constant& constant = node.constant(i + 1);
        if (!(constant.shape == Shape{channels})) {
            fail("input {} has shape {}, ({}) was expected", i + 1, to_string(constant.shape), channels);
        }
        statistics[static_cast<std::size_t>(i)] = constant.reals();
    }
    const auto& [scale, shift, mean, variance] = statistics;
    const float epsilon = node.real("epsilon").value_or(1e-5F);
    const auto inner = static_cast<std::size_t>(shape.rank() > 2 ? shape.elements(2, shape.rank()) : 1);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t c = i / inner % static_cast<std::size_t>(channels);
        values[i] = scale[c] * (values[i] - mean[c]) / std::sqrt(variance[c] + epsilon) + shift[c];
    }
    return {shape, std::move(values)};
}

Constant fold_where(const OnnxNode& node) {
    const Constant& condition = node.constant(0);
    if (node.constant(1).is_integer() != node.constant(2).is_integer()) {
        fail("one input is of integers, the other of reals");
    }
    const Shape values = broadcast_shape("Where", node.constant(1).shape, node.constant(2).shape);
    const Shape shape = broadcast_shape("Where", condition.shape, values);
    const Constant chosen = expanded(condition, shape);
    Constant result = expanded(node.constant(1), shape);
    const Constant other = expanded(node.constant(2), shape);
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
        if (chosen.integers()[static_cast<std::size_t>(i)] == 0) copy_elements(other, i, result, i, 1);
    }
    return result;
}

/// Of integers along some axes, those of the walk whose first operand stands still.
Constant fold_integers(const Reduce& reduce, const Constant& input, const Shape& shape, const StridedWalk<2>& walk) {
    Constant result = allocate(shape, input);
    auto& sums = std::get<std::vector<std::int64_t>>(result.values);
    std::vector<bool> begun(sums.size());
    walk.for_each_run(
        0, walk.elements(),
        [&](const auto& offsets, std::int64_t) {
            const auto at = static_cast<std::size_t>(offsets[0]);
            const std::int64_t value = input.integers()[static_cast<std::size_t>(offsets[1])];
            if (!begun[at]) {
                sums[at] = value;
            } else if (reduce.kind == Reduce::Kind::sum) {
                sums[at] = Add{}(sums[at], value);
            } else if (reduce.kind == Reduce::Kind::product) {
                sums[at] = Multiply{}(sums[at], value);
            } else if (reduce.kind == Reduce::Kind::maximum) {
                sums[at] = std::max(sums[at], value);
            } else if (reduce.kind == Reduce::Kind::minimum) {
                sums[at] = std::min(sums[at], value);
            } else {
                fail("that of integers is not supported");
            }
            begun[at] = true;
        },
        1);
    return result;
}

Constant fold_reduction(const OnnxNode& node) {
    const Constant& input = node.constant(0);
    const Reduce reduce = reduction_of(node, input.shape.rank());
    const Shape shape = infer_shapes(reduce, std::span(&input.shape, 1)).front();
    Shape kept = input.shape;
    for (const int axis : reduce.axes) kept[axis] = 1;
    if (input.shape.elements() == 0) fail("a reduction of nothing is not supported");
    if (input.is_integer()) {
        return fold_integers(reduce, input, shape,
                             {input.shape, {broadcast_strides(kept, input.shape), dense_strides(input.shape)}});
    }
    Constant result = allocate(shape, input);
    const ConstView from{input.shape, input.reals().data()};
    const View to{shape, std::get<std::vector<float>>(result.values).data()};
    forward(reduce, ForwardArguments{.inputs = {&from, 1}, .outputs = {&to, 1}, .saved = {}});
    return result;
}

Constant fold_mean(const OnnxNode& node) {
    Constant result = fold_all<Add>(node);
    if (result.is_integer()) fail("one of integers is not supported");
    for (float& value : std::get<std::vector<float>>(result.values)) {
        value /= static_cast<float>(node.proto.input_size());
    }
    return result;
}

}  // namespace

Constant allocate(const Shape& shape, const Constant& like) {
    if (shape.elements() > std::max(kMostElements, like.shape.elements())) {
        fail("a constant of shape {} is too large", to_string(shape));
    }
    const auto elements = static_cast<std::size_t>(shape.elements());
    if (like.is_integer()) return {shape, std::vector<std::int64_t>(elements)};
    return {shape, std::vector<float>(elements)};
}

void copy_elements(const Constant& source, std::int64_t from, Constant& target, std::int64_t to, std::int64_t count) {
    std::visit(
        [&](auto& values) {
            const auto& sources = std::get<std::decay_t<decltype(values)>>(source.values);
            std::copy_n(sources.begin() + from, count, values.begin() + to);
        },
        target.values);
}

Constant strided(const Constant& source, const Shape& shape, std::int64_t begin, const Strides& strides) {
    Constant result = allocate(shape, source);
    const StridedWalk<1> walk(shape, {strides});
    const std::int64_t step = walk.innermost().strides[0];
    std::visit(
        [&](auto& values) {
            const auto& sources = std::get<std::decay_t<decltype(values)>>(source.values);
            auto value = values.begin();
            walk.for_each_run(0, walk.elements(), [&](const auto& offsets, std::int64_t count) {
                for (std::int64_t i = 0; i < count; ++i) {
                    *value++ = sources[static_cast<std::size_t>(begin + offsets[0] + i * step)];
                }
            });
        },
        result.values);
    return result;
}

Constant expanded(const Constant& source, const Shape& shape) {
    return source.shape == shape ? source : strided(source, shape, 0, broadcast_strides(source.shape, shape));
}

std::vector<float> as_reals(const Constant& constant) {
    if (!constant.is_integer()) return constant.reals();
    const auto& integers = constant.integers();
    return {integers.begin(), integers.end()};
}

const std::map<std::string_view, Constant (*)(const OnnxNode&)>& arithmetic_folds() {
    static const std::map<std::string_view, Constant (*)(const OnnxNode&)> table = [] {
        std::map<std::string_view, Constant (*)(const OnnxNode&)> all = {
            {"Abs", fold_function<Magnitude>},
            {"Add", fold_binary<Add>},
            {"And", fold_binary<Minimum>},
            {"BatchNormalization", fold_batch_normalization},
            {"Ceil", fold_function<Itself>},
            {"Div", fold_binary<Divide>},
            {"Equal", fold_comparison<std::equal_to<>>},
            {"Floor", fold_function<Itself>},
            {"Greater", fold_comparison<std::greater<>>},
            {"GreaterOrEqual", fold_comparison<std::greater_equal<>>},
            {"Less", fold_comparison<std::less<>>},
            {"LessOrEqual", fold_comparison<std::less_equal<>>},
            {"Max", fold_all<Maximum>},
            {"Mean", fold_mean},
            {"Min", fold_all<Minimum>},
            {"Mod", fold_modulo},
            {"Mul", fold_binary<Multiply>},
            {"Neg", fold_function<Negate>},
            {"Not", fold_function<Not>},
            {"Or", fold_binary<Maximum>},
            {"Pow", fold_binary<Power>},
            {"Sub", fold_binary<Subtract>},
            {"Sum", fold_all<Add>},
            {"Where", fold_where},
        };
        for (const auto& [type, function] : element_functions()) all.emplace(type, fold_function<>);
        for (const auto& [type, kind] : reductions()) all.emplace(type, fold_reduction);
        return all;
    }();
    return table;
}

}  // namespace eigenbit::internal
