#pragma once

#include "engine/ops/operator.h"

#include <concepts>
#include <type_traits>

namespace eigenbit {

/// An operator of one type, to be read (const) or written.
template <typename Op, typename Type>
concept IsOperator = std::same_as<std::remove_const_t<Op>, Type>;

/// The attributes that .ebit files store of every operator, in order: visit_fields calls field(name, attribute) for
/// each, and field(name, attribute, last enumerator) for enumerations. Files are written and read by it. A new
/// attribute goes to the end: files that do not have it leave its default value.
void visit_fields(IsOperator<Activation> auto& op, auto&& field) {
    field("kind", op.kind, Activation::Kind::tanh);
    field("slope", op.slope);
    field("low", op.low);
    field("high", op.high);
}

void visit_fields(IsOperator<Arithmetic> auto& op, auto&& field) { field("kind", op.kind, Arithmetic::Kind::power); }

void visit_fields(IsOperator<AveragePool> auto& op, auto&& field) {
    field("kernel", op.kernel);
    field("stride", op.stride);
    field("padding", op.padding);
    field("ceil_mode", op.ceil_mode);
    field("count_padding", op.count_padding);
}

void visit_fields(IsOperator<BatchNormalization> auto& op, auto&& field) { field("epsilon", op.epsilon); }

void visit_fields(IsOperator<Concat> auto& op, auto&& field) { field("axis", op.axis); }

void visit_fields(IsOperator<Conv> auto& op, auto&& field) {
    field("stride", op.stride);
    field("dilation", op.dilation);
    field("padding", op.padding);
    field("groups", op.groups);
}

void visit_fields(IsOperator<DepthToSpace> auto& op, auto&& field) {
    field("block", op.block);
    field("order", op.order, DepthToSpace::Order::column_first);
}

void visit_fields(IsOperator<Dropout> auto& op, auto&& field) { field("probability", op.probability); }

void visit_fields(IsOperator<Gemm> auto&, auto&&) {}

void visit_fields(IsOperator<MatMul> auto&, auto&&) {}

void visit_fields(IsOperator<MaxPool> auto& op, auto&& field) {
    field("kernel", op.kernel);
    field("stride", op.stride);
    field("dilation", op.dilation);
    field("padding", op.padding);
    field("ceil_mode", op.ceil_mode);
}

void visit_fields(IsOperator<Pad> auto& op, auto&& field) {
    field("before", op.before);
    field("after", op.after);
    field("mode", op.mode, Pad::Mode::edge);
    field("value", op.value);
}

void visit_fields(IsOperator<Reduce> auto& op, auto&& field) {
    field("kind", op.kind, Reduce::Kind::mean);
    field("axes", op.axes);
    field("keep_axes", op.keep_axes);
}

void visit_fields(IsOperator<Reshape> auto& op, auto&& field) { field("extents", op.extents); }

void visit_fields(IsOperator<Slice> auto& op, auto&& field) { field("ranges", op.ranges); }

void visit_fields(IsOperator<Softmax> auto& op, auto&& field) { field("axis", op.axis); }

void visit_fields(IsOperator<Split> auto& op, auto&& field) {
    field("axis", op.axis);
    field("sizes", op.sizes);
}

void visit_fields(IsOperator<Transpose> auto& op, auto&& field) { field("permutation", op.permutation); }

}  // namespace eigenbit
