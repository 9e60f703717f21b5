#include "engine/ops/tile.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// Calls visit(x, y, elements) for stretches of neighbours, which are the same in x and in y, from an axis on.
template <typename Visit>
void for_each_stretch(const Tile& tile, const Shape& x, int axis, std::int64_t from, std::int64_t to, Visit& visit) {
    int last = x.rank() - 1;
    while (last >= axis && tile.repeats[static_cast<std::size_t>(last)] == 1) --last;
    if (last < axis) return visit(from, to, x.elements(axis, x.rank()));
    const std::int64_t x_inner = x.elements(axis + 1, x.rank());
    std::int64_t y_inner = x_inner;
    for (int inner = axis + 1; inner < x.rank(); ++inner) y_inner *= tile.repeats[static_cast<std::size_t>(inner)];
    for (std::int64_t repeat = 0; repeat < tile.repeats[static_cast<std::size_t>(axis)]; ++repeat) {
        if (last == axis) {
            visit(from, to, x[axis] * x_inner);
            to += x[axis] * x_inner;
            continue;
        }
        for (std::int64_t i = 0; i < x[axis]; ++i, to += y_inner) {
            for_each_stretch(tile, x, axis + 1, from + i * x_inner, to, visit);
        }
    }
}

/// The same of the whole tensors, in parallel along the axes before the first that is repeated.
template <typename Visit>
void for_each_stretch(const Tile& tile, const Shape& x, const Shape& y, Visit visit) {
    int first = 0;
    while (first < x.rank() && tile.repeats[static_cast<std::size_t>(first)] == 1) ++first;
    const std::int64_t x_inner = x.elements(first, x.rank());
    const std::int64_t y_inner = y.elements(first, y.rank());
    for_each_chunk(x.elements(0, first), y_inner, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) for_each_stretch(tile, x, first, i * x_inner, i * y_inner, visit);
    });
}

void move_elements(const Tile& tile, const auto& arguments) {
    const auto* const x = arguments.inputs[0].data;
    auto* const y = arguments.outputs[0].data;
    for_each_stretch(tile, arguments.inputs[0].shape, arguments.outputs[0].shape,
                     [&](std::int64_t from, std::int64_t to, std::int64_t elements) {
                         if (elements == 1) {
                             y[to] = x[from];
                         } else {
                             std::copy_n(x + from, elements, y + to);
                         }
                     });
}

}  // namespace

std::vector<Shape> infer_shapes(const Tile& tile, std::span<const Shape> inputs) {
    expect_inputs(tile.kType, inputs, 1, 1);
    const Shape& x = inputs[0];
    if (tile.repeats.size() != static_cast<std::size_t>(x.rank())) {
        fail("Tile has {} repeats for an input of shape {}.", tile.repeats.size(), to_string(x));
    }
    constexpr std::int64_t kMost = std::int64_t{1} << 24;
    constexpr std::int64_t kLargest = std::int64_t{1} << 38;
    std::vector<std::int64_t> extents;
    for (int axis = 0; axis < x.rank(); ++axis) {
        const std::int64_t repeats = tile.repeats[static_cast<std::size_t>(axis)];
        if (repeats < 1 || repeats > kMost || x[axis] > kLargest / repeats) {
            fail("Tile repeats axis {} of {} {} times, 1 to {} were expected.", axis, to_string(x), repeats, kMost);
        }
        extents.push_back(x[axis] * repeats);
    }
    return {Shape(extents)};
}

void forward(const Tile& tile, const ForwardArguments& arguments) { move_elements(tile, arguments); }

void forward(const Tile& tile, const ByteForwardArguments& arguments) { move_elements(tile, arguments); }

void backward(const Tile& tile, const BackwardArguments& arguments) {
    float* const dx = arguments.input_gradients[0].data;
    const float* const dy = arguments.output_gradients[0].data;
    if (dx == nullptr) return;
    for_each_stretch(tile, arguments.inputs[0].shape, arguments.output_gradients[0].shape,
                     [&](std::int64_t to, std::int64_t from, std::int64_t elements) {
                         for (std::int64_t i = 0; i < elements; ++i) dx[to + i] += dy[from + i];
                     });
}

}  // namespace eigenbit::internal
