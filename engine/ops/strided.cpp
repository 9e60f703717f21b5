#include "engine/ops/strided.h"

#include "engine/base/chunks.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace eigenbit::internal {
namespace {

StridedWalk<2> rows_walk(std::int64_t rows, std::int64_t length, std::int64_t target, std::int64_t source) {
    return {Shape{rows, length}, {Strides{target, 1}, Strides{source, 1}}};
}

/// Short runs, as of a pixel's channels, by moves of 16 bytes, the last of which may overlap: calling memmove for each
/// takes longer than copying it.
template <typename Element>
void copy_run(const Element* from, std::int64_t count, Element* to) {
    constexpr std::int64_t kMove = 16 / sizeof(Element);
    constexpr std::int64_t kLongest = 16 * kMove;
    if (count < kMove || count > kLongest) {
        std::copy_n(from, count, to);
        return;
    }
    for (std::int64_t i = 0; i + kMove < count; i += kMove) std::memcpy(to + i, from + i, 16);
    std::memcpy(to + count - kMove, from + count - kMove, 16);
}

template <typename Element>
void copy(const StridedWalk<2>& walk, Element* target, const Element* source) {
    const auto [to, from] = walk.innermost().strides;
    for_each_chunk(walk.elements(), 1, [&, to = to, from = from](std::int64_t begin, std::int64_t end) {
        walk.for_each_run(begin, end, [&](const auto& offsets, std::int64_t count) {
            Element* t = target + offsets[0];
            const Element* s = source + offsets[1];
            if (to == 1 && from == 1) {
                copy_run(s, count, t);
            } else {
                for (std::int64_t i = 0; i < count; ++i) t[i * to] = s[i * from];
            }
        });
    });
}

}  // namespace

Strides dense_strides(const Shape& shape) {
    Strides strides{};
    std::int64_t stride = 1;
    for (int axis = shape.rank(); axis-- > 0;) {
        strides[static_cast<std::size_t>(axis)] = stride;
        stride *= shape[axis];
    }
    return strides;
}

Strides broadcast_strides(const Shape& operand, const Shape& shape) {
    const Strides own = dense_strides(operand);
    Strides strides{};
    const int missing = shape.rank() - operand.rank();
    for (int axis = 0; axis < operand.rank(); ++axis) {
        const bool repeats = operand[axis] == 1;
        strides[static_cast<std::size_t>(axis + missing)] = repeats ? 0 : own[static_cast<std::size_t>(axis)];
    }
    return strides;
}

void copy_strided(const StridedWalk<2>& walk, float* target, const float* source) { copy(walk, target, source); }

void copy_strided(const StridedWalk<2>& walk, std::uint8_t* target, const std::uint8_t* source) {
    copy(walk, target, source);
}

void add_strided(const StridedWalk<2>& walk, float* target, const float* source, float factor) {
    const auto [to, from] = walk.innermost().strides;
    for_each_chunk(walk.elements(), 1, [&, to = to, from = from](std::int64_t begin, std::int64_t end) {
        walk.for_each_run(begin, end, [&](const auto& offsets, std::int64_t count) {
            float* t = target + offsets[0];
            const float* s = source + offsets[1];
            if (to == 1 && from == 1) {
                for (std::int64_t i = 0; i < count; ++i) t[i] += factor * s[i];
            } else {
                for (std::int64_t i = 0; i < count; ++i) t[i * to] += factor * s[i * from];
            }
        });
    });
}

void copy_rows(std::int64_t rows, std::int64_t length, Rows<float> target, Rows<const float> source) {
    copy(rows_walk(rows, length, target.stride, source.stride), target.data, source.data);
}

void copy_rows(std::int64_t rows, std::int64_t length, Rows<std::uint8_t> target, Rows<const std::uint8_t> source) {
    copy(rows_walk(rows, length, target.stride, source.stride), target.data, source.data);
}

void add_rows(std::int64_t rows, std::int64_t length, Rows<float> target, Rows<const float> source) {
    add_strided(rows_walk(rows, length, target.stride, source.stride), target.data, source.data);
}

}  // namespace eigenbit::internal
