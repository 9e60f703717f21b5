#include "engine/ops/split.h"

#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

template <typename Element>
void move_elements(const Split& split, const auto& arguments) {
    const auto x = arguments.inputs[0];
    const std::int64_t rows = x.shape.elements(0, split.axis);
    const std::int64_t stride = x.shape.elements(split.axis, x.shape.rank());
    const Element* from = x.data;
    for (const auto& y : arguments.outputs) {
        const std::int64_t length = y.shape.elements(split.axis, y.shape.rank());
        copy_rows(rows, length, {y.data, length}, {from, stride});
        from += length;
    }
}

}  // namespace

std::vector<Shape> infer_shapes(const Split& split, std::span<const Shape> inputs) {
    expect_inputs(split.kType, inputs, 1, 1);
    const Shape& x = inputs[0];
    expect_axis(split.kType, split.axis, x);
    std::int64_t rest = x[split.axis];
    for (const std::int64_t size : split.sizes) {
        if (size < 0 || size > rest) {
            rest = -1;
            break;
        }
        rest -= size;
    }
    if (split.sizes.empty() || rest != 0) {
        fail("Split along axis {} into parts of ({}) does not fit the shape {}.", split.axis, joined(split.sizes),
             to_string(x));
    }
    std::vector<Shape> parts(split.sizes.size(), x);
    for (std::size_t i = 0; i < parts.size(); ++i) parts[i][split.axis] = split.sizes[i];
    return parts;
}

void forward(const Split& split, const ForwardArguments& arguments) { move_elements<float>(split, arguments); }

void forward(const Split& split, const ByteForwardArguments& arguments) {
    move_elements<std::uint8_t>(split, arguments);
}

void backward(const Split& split, const BackwardArguments& arguments) {
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    const std::int64_t rows = dx.shape.elements(0, split.axis);
    const std::int64_t stride = dx.shape.elements(split.axis, dx.shape.rank());
    float* to = dx.data;
    for (const ConstView& dy : arguments.output_gradients) {
        const std::int64_t length = dy.shape.elements(split.axis, dy.shape.rank());
        add_rows(rows, length, {to, stride}, {dy.data, length});
        to += length;
    }
}

}  // namespace eigenbit::internal
