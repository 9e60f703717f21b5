#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// The elements at these positions of an axis, in their order, perhaps several times. As in ONNX, negative positions
/// count from the end.
struct Gather {
    static constexpr std::string_view kType = "Gather";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;

    int axis = 0;
    std::vector<std::int64_t> positions;

    static void fields(auto& op, auto&& field) {
        field("axis", op.axis);
        field("positions", op.positions);
    }
};

std::vector<Shape> infer_shapes(const Gather& gather, std::span<const Shape> inputs);
void forward(const Gather& gather, const ForwardArguments& arguments);
void forward(const Gather& gather, const ByteForwardArguments& arguments);
void backward(const Gather& gather, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
