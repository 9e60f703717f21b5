#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// The same elements in the same order under another shape. As in ONNX, an extent 0 copies the input's and one extent
/// -1 is what remains; -2 - axis copies the input's extent of that axis.
struct Reshape {
    static constexpr std::string_view kType = "Reshape";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;

    std::vector<std::int64_t> extents;

    static void fields(auto& op, auto&& field) { field("extents", op.extents); }
};

std::vector<Shape> infer_shapes(const Reshape& reshape, std::span<const Shape> inputs);
void forward(const Reshape& reshape, const ForwardArguments& arguments);
void forward(const Reshape& reshape, const ByteForwardArguments& arguments);
void backward(const Reshape& reshape, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
