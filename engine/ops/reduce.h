#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// What many elements give together, those along some axes: global average pooling is the mean over axes 1 and 2 of an
/// image batch. The gradient of a maximum or minimum is shared by the elements that are it.
struct Reduce {
    static constexpr std::string_view kType = "Reduce";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;
    enum class Kind {
        sum,
        mean,
        maximum,
        minimum,
        product,
        l1,  ///< sum of magnitudes
        l2,  ///< square root of sum_square
        sum_square,
        log_sum,
        log_sum_exp,
    };
    static constexpr auto kKinds = std::to_array<std::string_view>(
        {"sum", "mean", "maximum", "minimum", "product", "l1", "l2", "sum_square", "log_sum", "log_sum_exp"});

    Kind kind = Kind::mean;
    std::vector<int> axes;  ///< rising
    bool keep_axes = true;  ///< the reduced axes stay with extent 1

    Int8 int8() const {
        if (kind == Kind::maximum || kind == Kind::minimum) return Int8::moves_bytes;
        return kind == Kind::mean ? Int8::averages : Int8::none;
    }

    static void fields(auto& op, auto&& field) {
        field("kind", op.kind, kKinds);
        field("axes", op.axes);
        field("keep_axes", op.keep_axes);
    }
};

std::vector<Shape> infer_shapes(const Reduce& reduce, std::span<const Shape> inputs);
void forward(const Reduce& reduce, const ForwardArguments& arguments);
/// Of a maximum or minimum.
void forward(const Reduce& reduce, const ByteForwardArguments& arguments);
/// Of a mean.
void forward(const Reduce& reduce, const LevelMeanArguments& arguments);
std::int64_t backward_workspace(const Reduce& reduce, std::span<const Shape> inputs);
void backward(const Reduce& reduce, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
