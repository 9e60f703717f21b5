#include "engine/ops/normalization.h"

#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided_fold.h"

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

/// The axes of a tensor with the last cut into groups, and how what goes with its elements follows them.
class Layout {
  public:
    Layout(const Normalization& normalization, const Shape& x) : groups_(normalization.groups), cut_(groups_ > 1) {
        std::vector<std::int64_t> extents(x.begin(), x.end());
        if (cut_) {
            extents.back() = groups_;
            extents.push_back(x.back() / groups_);
        }
        shape = Shape(extents);
        statistic = shape;
        for (const int axis : normalization.axes) statistic[cut_ && axis + 1 == x.rank() ? axis + 1 : axis] = 1;
        elements = statistic.elements() == 0 ? 0 : shape.elements() / statistic.elements();
        statistic_strides = broadcast_strides(statistic, shape);
        x_ = x;
    }

    /// Those of a scale or bias that broadcasts to the tensor.
    Strides parameter_strides(const Shape& parameter) const {
        Strides strides = broadcast_strides(parameter, x_);
        if (cut_) {
            const auto last = static_cast<std::size_t>(x_.rank() - 1);
            strides[last + 1] = strides[last];
            strides[last] *= shape.back();
        }
        return strides;
    }

    Shape shape;
    Shape statistic;        // extent 1 along the axes that are normalized
    std::int64_t elements;  // that have a mean and a variance together
    Strides statistic_strides;

  private:
    Shape x_;
    std::int64_t groups_;
    bool cut_;
};

/// Numbers for the elements that are normalized together: for which, as many as Layout::statistic has elements.
struct Statistics {
    Tensor mean, factor;  // factor = 1 / √(variance + epsilon)
};

Statistics statistics_of(const Normalization& normalization, const Layout& layout, ConstView x) {
    Statistics result{Tensor(layout.statistic), Tensor(layout.statistic)};
    const float share = 1.0F / static_cast<float>(std::max<std::int64_t>(layout.elements, 1));
    add_sums({layout.shape, x.data}, layout.statistic_strides, result.mean, share);
    const StridedWalk<2> walk(layout.shape, {layout.statistic_strides, dense_strides(layout.shape)});
    const std::int64_t step = walk.innermost().strides[0];
    const StridedTerms<2> squares = [&](const auto& offsets, std::int64_t count, float* buffer) {
        const float* mean = result.mean.data() + offsets[0];
        const float* from = x.data + offsets[1];
        for (std::int64_t i = 0; i < count; ++i) {
            const float deviation = from[i] - mean[i * step];
            buffer[i] = deviation * deviation;
        }
        return buffer;
    };
    StridedSum<2>(walk, squares).add_to(result.factor, share);
    for (float& value : result.factor.values()) value = 1.0F / std::sqrt(value + normalization.epsilon);
    return result;
}

/// A scale of 1 or a bias of 0 where there is none.
ConstView parameter_or(std::span<const ConstView> inputs, std::size_t input, const float& otherwise) {
    return inputs.size() > input ? inputs[input] : ConstView{Shape{}, &otherwise};
}

constexpr float kOne = 1.0F;
constexpr float kZero = 0.0F;

}  // namespace

std::vector<Shape> infer_shapes(const Normalization& normalization, std::span<const Shape> inputs) {
    expect_inputs(normalization.kType, inputs, 1, 3);
    const Shape& x = inputs[0];
    const std::vector<int>& axes = normalization.axes;
    for (const int axis : axes) expect_axis(normalization.kType, axis, x);
    if (axes.empty() || !std::is_sorted(axes.begin(), axes.end(), std::less_equal<>{})) {
        fail("Normalization has the axes ({}), expected at least one, each once and rising.", joined(axes));
    }
    const std::int64_t groups = normalization.groups;
    if (groups < 1 || x.back() % groups != 0) {
        fail("Normalization cannot cut the {} channels of its input into {} groups.", x.back(), groups);
    }
    if (groups > 1 && (axes.back() + 1 != x.rank() || x.rank() == Shape::kMaxRank)) {
        fail("Normalization has {} groups for the axes ({}) of an input of shape {}.", groups, joined(axes),
             to_string(x));
    }
    if (!(normalization.epsilon >= 0.0F)) {
        fail("Normalization has the epsilon {}, expected at least 0.", normalization.epsilon);
    }
    for (const Shape& parameter : inputs.subspan(1)) {
        if (parameter.rank() <= x.rank() && broadcast_shape(normalization.kType, x, parameter) == x) continue;
        fail("Normalization has a parameter of shape {} for an input of shape {}.", to_string(parameter), to_string(x));
    }
    return {x};
}

void forward(const Normalization& normalization, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    if (x.elements() == 0) return;
    const ConstView scale = parameter_or(arguments.inputs, 1, kOne);
    const ConstView bias = parameter_or(arguments.inputs, 2, kZero);
    const Layout layout(normalization, x.shape);
    const Statistics statistics = statistics_of(normalization, layout, x);
    const StridedWalk<4> walk(layout.shape,
                              {dense_strides(layout.shape), layout.statistic_strides,
                               layout.parameter_strides(scale.shape), layout.parameter_strides(bias.shape)});
    const auto steps = walk.innermost().strides;
    float* const y = arguments.outputs[0].data;
    for_each_chunk(walk.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
        walk.for_each_run(begin, end, [&](const auto& offsets, std::int64_t count) {
            const float* from = x.data + offsets[0];
            float* __restrict to = y + offsets[0];
            const float* mean = statistics.mean.data() + offsets[1];
            const float* factor = statistics.factor.data() + offsets[1];
            const float* scales = scale.data + offsets[2];
            const float* biases = bias.data + offsets[3];
            for (std::int64_t i = 0; i < count; ++i) {
                const float normalized = (from[i] - mean[i * steps[1]]) * factor[i * steps[1]];
                to[i] = normalized * scales[i * steps[2]] + biases[i * steps[3]];
            }
        });
    });
}

void backward(const Normalization& normalization, const BackwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const ConstView dy = arguments.output_gradients[0];
    if (x.elements() == 0) return;
    const ConstView scale = parameter_or(arguments.inputs, 1, kOne);
    const Layout layout(normalization, x.shape);
    const Statistics statistics = statistics_of(normalization, layout, x);
    const Strides dense = dense_strides(layout.shape);
    const Strides& of_statistics = layout.statistic_strides;
    const Strides of_scale = layout.parameter_strides(scale.shape);

    if (const View dx = arguments.input_gradients[0]; dx.data != nullptr) {
        // With n = (x − mean) · factor and g = dy · scale: dx = factor · (g − mean of g − n · mean of g · n).
        const StridedWalk<3> walk(layout.shape, {of_statistics, dense, of_scale});
        const auto steps = walk.innermost().strides;
        const auto gradient = [&](const auto& offsets, std::int64_t i) {
            return dy[offsets[1] + i] * scale[offsets[2] + i * steps[2]];
        };
        const auto normalized = [&](const auto& offsets, std::int64_t i) {
            const std::int64_t at = offsets[0] + i * steps[0];
            return (x[offsets[1] + i] - statistics.mean[at]) * statistics.factor[at];
        };
        const float share = 1.0F / static_cast<float>(layout.elements);
        Tensor mean(layout.statistic);
        Tensor slope(layout.statistic);
        const StridedTerms<3> gradients = [&](const auto& offsets, std::int64_t count, float* buffer) {
            for (std::int64_t i = 0; i < count; ++i) buffer[i] = gradient(offsets, i);
            return buffer;
        };
        const StridedTerms<3> products = [&](const auto& offsets, std::int64_t count, float* buffer) {
            for (std::int64_t i = 0; i < count; ++i) buffer[i] = gradient(offsets, i) * normalized(offsets, i);
            return buffer;
        };
        StridedSum<3>(walk, gradients).add_to(mean, share);
        StridedSum<3>(walk, products).add_to(slope, share);
        for_each_chunk(walk.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
            walk.for_each_run(begin, end, [&](const auto& offsets, std::int64_t count) {
                for (std::int64_t i = 0; i < count; ++i) {
                    const std::int64_t at = offsets[0] + i * steps[0];
                    dx[offsets[1] + i] +=
                        statistics.factor[at] * (gradient(offsets, i) - mean[at] - normalized(offsets, i) * slope[at]);
                }
            });
        });
    }
    for (std::size_t input = 1; input < arguments.inputs.size(); ++input) {
        const View target = arguments.input_gradients[input];
        if (target.data == nullptr) continue;
        const StridedWalk<3> walk(layout.shape, {layout.parameter_strides(target.shape), dense, of_statistics});
        const std::int64_t step = walk.innermost().strides[2];
        const StridedTerms<3> terms = [&](const auto& offsets, std::int64_t count, float* buffer) {
            if (input == 2) return dy.data + offsets[1];
            for (std::int64_t i = 0; i < count; ++i) {
                const std::int64_t at = offsets[2] + i * step;
                buffer[i] = dy[offsets[1] + i] * (x[offsets[1] + i] - statistics.mean[at]) * statistics.factor[at];
            }
            return static_cast<const float*>(buffer);
        };
        StridedSum<3>(walk, terms).add_to(target, 1.0F);
    }
}

}  // namespace eigenbit::internal
