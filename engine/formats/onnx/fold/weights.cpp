#include "engine/formats/onnx/fold/weights.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/fold/arithmetic.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace eigenbit::internal {
namespace {

/// The scale or zero point of every element of a tensor of shape `x`.
Constant by_element(const OnnxNode& node, int input, const Shape& x) {
    const Constant& given = node.constant(input);
    if (given.shape.elements() == 1) return strided(given, x, 0, Strides{});
    const int axis = normalized_axis(node.integer("axis").value_or(1), x.rank());
    const std::int64_t block = node.integer("block_size").value_or(0);
    if (block < 0) fail("attribute 'block_size' is {}, a positive number was expected", block);
    Shape along = x;
    for (int i = 0; i < x.rank(); ++i) along[i] = i == axis ? x[i] : 1;
    if (block == 0) {
        if (!(given.shape == Shape{x[axis]})) {
            fail("input {} has shape {}, expected one value for each of {} channels", input, to_string(given.shape),
                 x[axis]);
        }
        return expanded({along, given.values}, x);
    }
    Shape blocks = x;
    blocks[axis] = (x[axis] + block - 1) / block;
    if (!(given.shape == blocks)) {
        fail("input {} has shape {}, expected {} for blocks of {}", input, to_string(given.shape), to_string(blocks),
             block);
    }
    Constant result = allocate(x, given);
    const std::int64_t inner = x.elements(axis + 1, x.rank());
    for (std::int64_t outer = 0; outer < x.elements(0, axis); ++outer) {
        for (std::int64_t channel = 0; channel < x[axis]; ++channel) {
            copy_elements(given, (outer * blocks[axis] + channel / block) * inner, result,
                          (outer * x[axis] + channel) * inner, inner);
        }
    }
    return result;
}

}  // namespace

Constant fold_dequantize(const OnnxNode& node) {
    const Constant& levels = node.constant(0);
    const Constant scales = by_element(node, 1, levels.shape);
    std::vector<float> values = as_reals(levels);
    if (node.has_input(2)) {
        const Constant points = by_element(node, 2, levels.shape);
        std::ranges::transform(values, as_reals(points), values.begin(), std::minus{});
    }
    std::ranges::transform(values, scales.reals(), values.begin(), std::multiplies{});
    return {levels.shape, std::move(values)};
}

Constant fold_quantize(const OnnxNode& node) {
    const Constant& x = node.constant(0);
    const Constant scales = by_element(node, 1, x.shape);
    std::int64_t type = node.integer("output_dtype").value_or(onnx::TensorProto::UINT8);
    std::vector<std::int64_t> levels(x.reals().size(), 0);
    if (node.has_input(2)) {
        if (node.constant(2).element_type != 0) type = node.constant(2).element_type;
        levels = by_element(node, 2, x.shape).integers();
    }
    const auto [lowest, highest] = level_range(type);
    for (std::size_t i = 0; i < levels.size(); ++i) {
        const float level = std::nearbyint(x.reals()[i] / scales.reals()[i]) + static_cast<float>(levels[i]);
        if (std::isnan(level)) fail("value {} is not a number", i);
        levels[i] =
            static_cast<std::int64_t>(std::clamp(level, static_cast<float>(lowest), static_cast<float>(highest)));
    }
    return {x.shape, std::move(levels), static_cast<int>(type)};
}

Constant fold_matmul(const OnnxNode& node) {
    const Constant& a = node.constant(0);
    const Constant& b = node.constant(1);
    if (a.shape.rank() < 2 || b.shape.rank() < 2 || a.shape.back() != b.shape[b.shape.rank() - 2]) {
        fail("matrices of shapes {} and {} cannot be multiplied", to_string(a.shape), to_string(b.shape));
    }
    const auto outer = [](const Shape& shape) {
        return Shape(std::vector<std::int64_t>(shape.begin(), shape.end() - 2));
    };
    const Shape batches = broadcast_shape("MatMul", outer(a.shape), outer(b.shape));
    const std::int64_t rows = a.shape[a.shape.rank() - 2];
    const std::int64_t depth = a.shape.back();
    const std::int64_t columns = b.shape.back();
    std::vector<std::int64_t> extents(batches.begin(), batches.end());
    extents.insert(extents.end(), {rows, columns});
    Constant result = allocate(Shape(extents), a);
    float* y = std::get<1>(result.values).data();
    const StridedWalk<2> walk(batches,
                              {broadcast_strides(outer(a.shape), batches), broadcast_strides(outer(b.shape), batches)});
    const auto multiply = [&](std::int64_t batch_a, std::int64_t batch_b) {
        const float* left = a.reals().data() + batch_a * rows * depth;
        const float* right = b.reals().data() + batch_b * depth * columns;
        for (std::int64_t row = 0; row < rows; ++row, y += columns) {
            for (std::int64_t k = 0; k < depth; ++k) {
                const float factor = left[row * depth + k];
                for (std::int64_t column = 0; column < columns; ++column)
                    y[column] += factor * right[k * columns + column];
            }
        }
    };
    walk.for_each_run(0, walk.elements(), [&](const auto& offsets, std::int64_t count) {
        const auto& strides = walk.innermost().strides;
        for (std::int64_t i = 0; i < count; ++i) multiply(offsets[0] + i * strides[0], offsets[1] + i * strides[1]);
    });
    return result;
}

}  // namespace eigenbit::internal
