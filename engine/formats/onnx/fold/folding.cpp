#include "engine/formats/onnx/fold/folding.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/fold/arithmetic.h"
#include "engine/formats/onnx/fold/weights.h"
#include "engine/formats/onnx/shapes.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace eigenbit::internal {
namespace {

Constant with_shape(const Constant& constant, const Shape& shape) { return {shape, constant.values}; }

Constant fold_constant(const OnnxNode& node) {
    if (const auto* value = node.find_attribute("value")) {
        if (!value->has_t()) fail("attribute 'value' is not a tensor");
        return read_constant(value->t());
    }
    if (const auto value = node.integer("value_int")) return {Shape{}, std::vector{*value}};
    if (const auto value = node.real("value_float")) return {Shape{}, std::vector{*value}};
    if (auto values = node.integers("value_ints")) return integer_list(std::move(*values));
    if (const auto* list = node.find_attribute("value_floats")) {
        return {Shape{list->floats_size()}, std::vector<float>(list->floats().begin(), list->floats().end())};
    }
    fail("it has no value of a supported kind (tensor, integers or reals)");
}

Constant fold_constant_of_shape(const OnnxNode& node) {
    const Shape shape(node.constant(0).integers());
    Constant value{Shape{}, std::vector{0.0F}};
    if (const auto* attribute = node.find_attribute("value")) value = read_constant(attribute->t());
    if (value.shape.elements() != 1)
        fail("attribute 'value' has shape {}, one value was expected", to_string(value.shape));
    return strided(with_shape(value, Shape{}), shape, 0, Strides{});
}

Constant fold_shape(const OnnxNode& node) { return shape_constant(node, node.constant(0).shape); }
Constant fold_size(const OnnxNode& node) { return size_constant(node.constant(0).shape); }
Constant fold_identity(const OnnxNode& node) { return node.constant(0); }

Constant fold_dropout(const OnnxNode& node) {
    refuse_training_dropout(node);
    return node.constant(0);
}

template <ShapeRule rule>
Constant fold_by_rule(const OnnxNode& node) {
    return with_shape(node.constant(0), rule(node, node.constant(0).shape));
}

std::int64_t to_integer(float value) {
    constexpr float kLimit = 9.2e18F;
    if (!(value > -kLimit && value < kLimit)) fail("{} cannot be converted to an integer", value);
    return static_cast<std::int64_t>(value);
}

Constant fold_cast(const OnnxNode& node) {
    const Constant& input = node.constant(0);
    const auto type = static_cast<int>(node.integer("to").value_or(0));
    Constant result{input.shape, {}};
    switch (type) {
    case onnx::TensorProto::FLOAT:
    case onnx::TensorProto::FLOAT16:
    case onnx::TensorProto::DOUBLE:
        result.values = as_reals(input);
        break;
    case onnx::TensorProto::BOOL:
    case onnx::TensorProto::INT32:
    case onnx::TensorProto::INT64: {
        std::vector<std::int64_t> integers;
        if (input.is_integer())
            integers = input.integers();
        else
            std::ranges::transform(input.reals(), std::back_inserter(integers), to_integer);
        if (type == onnx::TensorProto::BOOL) {
            for (std::size_t i = 0; i < integers.size(); ++i) {
                integers[i] = input.is_integer() ? integers[i] != 0 : input.reals()[i] != 0.0F;
            }
        }
        result.values = std::move(integers);
        break;
    }
    default:
        fail("a cast to element type {} is not supported", type);
    }
    return result;
}

Constant fold_transpose(const OnnxNode& node) {
    const Constant& input = node.constant(0);
    const Strides strides = dense_strides(input.shape);
    Shape shape = input.shape;
    Strides permuted{};
    const std::vector<int> axes = permutation(node, input.shape.rank());
    for (int axis = 0; axis < shape.rank(); ++axis) {
        const int source = axes[static_cast<std::size_t>(axis)];
        shape[axis] = input.shape[source];
        permuted[static_cast<std::size_t>(axis)] = strides[static_cast<std::size_t>(source)];
    }
    return strided(input, shape, 0, permuted);
}

Constant fold_slice(const OnnxNode& node) {
    const Constant& input = node.constant(0);
    const std::vector<Slice::Range> ranges = slice_ranges(node, input.shape.rank());
    Strides strides = dense_strides(input.shape);
    Shape shape = input.shape;
    std::int64_t begin = 0;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        const auto [first, count] = select(ranges[a], input.shape[axis]);
        begin += first * strides[a];
        shape[axis] = count;
        strides[a] = count > 1 ? strides[a] * ranges[a].step : 0;
    }
    return strided(input, shape, begin, strides);
}

Constant fold_expand(const OnnxNode& node) {
    const Constant& input = node.constant(0);
    const Shape target(node.constant(1).integers());
    return expanded(input, broadcast_shape("Expand", input.shape, target));
}

Constant fold_gather(const OnnxNode& node) {
    const Constant& data = node.constant(0);
    const Constant& indices = node.constant(1);
    const int axis = normalized_axis(node.integer("axis").value_or(0), data.shape.rank());
    std::vector<std::int64_t> extents(data.shape.begin(), data.shape.begin() + axis);
    extents.insert(extents.end(), indices.shape.begin(), indices.shape.end());
    extents.insert(extents.end(), data.shape.begin() + axis + 1, data.shape.end());
    const std::int64_t inner = data.shape.elements(axis + 1, data.shape.rank());
    Constant result = allocate(Shape(extents), data);
    if (result.shape.elements() == 0) return result;
    std::int64_t target = 0;
    for (std::int64_t outer = 0; outer < data.shape.elements(0, axis); ++outer) {
        for (const std::int64_t index : indices.integers()) {
            const int position = normalized_axis(index, static_cast<int>(data.shape[axis]));
            copy_elements(data, (outer * data.shape[axis] + position) * inner, result, target, inner);
            target += inner;
        }
    }
    return result;
}

Constant fold_gather_nd(const OnnxNode& node) {
    const Constant& data = node.constant(0);
    const PointPositions points = point_positions(node, data.shape);
    const std::int64_t inner = data.shape.elements(points.axes, data.shape.rank());
    Constant result = allocate(with_first_axes(points.shape, data.shape, points.axes), data);
    std::int64_t target = 0;
    for (const std::int64_t position : points.positions) {
        copy_elements(data, position * inner, result, target, inner);
        target += inner;
    }
    return result;
}

Constant fold_concat(const OnnxNode& node) {
    const Constant& first = node.constant(0);
    const int axis = normalized_axis(node.integer("axis").value_or(0), first.shape.rank());
    Shape shape = first.shape;
    shape[axis] = 0;
    for (int input = 0; input < node.proto.input_size(); ++input) {
        Shape other = node.constant(input).shape;
        if (other.rank() != shape.rank() || node.constant(input).is_integer() != first.is_integer()) {
            fail("input {} has another rank or kind than input 0", input);
        }
        shape[axis] += other[axis];
        other[axis] = first.shape[axis];
        if (!(other == first.shape)) fail("input {} does not fit input 0, {}", input, to_string(first.shape));
    }
    Constant result = allocate(shape, first);
    if (shape.elements() == 0) return result;
    std::int64_t target = 0;
    for (std::int64_t outer = 0; outer < shape.elements(0, axis); ++outer) {
        for (int input = 0; input < node.proto.input_size(); ++input) {
            const Constant& source = node.constant(input);
            const std::int64_t run = source.shape.elements(axis, shape.rank());
            copy_elements(source, outer * run, result, target, run);
            target += run;
        }
    }
    return result;
}

/// start, start + delta, … before the limit.
template <typename Number>
Constant range(const OnnxNode& node, Number start, Number limit, Number delta) {
    constexpr double kFarthest = 1e12;
    const auto near = [](Number value) { return std::abs(static_cast<double>(value)) < kFarthest; };
    if (delta == Number{0} || !near(start) || !near(limit) || !near(delta)) {
        fail("a range from {} to {} in steps of {} is not supported", start, limit, delta);
    }
    const double steps = (static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta);
    Constant result = allocate(Shape{static_cast<std::int64_t>(std::max(std::ceil(steps), 0.0))}, node.constant(0));
    auto& values = std::get<std::vector<Number>>(result.values);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = start + static_cast<Number>(i) * delta;
    return result;
}

Constant fold_range(const OnnxNode& node) {
    for (int input = 0; input < 3; ++input) {
        const Constant& constant = node.constant(input);
        if (constant.shape.elements() == 1 && constant.is_integer() == node.constant(0).is_integer()) continue;
        fail("input {} has shape {}, one value like input 0 was expected", input, to_string(constant.shape));
    }
    const auto of = [&]<typename Number>(Number) {
        const auto value = [&](int input) {
            return std::get<std::vector<Number>>(node.constant(input).values).front();
        };
        return range(node, value(0), value(1), value(2));
    };
    return node.constant(0).is_integer() ? of(std::int64_t{}) : of(float{});
}

Constant fold_tile(const OnnxNode& node) {
    const Constant& input = node.constant(0);
    const std::vector<std::int64_t>& repeats = node.constant(1).integers();
    const Shape& x = input.shape;
    if (repeats.size() != static_cast<std::size_t>(x.rank()))
        fail("{} repeats are given for {} axes", repeats.size(), x.rank());
    Constant result = input;
    // Axis by axis, from the last one: what lies behind an axis is a run of neighbours.
    for (int axis = x.rank() - 1; axis >= 0; --axis) {
        const std::int64_t count = repeats[static_cast<std::size_t>(axis)];
        if (count < 0) fail("axis {} is repeated {} times", axis, count);
        if (count == 1) continue;
        const Constant once = result;
        Shape shape = once.shape;
        shape[axis] *= count;
        result = allocate(shape, once);
        const std::int64_t run = once.shape.elements(axis, shape.rank());
        for (std::int64_t row = 0; row < shape.elements(0, axis); ++row) {
            for (std::int64_t i = 0; i < count; ++i)
                copy_elements(once, row * run, result, (row * count + i) * run, run);
        }
    }
    return result;
}

using Fold = Constant (*)(const OnnxNode&);

const std::map<std::string_view, Fold>& folds() {
    static const std::map<std::string_view, Fold> table = [] {
        std::map<std::string_view, Fold> all = {
            {"Cast", fold_cast},
            {"Concat", fold_concat},
            {"Constant", fold_constant},
            {"ConstantOfShape", fold_constant_of_shape},
            {"DequantizeLinear", fold_dequantize},
            {"Dropout", fold_dropout},
            {"Expand", fold_expand},
            {"Flatten", fold_by_rule<flattened>},
            {"Gather", fold_gather},
            {"GatherND", fold_gather_nd},
            {"Identity", fold_identity},
            {"MatMul", fold_matmul},
            {"QuantizeLinear", fold_quantize},
            {"Range", fold_range},
            {"Reshape", fold_by_rule<reshaped>},
            {"Shape", fold_shape},
            {"Size", fold_size},
            {"Slice", fold_slice},
            {"Squeeze", fold_by_rule<squeezed>},
            {"Tile", fold_tile},
            {"Transpose", fold_transpose},
            {"Unsqueeze", fold_by_rule<unsqueezed>},
        };
        all.insert(arithmetic_folds().begin(), arithmetic_folds().end());
        return all;
    }();
    return table;
}

}  // namespace

bool can_fold(std::string_view op_type) { return folds().contains(op_type); }

Constant fold(const OnnxNode& node) { return folds().at(node.proto.op_type())(node); }

Constant shape_constant(const OnnxNode& node, const Shape& input) {
    const auto position = [&](std::int64_t value) {
        return std::clamp<std::int64_t>(value < 0 ? value + input.rank() : value, 0, input.rank());
    };
    const std::int64_t begin = position(node.integer("start").value_or(0));
    const std::int64_t end = std::max(begin, position(node.integer("end").value_or(input.rank())));
    return integer_list(std::vector<std::int64_t>(input.begin() + begin, input.begin() + end));
}

Constant size_constant(const Shape& input) { return {Shape{}, std::vector{input.elements()}}; }

}  // namespace eigenbit::internal
