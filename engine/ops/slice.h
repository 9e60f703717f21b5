#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <limits>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Elements begin, begin + step, … before end of every axis. As in ONNX, negative positions count from the end and
/// positions beyond it are clamped; a negative step walks backwards.
struct Slice {
    static constexpr std::string_view kType = "Slice";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;
    struct Range {
        std::int64_t begin = 0;
        std::int64_t end = std::numeric_limits<std::int64_t>::max();
        std::int64_t step = 1;

        static void fields(auto& range, auto&& field) {
            field("begin", range.begin);
            field("end", range.end);
            field("step", range.step);
        }
    };

    std::vector<Range> ranges;  ///< one for each axis

    static void fields(auto& op, auto&& field) { field("ranges", op.ranges); }
};

/// The elements begin, begin + step, … of an axis that a range selects, by the rules of ONNX.
struct SlicePositions {
    std::int64_t begin;
    std::int64_t count;
};
SlicePositions select(const Slice::Range& range, std::int64_t extent);

std::vector<Shape> infer_shapes(const Slice& slice, std::span<const Shape> inputs);
void forward(const Slice& slice, const ForwardArguments& arguments);
void forward(const Slice& slice, const ByteForwardArguments& arguments);
void backward(const Slice& slice, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
