#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Two inputs combined element by element, with ONNX (numpy) broadcasting. Output: the broadcast shape. Comparisons
/// give 1 or 0 and have no gradient; that of a power goes to the exponent where the base is positive, that of equal
/// numbers' maximum or minimum half to each.
struct Arithmetic {
    static constexpr std::string_view kType = "Arithmetic";
    static constexpr std::array kInputs{InputRole::activation, InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;
    enum class Kind { add, subtract, multiply, divide, power, maximum, minimum, equal, less, less_or_equal };
    static constexpr auto kKinds = std::to_array<std::string_view>(
        {"add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "equal", "less", "less_or_equal"});

    Kind kind = Kind::add;

    Int8 int8() const { return kind == Kind::maximum || kind == Kind::minimum ? Int8::moves_bytes : Int8::none; }

    static void fields(auto& op, auto&& field) { field("kind", op.kind, kKinds); }
};

std::vector<Shape> infer_shapes(const Arithmetic& arithmetic, std::span<const Shape> inputs);
void forward(const Arithmetic& arithmetic, const ForwardArguments& arguments);
/// Of a maximum or a minimum.
void forward(const Arithmetic& arithmetic, const ByteForwardArguments& arguments);
void backward(const Arithmetic& arithmetic, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
