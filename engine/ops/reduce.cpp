#include "engine/ops/reduce.h"

#include "engine/base/error.h"
#include "engine/kernels/f32/exponential_functions.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided_fold.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace eigenbit::internal {
namespace {

using Kind = Reduce::Kind;

/// The input's shape with extent 1 along the reduced axes.
Shape kept_shape(const Reduce& reduce, const Shape& x) {
    Shape kept = x;
    for (const int axis : reduce.axes) kept[axis] = 1;
    return kept;
}

/// What every term of a sum is multiplied by.
float term_factor(const Reduce& reduce, const Shape& x) {
    if (reduce.kind != Kind::mean) return 1.0F;
    std::int64_t terms = 1;
    for (const int axis : reduce.axes) terms *= x[axis];
    return terms == 0 ? 0.0F : 1.0F / static_cast<float>(terms);
}

/// Follows the input, densely, and what is kept of it, which stands still along the reduced axes.
class ReductionWalk {
  public:
    ReductionWalk(const Reduce& reduce, const Shape& x)
        : walk_(x, {broadcast_strides(kept_shape(reduce, x), x), dense_strides(x)}) {}

    /// kept = the fold of term(element of the input, position of what is kept).
    template <typename Fold, typename Term>
    void fold(ConstView x, View kept, Term term) const {
        const std::int64_t step = walk_.innermost().strides[0];
        const StridedTerms<2> terms = [&](const auto& offsets, std::int64_t count, float* buffer) {
            const float* from = x.data + offsets[1];
            for (std::int64_t i = 0; i < count; ++i) buffer[i] = term(from[i], offsets[0] + i * step);
            return buffer;
        };
        std::ranges::fill(kept.values(), 0.0F);
        StridedFold<2, Fold>(walk_, terms).add_to(kept, 1.0F);
    }

    /// The same of the elements themselves.
    template <typename Fold>
    void fold(ConstView x, View kept, float factor = 1.0F) const {
        const StridedTerms<2> terms = [&](const auto& offsets, std::int64_t, float*) { return x.data + offsets[1]; };
        std::ranges::fill(kept.values(), 0.0F);
        StridedFold<2, Fold>(walk_, terms).add_to(kept, factor);
    }

    /// dx += gradient(x, position of what is kept)
    template <typename Gradient>
    void add_gradients(ConstView x, View dx, Gradient gradient) const {
        const std::int64_t step = walk_.innermost().strides[0];
        for_each_chunk(walk_.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
            walk_.for_each_run(begin, end, [&](const auto& offsets, std::int64_t count) {
                const float* from = x.data + offsets[1];
                float* to = dx.data + offsets[1];
                for (std::int64_t i = 0; i < count; ++i) to[i] += gradient(from[i], offsets[0] + i * step);
            });
        });
    }

  private:
    StridedWalk<2> walk_;
};

template <typename Function>
void apply(View values, Function function) {
    for (float& value : values.values()) value = function(value);
}

/// log of the sum of exponentials, which are taken relative to the largest.
void log_sum_exp(const ReductionWalk& walk, ConstView x, View y) {
    Tensor largest(y.shape);
    walk.fold<Largest>(x, largest);
    apply(largest, [](float value) { return std::isinf(value) ? 0.0F : value; });
    walk.fold<Sum>(x, y, [&](float value, std::int64_t at) { return exponential(value - largest[at]); });
    for (std::int64_t i = 0; i < y.elements(); ++i) y[i] = largest[i] + std::log(y[i]);
}

/// The largest, or smallest, of bytes.
template <typename Better>
void select_bytes(const Reduce& reduce, const ByteForwardArguments& arguments, Better better) {
    const auto x = arguments.inputs[0];
    const auto y = arguments.outputs[0];
    std::ranges::fill(y.values(), better(std::uint8_t{0}, std::uint8_t{255}) ? std::uint8_t{255} : std::uint8_t{0});
    const StridedWalk<2> walk(x.shape,
                              {broadcast_strides(kept_shape(reduce, x.shape), x.shape), dense_strides(x.shape)});
    const std::int64_t step = walk.innermost().strides[0];
    walk.for_each_run(0, walk.elements(), [&](const auto& offsets, std::int64_t count) {
        const std::uint8_t* from = x.data + offsets[1];
        std::uint8_t* to = y.data + offsets[0];
        for (std::int64_t i = 0; i < count; ++i) to[i * step] = better(from[i], to[i * step]) ? from[i] : to[i * step];
    });
}

/// The means of so many levels each, from sums of this type.
template <typename Sum>
void average_levels(const Reduce& reduce, const LevelMeanArguments& arguments, std::int64_t levels) {
    const auto x = arguments.levels;
    const View y = arguments.means;
    const StridedWalk<2> walk(x.shape,
                              {broadcast_strides(kept_shape(reduce, x.shape), x.shape), dense_strides(x.shape)});
    const std::int64_t step = walk.innermost().strides[0];
    // Indices of the outermost axis have their own means where it is kept.
    const std::int64_t parts = walk.outermost().strides[0] != 0 ? walk.outermost().extent : 1;
    const std::int64_t means = y.elements() / parts;
    const std::int64_t elements = walk.elements() / parts;
    for_each_chunk(parts, elements, [&](std::int64_t begin, std::int64_t end) {
        std::vector<Sum> sums(static_cast<std::size_t>((end - begin) * means));
        walk.for_each_run(begin * elements, end * elements, [&](const auto& offsets, std::int64_t count) {
            const std::uint8_t* from = x.data + offsets[1];
            Sum* sum = sums.data() + offsets[0] - begin * means;
            if (step == 0) {
                *sum = std::accumulate(from, from + count, *sum);
            } else {
                for (std::int64_t i = 0; i < count; ++i) sum[i] += from[i];
            }
        });
        for (std::size_t i = 0; i < sums.size(); ++i) {
            y[begin * means + static_cast<std::int64_t>(i)] =
                arguments.mean(static_cast<std::int64_t>(sums[i]), levels, levels);
        }
    });
}

bool is_shared(const Reduce& reduce) { return reduce.kind == Kind::maximum || reduce.kind == Kind::minimum; }

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
    const ReductionWalk walk(reduce, x.shape);
    const auto square = [](float value, std::int64_t) { return value * value; };
    switch (reduce.kind) {
    case Kind::sum:
    case Kind::mean:
        return walk.fold<Sum>(x, y, term_factor(reduce, x.shape));
    case Kind::maximum:
        return walk.fold<Largest>(x, y);
    case Kind::minimum:
        return walk.fold<Smallest>(x, y);
    case Kind::product:
        return walk.fold<ProductOfAll>(x, y);
    case Kind::l1:
        return walk.fold<Sum>(x, y, [](float value, std::int64_t) { return std::abs(value); });
    case Kind::l2:
        walk.fold<Sum>(x, y, square);
        return apply(y, [](float sum) { return std::sqrt(sum); });
    case Kind::sum_square:
        return walk.fold<Sum>(x, y, square);
    case Kind::log_sum:
        walk.fold<Sum>(x, y);
        return apply(y, [](float sum) { return std::log(sum); });
    case Kind::log_sum_exp:
        return log_sum_exp(walk, x, y);
    }
}

void forward(const Reduce& reduce, const ByteForwardArguments& arguments) {
    if (reduce.kind == Kind::maximum) return select_bytes(reduce, arguments, std::greater<>());
    select_bytes(reduce, arguments, std::less<>());
}

void forward(const Reduce& reduce, const LevelMeanArguments& arguments) {
    constexpr std::int64_t kMostLevels = std::numeric_limits<std::uint32_t>::max() / 255;
    const std::int64_t levels = arguments.levels.elements() / std::max<std::int64_t>(arguments.means.elements(), 1);
    if (levels > kMostLevels) return average_levels<std::uint64_t>(reduce, arguments, levels);
    average_levels<std::uint32_t>(reduce, arguments, levels);
}

/// Of a maximum or minimum how many elements are it; of a product how many factors are 0, and the product of the
/// others.
std::int64_t backward_workspace(const Reduce& reduce, std::span<const Shape> inputs) {
    const std::int64_t kept = kept_shape(reduce, inputs[0]).elements();
    if (reduce.kind == Kind::product) return 2 * kept;
    return is_shared(reduce) ? kept : 0;
}

void backward(const Reduce& reduce, const BackwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const ConstView y = arguments.outputs[0];
    const ConstView dy = arguments.output_gradients[0];
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    const ReductionWalk walk(reduce, x.shape);
    const auto add = [&](auto gradient) { walk.add_gradients(x, dx, gradient); };
    Tensor own;
    float* workspace = arguments.workspace.data;
    if (const std::int64_t floats = backward_workspace(reduce, std::span(&x.shape, 1)); floats > 0 && !workspace) {
        own = Tensor(Shape{floats});
        workspace = own.data();
    }
    switch (reduce.kind) {
    case Kind::sum:
    case Kind::mean: {
        const Strides repeated = broadcast_strides(kept_shape(reduce, dx.shape), dx.shape);
        return add_strided({dx.shape, {dense_strides(dx.shape), repeated}}, dx.data, dy.data,
                           term_factor(reduce, dx.shape));
    }
    case Kind::maximum:
    case Kind::minimum: {
        const View counts{y.shape, workspace};
        const auto is_it = [&](float value, std::int64_t at) { return value == y[at] ? 1.0F : 0.0F; };
        walk.fold<Sum>(x, counts, is_it);
        return add([&](float value, std::int64_t at) { return value == y[at] ? dy[at] / counts[at] : 0.0F; });
    }
    case Kind::product: {
        const View zeros{y.shape, workspace};
        const View products{y.shape, workspace + y.elements()};
        walk.fold<Sum>(x, zeros, [](float value, std::int64_t) { return value == 0.0F ? 1.0F : 0.0F; });
        walk.fold<ProductOfAll>(x, products, [](float value, std::int64_t) { return value == 0.0F ? 1.0F : value; });
        return add([&](float value, std::int64_t at) {
            const float other_zeros = zeros[at] - (value == 0.0F ? 1.0F : 0.0F);
            return other_zeros > 0.0F ? 0.0F : dy[at] * products[at] / (value == 0.0F ? 1.0F : value);
        });
    }
    case Kind::l1:
        return add(
            [&](float value, std::int64_t at) { return value == 0.0F ? 0.0F : std::copysign(1.0F, value) * dy[at]; });
    case Kind::l2:
        return add([&](float value, std::int64_t at) { return y[at] == 0.0F ? 0.0F : value / y[at] * dy[at]; });
    case Kind::sum_square:
        return add([&](float value, std::int64_t at) { return 2.0F * value * dy[at]; });
    case Kind::log_sum:
        return add([&](float, std::int64_t at) { return dy[at] / std::exp(y[at]); });
    case Kind::log_sum_exp:
        return add([&](float value, std::int64_t at) { return dy[at] * exponential(value - y[at]); });
    }
}

}  // namespace eigenbit::internal
