#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Sum or mean over some axes; global average pooling is the mean over axes 1 and 2 of an image batch.
struct Reduce {
    static constexpr std::string_view kType = "Reduce";
    static constexpr std::array kInputs{InputRole::activation};
    enum class Kind { sum, mean };
    static constexpr std::array<std::string_view, 2> kKinds{"sum", "mean"};

    Kind kind = Kind::mean;
    std::vector<int> axes;  ///< rising
    bool keep_axes = true;  ///< the reduced axes stay with extent 1

    static void fields(auto& op, auto&& field) {
        field("kind", op.kind, kKinds);
        field("axes", op.axes);
        field("keep_axes", op.keep_axes);
    }
};

std::vector<Shape> infer_shapes(const Reduce& reduce, std::span<const Shape> inputs);
void forward(const Reduce& reduce, const ForwardArguments& arguments);
void backward(const Reduce& reduce, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
