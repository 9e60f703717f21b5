#include "engine/ops/pad.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kOutside = -1;

/// Which input position an output position shows, or kOutside.
std::int64_t source(Pad::Mode mode, std::int64_t position, std::int64_t extent) {
    if (position >= 0 && position < extent) return position;
    if (mode == Pad::Mode::edge) return position < 0 ? 0 : extent - 1;
    if (mode == Pad::Mode::reflect) return position < 0 ? -position : 2 * (extent - 1) - position;
    if (mode == Pad::Mode::wrap) return (position % extent + extent) % extent;
    return kOutside;
}

/// The output as rows along the last padded axis; each position is a block of neighbouring elements. The axes before
/// the first padded one count items; all items are padded in the same way.
struct Layout {
    std::int64_t items = 1;
    std::int64_t item_rows = 1;             // of an item of the input
    std::vector<std::int64_t> row_sources;  // for every output row of an item, the input row or kOutside
    std::int64_t extent = 1;                // of the input along the last padded axis
    std::int64_t before = 0;
    std::int64_t after = 0;
    std::int64_t block = 1;

    Layout(const Pad& pad, const Shape& x) : row_sources{0} {
        const auto amount = [](const std::vector<std::int64_t>& amounts, int axis) {
            return amounts[static_cast<std::size_t>(axis)];
        };
        const auto padded = [&](int axis) { return amount(pad.before, axis) + amount(pad.after, axis) > 0; };
        int first = 0;
        while (first < x.rank() && !padded(first)) ++first;
        if (first == x.rank()) {
            extent = x.elements();
            return;
        }
        items = x.elements(0, first);
        int last = x.rank() - 1;
        while (!padded(last)) --last;
        for (int axis = first; axis < last; ++axis) {
            std::vector<std::int64_t> next;
            for (const std::int64_t row : row_sources) {
                for (std::int64_t i = -amount(pad.before, axis); i < x[axis] + amount(pad.after, axis); ++i) {
                    const std::int64_t from = row == kOutside ? kOutside : source(pad.mode, i, x[axis]);
                    next.push_back(from == kOutside ? kOutside : row * x[axis] + from);
                }
            }
            row_sources = std::move(next);
        }
        item_rows = x.elements(first, last);
        extent = x[last];
        before = amount(pad.before, last);
        after = amount(pad.after, last);
        block = x.elements(last + 1, x.rank());
    }

    std::int64_t output_rows() const { return static_cast<std::int64_t>(row_sources.size()); }
    std::int64_t output_row_elements() const { return (before + extent + after) * block; }

    /// The offset of the input row that an output row of the whole tensor shows, or kOutside.
    std::int64_t input_row(std::int64_t row) const {
        const std::int64_t from = row_sources[static_cast<std::size_t>(row % output_rows())];
        return from == kOutside ? kOutside : (row / output_rows() * item_rows + from) * extent * block;
    }

    /// Calls visit(output offset, input offset, elements) for the stretches of a row that show the input.
    template <typename Visit>
    void for_each_stretch(Pad::Mode mode, Visit visit) const {
        visit(before * block, std::int64_t{0}, extent * block);
        if (mode == Pad::Mode::constant) return;
        for (std::int64_t i = -before; i < 0; ++i) visit((before + i) * block, source(mode, i, extent) * block, block);
        for (std::int64_t i = extent; i < extent + after; ++i) {
            visit((before + i) * block, source(mode, i, extent) * block, block);
        }
    }
};

template <typename Element>
void pad_elements(const Pad& pad, Element value, const auto& arguments) {
    const Element* x = arguments.inputs[0].data;
    const Layout layout(pad, arguments.inputs[0].shape);
    const std::int64_t row_elements = layout.output_row_elements();
    for_each_chunk(layout.items * layout.output_rows(), row_elements, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
            Element* to = arguments.outputs[0].data + row * row_elements;
            const std::int64_t from = layout.input_row(row);
            if (from == kOutside) {
                std::fill_n(to, row_elements, value);
                continue;
            }
            if (pad.mode == Pad::Mode::constant) {
                std::fill_n(to, layout.before * layout.block, value);
                std::fill_n(to + row_elements - layout.after * layout.block, layout.after * layout.block, value);
            }
            layout.for_each_stretch(pad.mode, [&](std::int64_t target, std::int64_t offset, std::int64_t elements) {
                std::copy_n(x + from + offset, elements, to + target);
            });
        }
    });
}

}  // namespace

std::vector<Shape> infer_shapes(const Pad& pad, std::span<const Shape> inputs) {
    expect_inputs(pad.kType, inputs, 1, 1);
    const Shape& x = inputs[0];
    const auto rank = static_cast<std::size_t>(x.rank());
    if (pad.before.size() != rank || pad.after.size() != rank) {
        fail("Pad has amounts for {} and {} axes for an input of shape {}.", pad.before.size(), pad.after.size(),
             to_string(x));
    }
    constexpr std::int64_t kLargest = std::int64_t{1} << 32;
    std::vector<std::int64_t> extents;
    for (std::size_t axis = 0; axis < rank; ++axis) {
        const std::int64_t extent = x[static_cast<int>(axis)];
        const std::int64_t amounts[] = {pad.before[axis], pad.after[axis]};
        for (const std::int64_t amount : amounts) {
            if (amount < 0 || amount > kLargest) fail("Pad by {} along axis {} is out of range.", amount, axis);
            const std::int64_t needed = pad.mode == Pad::Mode::constant || amount == 0 ? 0
                                        : pad.mode == Pad::Mode::reflect               ? amount + 1
                                                                                       : 1;
            if (extent < needed) {
                fail("Pad by {} along axis {} needs at least {} elements there, found {}.", amount, axis, needed,
                     extent);
            }
        }
        extents.push_back(extent + pad.before[axis] + pad.after[axis]);
    }
    return {Shape(extents)};
}

void forward(const Pad& pad, const ForwardArguments& arguments) { pad_elements(pad, pad.value, arguments); }

void forward(const Pad& pad, const ByteForwardArguments& arguments) {
    pad_elements(pad, arguments.zero_point, arguments);
}

void backward(const Pad& pad, const BackwardArguments& arguments) {
    float* dx = arguments.input_gradients[0].data;
    if (dx == nullptr) return;
    const Layout layout(pad, arguments.inputs[0].shape);
    const std::int64_t row_elements = layout.output_row_elements();
    const std::int64_t rows = layout.output_rows();
    // Rows of one item may show the same input row: they are added one after the other.
    for_each_chunk(layout.items, rows * row_elements, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin * rows; row < end * rows; ++row) {
            const float* dy = arguments.output_gradients[0].data + row * row_elements;
            const std::int64_t to = layout.input_row(row);
            if (to == kOutside) continue;
            layout.for_each_stretch(pad.mode, [&](std::int64_t from, std::int64_t offset, std::int64_t elements) {
                for (std::int64_t i = 0; i < elements; ++i) dx[to + offset + i] += dy[from + i];
            });
        }
    });
}

}  // namespace eigenbit::internal
