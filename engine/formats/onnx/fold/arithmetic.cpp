#include "engine/formats/onnx/fold/arithmetic.h"

#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

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

/// The two inputs, broadcast to one shape.
std::pair<Constant, Constant> operands(const OnnxNode& node) {
    if (node.proto.input_size() != 2) fail("{} inputs, 2 were expected", node.proto.input_size());
    const Constant& a = node.constant(0);
    const Constant& b = node.constant(1);
    if (a.is_integer() != b.is_integer()) fail("one input is of integers, the other of reals");
    const Shape shape = broadcast_shape(node.proto.op_type(), a.shape, b.shape);
    return {expanded(a, shape), expanded(b, shape)};
}

template <typename Function>
Constant fold_binary(const OnnxNode& node) {
    auto [result, other] = operands(node);
    std::visit(
        [&others = other.values](auto& values) {
            const auto& right = std::get<std::decay_t<decltype(values)>>(others);
            std::ranges::transform(values, right, values.begin(), Function{});
        },
        result.values);
    return std::move(result);
}

template <typename Compare>
Constant fold_comparison(const OnnxNode& node) {
    const auto [left, right] = operands(node);
    std::vector<std::int64_t> results;
    std::visit(
        [&results, &others = right.values](const auto& values) {
            const auto& compared = std::get<std::decay_t<decltype(values)>>(others);
            for (std::size_t i = 0; i < values.size(); ++i) results.push_back(Compare{}(values[i], compared[i]));
        },
        left.values);
    return {left.shape, std::move(results)};
}

struct Floor {
    std::int64_t operator()(std::int64_t value) const { return value; }
    float operator()(float value) const { return std::floor(value); }
};
struct Ceil {
    std::int64_t operator()(std::int64_t value) const { return value; }
    float operator()(float value) const { return std::ceil(value); }
};
struct Negate {
    std::int64_t operator()(std::int64_t value) const { return Subtract{}(0, value); }
    float operator()(float value) const { return -value; }
};
struct SquareRoot {
    std::int64_t operator()(std::int64_t value) const {
        fail("the square root of the integer {} is not supported", value);
    }
    float operator()(float value) const { return std::sqrt(value); }
};
struct Not {
    std::int64_t operator()(std::int64_t value) const { return value == 0; }
    float operator()(float value) const { fail("the negation of the real number {} is not supported", value); }
};

template <typename Function>
Constant fold_unary(const OnnxNode& node) {
    Constant result = node.constant(0);
    std::visit([](auto& values) { std::ranges::transform(values, values.begin(), Function{}); }, result.values);
    return result;
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

Constant fold_product(const OnnxNode& node) {
    const Constant& input = node.constant(0);
    if (node.integers("axes", 1).value_or(std::vector<std::int64_t>{0}).size() != 1 || input.shape.rank() != 1) {
        fail("only the product of a list is supported");
    }
    Constant result{node.integer("keepdims").value_or(1) != 0 ? Shape{1} : Shape{}, {}};
    std::visit(
        [&](const auto& values) {
            using Values = std::decay_t<decltype(values)>;
            using Element = typename Values::value_type;
            result.values = Values{std::accumulate(values.begin(), values.end(), Element{1}, Multiply{})};
        },
        input.values);
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
    static const std::map<std::string_view, Constant (*)(const OnnxNode&)> table = {
        {"Add", fold_binary<Add>},
        {"And", fold_binary<Minimum>},
        {"Ceil", fold_unary<Ceil>},
        {"Div", fold_binary<Divide>},
        {"Equal", fold_comparison<std::equal_to<>>},
        {"Floor", fold_unary<Floor>},
        {"Greater", fold_comparison<std::greater<>>},
        {"Less", fold_comparison<std::less<>>},
        {"Max", fold_binary<Maximum>},
        {"Min", fold_binary<Minimum>},
        {"Mod", fold_binary<Modulo>},
        {"Mul", fold_binary<Multiply>},
        {"Neg", fold_unary<Negate>},
        {"Not", fold_unary<Not>},
        {"Or", fold_binary<Maximum>},
        {"Pow", fold_binary<Power>},
        {"ReduceProd", fold_product},
        {"Sqrt", fold_unary<SquareRoot>},
        {"Sub", fold_binary<Subtract>},
        {"Where", fold_where},
    };
    return table;
}

}  // namespace eigenbit::internal
