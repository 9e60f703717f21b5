#include "engine/ops/reduce.h"

#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided_sum.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// The input's shape with extent 1 along the reduced axes.
Shape kept_shape(const Reduce& reduce, const Shape& x) {
    Shape kept = x;
    for (const int axis : reduce.axes) kept[axis] = 1;
    return kept;
}

/// What every term of a sum is multiplied by.
float term_factor(const Reduce& reduce, const Shape& x) {
    if (reduce.kind == Reduce::Kind::sum) return 1.0F;
    std::int64_t terms = 1;
    for (const int axis : reduce.axes) terms *= x[axis];
    return terms == 0 ? 0.0F : 1.0F / static_cast<float>(terms);
}

}  // namespace

std::vector<Shape> infer_shapes(const Reduce& reduce, std::span<const Shape> inputs) {
    expect_inputs(reduce.kType, inputs, 1, 1);
    const Shape& x = inputs[0];
    for (const int axis : reduce.axes) expect_axis(reduce.kType, axis, x);
    if (!std::is_sorted(reduce.axes.begin(), reduce.axes.end(), std::less_equal<>{})) {
        fail("Reduce has the axes ({}), expected each once and rising.", joined(reduce.axes));
    }
    if (reduce.keep_axes) return {kept_shape(reduce, x)};
    std::vector<std::int64_t> extents;
    for (int axis = 0; axis < x.rank(); ++axis) {
        if (!std::ranges::binary_search(reduce.axes, axis)) extents.push_back(x[axis]);
    }
    return {Shape(extents)};
}

void forward(const Reduce& reduce, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const View y = arguments.outputs[0];
    std::ranges::fill(y.values(), 0.0F);
    add_sums(x, broadcast_strides(kept_shape(reduce, x.shape), x.shape), y, term_factor(reduce, x.shape));
}

void backward(const Reduce& reduce, const BackwardArguments& arguments) {
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    const Strides repeated = broadcast_strides(kept_shape(reduce, dx.shape), dx.shape);
    add_strided({dx.shape, {dense_strides(dx.shape), repeated}}, dx.data, arguments.output_gradients[0].data,
                term_factor(reduce, dx.shape));
}

}  // namespace eigenbit::internal
