#include "engine/ops/gather.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// Calls visit(offset in x, offset in y, elements) for the blocks of neighbours that are moved together. Rows of
/// positions run in parallel; those of one row follow each other.
template <typename Visit>
void for_each_block(const Gather& gather, const Shape& x, Visit visit) {
    const std::int64_t extent = x[gather.axis];
    const std::int64_t block = x.elements(gather.axis + 1, x.rank());
    const auto count = static_cast<std::int64_t>(gather.positions.size());
    for_each_chunk(x.elements(0, gather.axis), count * block, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
            for (std::int64_t i = 0; i < count; ++i) {
                const std::int64_t position = gather.positions[static_cast<std::size_t>(i)];
                const std::int64_t from = row * extent + (position < 0 ? position + extent : position);
                visit(from * block, (row * count + i) * block, block);
            }
        }
    });
}

void move_elements(const Gather& gather, const auto& arguments) {
    const auto* const x = arguments.inputs[0].data;
    auto* const y = arguments.outputs[0].data;
    for_each_block(gather, arguments.inputs[0].shape, [&](std::int64_t from, std::int64_t to, std::int64_t elements) {
        std::copy_n(x + from, elements, y + to);
    });
}

}  // namespace

std::vector<Shape> infer_shapes(const Gather& gather, std::span<const Shape> inputs) {
    expect_inputs(gather.kType, inputs, 1, 1);
    Shape y = inputs[0];
    expect_axis(gather.kType, gather.axis, y);
    const std::int64_t extent = y[gather.axis];
    for (const std::int64_t position : gather.positions) {
        if (position < -extent || position >= extent) {
            fail("Gather reads position {} along axis {} of an input of shape {}.", position, gather.axis,
                 to_string(inputs[0]));
        }
    }
    y[gather.axis] = static_cast<std::int64_t>(gather.positions.size());
    return {Shape(std::span(y.begin(), y.end()))};
}

void forward(const Gather& gather, const ForwardArguments& arguments) { move_elements(gather, arguments); }

void forward(const Gather& gather, const ByteForwardArguments& arguments) { move_elements(gather, arguments); }

void backward(const Gather& gather, const BackwardArguments& arguments) {
    float* const dx = arguments.input_gradients[0].data;
    const float* const dy = arguments.output_gradients[0].data;
    if (dx == nullptr) return;
    for_each_block(gather, arguments.inputs[0].shape, [&](std::int64_t to, std::int64_t from, std::int64_t elements) {
        for (std::int64_t i = 0; i < elements; ++i) dx[to + i] += dy[from + i];
    });
}

}  // namespace eigenbit::internal
