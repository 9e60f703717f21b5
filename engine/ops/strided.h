#pragma once

#include "engine/base/tensor.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

namespace eigenbit::internal {

/// For every axis, the distance in memory between two neighbours along it.
using Strides = std::array<std::int64_t, Shape::kMaxRank>;

/// Those of a dense row-major tensor.
Strides dense_strides(const Shape& shape);

/// Those with which a dense tensor is read under the shape that it is broadcast to: 0 along the axes that repeat it.
Strides broadcast_strides(const Shape& operand, const Shape& shape);

/// A loop nest over all positions of a shape, in row-major order, that follows several operands at once. Axes of
/// extent 1 are left out and axes that every operand runs through without a gap are one, so that equal dense operands
/// are a single run and (N, H, W, C) with (C) are runs of C.
template <std::size_t Operands>
class StridedWalk {
  public:
    using Offsets = std::array<std::int64_t, Operands>;
    struct Axis {
        std::int64_t extent = 1;
        Offsets strides{};
    };

    StridedWalk(const Shape& shape, const std::array<Strides, Operands>& strides) : elements_(shape.elements()) {
        for (int axis = 0; axis < shape.rank(); ++axis) {
            if (shape[axis] == 1) continue;
            Axis next{shape[axis], {}};
            for (std::size_t i = 0; i < Operands; ++i) next.strides[i] = strides[i][static_cast<std::size_t>(axis)];
            if (rank_ > 0 && without_gap(axes_[rank_ - 1], next)) {
                next.extent *= axes_[rank_ - 1].extent;
                --rank_;
            }
            axes_[rank_++] = next;
        }
        if (rank_ == 0) {
            axes_[0].strides.fill(1);
            rank_ = 1;
        }
    }

    std::int64_t elements() const { return elements_; }
    const Axis& outermost() const { return axes_[0]; }
    const Axis& innermost() const { return axes_[rank_ - 1]; }

    /// Calls visit(offsets, count) for runs along the innermost axis, of at most `longest` positions, that together are
    /// the positions begin … end-1; the offsets are those of a run's first position.
    template <typename Visit>
    void for_each_run(std::int64_t begin, std::int64_t end, Visit visit,
                      std::int64_t longest = std::numeric_limits<std::int64_t>::max()) const {
        if (begin >= end) return;
        std::array<std::int64_t, Shape::kMaxRank> index{};
        Offsets offsets{};
        std::int64_t rest = begin;
        for (std::size_t axis = rank_; axis-- > 0; rest /= axes_[axis].extent) {
            index[axis] = rest % axes_[axis].extent;
            move(offsets, axes_[axis], index[axis]);
        }
        const std::size_t last = rank_ - 1;
        while (begin < end) {
            const std::int64_t count = std::min({axes_[last].extent - index[last], end - begin, longest});
            visit(std::as_const(offsets), count);
            begin += count;
            index[last] += count;
            move(offsets, axes_[last], count);
            for (std::size_t axis = last; axis > 0 && index[axis] == axes_[axis].extent; --axis) {
                move(offsets, axes_[axis], -index[axis]);
                index[axis] = 0;
                move(offsets, axes_[axis - 1], 1);
                ++index[axis - 1];
            }
        }
    }

  private:
    static bool without_gap(const Axis& outer, const Axis& inner) {
        for (std::size_t i = 0; i < Operands; ++i) {
            if (outer.strides[i] != inner.strides[i] * inner.extent) return false;
        }
        return true;
    }

    static void move(Offsets& offsets, const Axis& axis, std::int64_t steps) {
        for (std::size_t i = 0; i < Operands; ++i) offsets[i] += axis.strides[i] * steps;
    }

    std::array<Axis, Shape::kMaxRank> axes_{};
    std::size_t rank_ = 0;
    std::int64_t elements_;
};

/// target = source, operands 0 and 1 of the walk.
void copy_strided(const StridedWalk<2>& walk, float* target, const float* source);
void copy_strided(const StridedWalk<2>& walk, std::uint8_t* target, const std::uint8_t* source);

/// target += factor · source. No two positions of the walk may share an element of the target.
void add_strided(const StridedWalk<2>& walk, float* target, const float* source, float factor = 1.0F);

/// Rows of equal length, `stride` elements from one to the next.
template <typename Element>
struct Rows {
    Element* data;
    std::int64_t stride;
};

void copy_rows(std::int64_t rows, std::int64_t length, Rows<float> target, Rows<const float> source);
void copy_rows(std::int64_t rows, std::int64_t length, Rows<std::uint8_t> target, Rows<const std::uint8_t> source);
void add_rows(std::int64_t rows, std::int64_t length, Rows<float> target, Rows<const float> source);

}  // namespace eigenbit::internal
