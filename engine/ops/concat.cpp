#include "engine/ops/concat.h"

#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided.h"

namespace eigenbit::internal {
namespace {

template <typename Element>
void move_elements(const Concat& concat, const auto& arguments) {
    const auto y = arguments.outputs[0];
    const std::int64_t rows = y.shape.elements(0, concat.axis);
    const std::int64_t stride = y.shape.elements(concat.axis, y.shape.rank());
    Element* to = y.data;
    for (const auto& x : arguments.inputs) {
        const std::int64_t length = x.shape.elements(concat.axis, x.shape.rank());
        copy_rows(rows, length, {to, stride}, {x.data, length});
        to += length;
    }
}

}  // namespace

std::vector<Shape> infer_shapes(const Concat& concat, std::span<const Shape> inputs) {
    if (inputs.empty()) fail("Concat takes at least 1 input.");
    expect_axis(concat.kType, concat.axis, inputs[0]);
    Shape y = inputs[0];
    for (const Shape& x : inputs.subspan(1)) {
        Shape rest = x;
        if (x.rank() == y.rank()) rest[concat.axis] = y[concat.axis];
        if (!(rest == y)) {
            fail("Concat along axis {} cannot join the shapes {} and {}.", concat.axis, to_string(inputs[0]),
                 to_string(x));
        }
        y[concat.axis] += x[concat.axis];
    }
    return {Shape(std::span(y.begin(), y.end()))};
}

void forward(const Concat& concat, const ForwardArguments& arguments) { move_elements<float>(concat, arguments); }

void forward(const Concat& concat, const ByteForwardArguments& arguments) {
    move_elements<std::uint8_t>(concat, arguments);
}

void backward(const Concat& concat, const BackwardArguments& arguments) {
    const ConstView dy = arguments.output_gradients[0];
    const std::int64_t rows = dy.shape.elements(0, concat.axis);
    const std::int64_t stride = dy.shape.elements(concat.axis, dy.shape.rank());
    const float* from = dy.data;
    for (std::size_t i = 0; i < arguments.inputs.size(); ++i) {
        const Shape& x = arguments.inputs[i].shape;
        const std::int64_t length = x.elements(concat.axis, x.rank());
        const View dx = arguments.input_gradients[i];
        if (dx.data != nullptr) add_rows(rows, length, {dx.data, length}, {from, stride});
        from += length;
    }
}

}  // namespace eigenbit::internal
