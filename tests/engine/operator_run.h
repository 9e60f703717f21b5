#pragma once

#include "engine/base/random.h"
#include "engine/ops/operator.h"
#include "tests/error_of.h"

#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Uniform in low … high; depends on the seed and the shape alone.
inline Tensor random_tensor(const Shape& shape, std::uint64_t seed, float low = -1.0F, float high = 1.0F) {
    Tensor tensor(shape);
    Random random({seed, static_cast<std::uint64_t>(shape.elements())});
    for (float& value : tensor.values()) value = low + (high - low) * static_cast<float>(random.uniform());
    return tensor;
}

/// Every value another one, `gap` apart, in random order, and half a gap away from 0: no two change places, and none
/// its sign, when they move by less than that.
inline Tensor spaced_tensor(const Shape& shape, std::uint64_t seed, float gap = 0.1F) {
    Tensor tensor(shape);
    Random random({seed});
    const std::int64_t count = shape.elements();
    for (std::int64_t i = 0; i < count; ++i) tensor[i] = gap * (static_cast<float>(i - count / 2) + 0.5F);
    for (std::int64_t i = count; i-- > 1;) std::swap(tensor[i], tensor[random.below(i + 1)]);
    return tensor;
}

/// 0, 1, 2 …
inline Tensor counted(const Shape& shape) {
    Tensor tensor(shape);
    std::iota(tensor.values().begin(), tensor.values().end(), 0.0F);
    return tensor;
}

/// What an operator's shape rule says against inputs of these shapes; empty where it takes them.
inline std::string refusal(const Operator& op, const std::vector<Shape>& shapes) {
    return error_of([&] { infer_shapes(op, shapes); });
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
    return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.values().size_bytes()) == 0;
}

inline std::vector<Shape> shapes_of(const std::vector<Tensor>& tensors) {
    std::vector<Shape> shapes;
    for (const Tensor& tensor : tensors) shapes.push_back(tensor.shape());
    return shapes;
}

/// One operator with its inputs, and all that its forward and backward leave. What they must write is not a number
/// before, so that whatever they leave out shows.
struct OperatorRun {
    Operator op;
    std::vector<Tensor> inputs;
    bool training = false;
    std::uint64_t seed = 1;
    std::vector<Tensor> outputs{};
    Tensor saved{};

    OperatorRun& forward() {
        outputs.clear();
        for (const Shape& shape : infer_shapes(op, shapes_of(inputs))) outputs.push_back(unwritten(shape));
        saved = unwritten(training ? saved_shape(op, shapes_of(inputs)) : Shape{0});
        const std::vector<ConstView> input_views(inputs.begin(), inputs.end());
        const std::vector<View> output_views(outputs.begin(), outputs.end());
        eigenbit::internal::forward(
            op,
            ForwardArguments{
                .inputs = input_views, .outputs = output_views, .saved = saved, .training = training, .seed = seed});
        return *this;
    }

    /// After forward(): adds to the given gradients, or sets them; an empty tensor is not wanted.
    void backward(const std::vector<Tensor>& output_gradients, std::vector<Tensor>& input_gradients,
                  bool set = false) const {
        const std::vector<ConstView> input_views(inputs.begin(), inputs.end());
        const std::vector<ConstView> output_views(outputs.begin(), outputs.end());
        const std::vector<ConstView> upstream(output_gradients.begin(), output_gradients.end());
        std::vector<View> gradient_views;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            gradient_views.push_back({inputs[i].shape(), input_gradients[i].data()});
        }
        std::array<bool, 5> overwrites{};
        overwrites.fill(set);
        eigenbit::internal::backward(op, BackwardArguments{.inputs = input_views,
                                                           .outputs = output_views,
                                                           .saved = saved,
                                                           .output_gradients = upstream,
                                                           .input_gradients = gradient_views,
                                                           .overwrites = overwrites,
                                                           .training = training});
    }

    std::vector<Tensor> gradients(const std::vector<Tensor>& output_gradients) const {
        std::vector<Tensor> result;
        for (const Tensor& input : inputs) result.emplace_back(input.shape());
        backward(output_gradients, result);
        return result;
    }

    /// Not a number anywhere.
    static Tensor unwritten(const Shape& shape) {
        Tensor tensor(shape);
        std::ranges::fill(tensor.values(), std::numeric_limits<float>::quiet_NaN());
        return tensor;
    }
};

/// The only output of an operator that has one.
inline Tensor output_of(const Operator& op, std::vector<Tensor> inputs) {
    return OperatorRun{op, std::move(inputs)}.forward().outputs.at(0);
}

}  // namespace eigenbit::internal
