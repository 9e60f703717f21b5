#include "engine/ops/operator.h"

namespace eigenbit {

std::string_view type_name(const Operator& op) {
    return std::visit([](const auto& attributes) { return attributes.kType; }, op);
}

std::vector<Shape> infer_shapes(const Operator& op, std::span<const Shape> inputs) {
    return std::visit([&](const auto& attributes) { return infer_shapes(attributes, inputs); }, op);
}

std::int64_t multiply_accumulates(const Operator& op, std::span<const Shape> inputs, std::span<const Shape> outputs) {
    if (const auto* conv = std::get_if<Conv>(&op)) return multiply_accumulates(*conv, inputs, outputs);
    if (const auto* gemm = std::get_if<Gemm>(&op)) return multiply_accumulates(*gemm, inputs, outputs);
    if (const auto* matmul = std::get_if<MatMul>(&op)) return multiply_accumulates(*matmul, inputs, outputs);
    return 0;
}

Shape saved_shape(const Operator& op, std::span<const Shape> inputs) {
    if (const auto* normalization = std::get_if<BatchNormalization>(&op)) return saved_shape(*normalization, inputs);
    if (const auto* dropout = std::get_if<Dropout>(&op)) return saved_shape(*dropout, inputs);
    return Shape{0};
}

std::int64_t backward_workspace(const Operator& op, std::span<const Shape> inputs) {
    const auto* conv = std::get_if<Conv>(&op);
    return conv != nullptr ? backward_workspace(*conv, inputs) : 0;
}

bool sets_gradients(const Operator& op) {
    return std::holds_alternative<Activation>(op) || std::holds_alternative<BatchNormalization>(op)
           || std::holds_alternative<Conv>(op);
}

void forward(const Operator& op, const ForwardArguments& arguments) {
    std::visit([&](const auto& attributes) { forward(attributes, arguments); }, op);
}

void backward(const Operator& op, const BackwardArguments& arguments) {
    std::visit([&](const auto& attributes) { backward(attributes, arguments); }, op);
}

}  // namespace eigenbit
