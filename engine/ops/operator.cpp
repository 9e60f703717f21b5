#include "engine/ops/operator.h"

#include "engine/base/error.h"

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

// What operators may leave out. Functions are looked for by their exact type: by conversion, those of Operator itself
// would do for every operator.

template <typename Op>
concept Multiplies = requires {
    static_cast<std::int64_t (*)(const Op&, std::span<const Shape>, std::span<const Shape>)>(multiply_accumulates);
};

template <typename Op>
concept Saves = requires {
    static_cast<Shape (*)(const Op&, std::span<const Shape>)>(saved_shape);
};

template <typename Op>
concept NeedsWorkspace = requires {
    static_cast<std::int64_t (*)(const Op&, std::span<const Shape>)>(backward_workspace);
};

template <typename Op>
concept MovesBytes = requires {
    static_cast<void (*)(const Op&, const ByteForwardArguments&)>(forward);
};

template <typename Op>
concept AveragesLevels = requires {
    static_cast<void (*)(const Op&, const LevelMeanArguments&)>(forward);
};

template <typename Op>
concept IsAffine = requires {
    static_cast<ChannelAffine (*)(const Op&, std::span<const ConstView>)>(channel_affine);
};

template <typename Op>
concept HasBackward = requires {
    static_cast<void (*)(const Op&, const BackwardArguments&)>(backward);
};

template <typename Op>
constexpr Int8 int8_form_of() {
    if constexpr (requires { Op::kInt8; }) return Op::kInt8;
    return Int8::none;
}

// What they may not.

template <typename Op>
constexpr bool is_complete() {
    static_assert(requires {
        static_cast<std::vector<Shape> (*)(const Op&, std::span<const Shape>)>(infer_shapes);
        static_cast<void (*)(const Op&, const ForwardArguments&)>(forward);
    });
    constexpr Int8 kForm = int8_form_of<Op>();
    static_assert(std::ranges::count(Op::kInputs, InputRole::weight) == (kForm == Int8::layer ? 1 : 0));
    static_assert(MovesBytes<Op> == (kForm == Int8::moves_bytes));
    static_assert(AveragesLevels<Op> || kForm != Int8::averages);
    static_assert(IsAffine<Op> == (kForm == Int8::affine));
    return true;
}

template <typename... Ops>
std::array<Operator, sizeof...(Ops)> default_operators(const std::variant<Ops...>&) {
    static_assert((is_complete<Ops>() && ...));
    return {Ops{}...};
}

}  // namespace

std::span<const Operator> operator_types() {
    static const auto kTypes = default_operators(Operator{});
    return kTypes;
}

std::string_view type_name(const Operator& op) {
    return std::visit([](const auto& attributes) { return attributes.kType; }, op);
}

InputRole input_role(const Operator& op, std::size_t input) {
    return std::visit(
        [&](const auto& attributes) { return attributes.kInputs[std::min(input, attributes.kInputs.size() - 1)]; }, op);
}

std::optional<std::size_t> find_input(const Operator& op, InputRole role) {
    return std::visit(
        [&](const auto& attributes) -> std::optional<std::size_t> {
            const auto found = std::ranges::find(attributes.kInputs, role);
            if (found == attributes.kInputs.end()) return std::nullopt;
            return static_cast<std::size_t>(found - attributes.kInputs.begin());
        },
        op);
}

Int8 int8_form(const Operator& op) {
    return std::visit(
        []<typename Op>(const Op& attributes) {
            if constexpr (requires { attributes.int8(); }) return attributes.int8();
            return int8_form_of<Op>();
        },
        op);
}

std::vector<Shape> infer_shapes(const Operator& op, std::span<const Shape> inputs) {
    return std::visit([&](const auto& attributes) { return infer_shapes(attributes, inputs); }, op);
}

std::int64_t multiply_accumulates(const Operator& op, std::span<const Shape> inputs, std::span<const Shape> outputs) {
    return std::visit(
        [&]<typename Op>(const Op& attributes) -> std::int64_t {
            if constexpr (Multiplies<Op>) return multiply_accumulates(attributes, inputs, outputs);
            return 0;
        },
        op);
}

Shape saved_shape(const Operator& op, std::span<const Shape> inputs) {
    return std::visit(
        [&]<typename Op>(const Op& attributes) {
            if constexpr (Saves<Op>) return saved_shape(attributes, inputs);
            return Shape{0};
        },
        op);
}

std::int64_t backward_workspace(const Operator& op, std::span<const Shape> inputs) {
    return std::visit(
        [&]<typename Op>(const Op& attributes) -> std::int64_t {
            if constexpr (NeedsWorkspace<Op>) return backward_workspace(attributes, inputs);
            return 0;
        },
        op);
}

bool overwrites_gradients(const Operator& op) {
    return std::visit(
        [](const auto& attributes) {
            return requires { attributes.kOverwritesGradients; };
        },
        op);
}

void forward(const Operator& op, const ForwardArguments& arguments) {
    std::visit([&](const auto& attributes) { forward(attributes, arguments); }, op);
}

void forward(const Operator& op, const ByteForwardArguments& arguments) {
    std::visit(
        [&]<typename Op>(const Op& attributes) {
            if constexpr (MovesBytes<Op>) return forward(attributes, arguments);
            fail("{} does not move bytes.", Op::kType);
        },
        op);
}

void forward(const Operator& op, const LevelMeanArguments& arguments) {
    std::visit(
        [&]<typename Op>(const Op& attributes) {
            if constexpr (AveragesLevels<Op>) return forward(attributes, arguments);
            fail("{} does not average levels.", Op::kType);
        },
        op);
}

ChannelAffine channel_affine(const Operator& op, std::span<const ConstView> inputs) {
    return std::visit(
        [&]<typename Op>(const Op& attributes) -> ChannelAffine {
            if constexpr (IsAffine<Op>) return channel_affine(attributes, inputs);
            fail("{} is not affine.", Op::kType);
        },
        op);
}

void backward(const Operator& op, const BackwardArguments& arguments) {
    std::visit(
        [&]<typename Op>(const Op& attributes) {
            if constexpr (HasBackward<Op>) return backward(attributes, arguments);
            fail("{} has no gradient.", Op::kType);
        },
        op);
}

}  // namespace eigenbit::internal
