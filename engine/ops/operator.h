#pragma once

#include "engine/ops/activation.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/average_pool.h"
#include "engine/ops/batch_normalization.h"
#include "engine/ops/concat.h"
#include "engine/ops/conv.h"
#include "engine/ops/depth_to_space.h"
#include "engine/ops/dropout.h"
#include "engine/ops/gather.h"
#include "engine/ops/gemm.h"
#include "engine/ops/local_response_normalization.h"
#include "engine/ops/matmul.h"
#include "engine/ops/max_pool.h"
#include "engine/ops/max_unpool.h"
#include "engine/ops/normalization.h"
#include "engine/ops/pad.h"
#include "engine/ops/prelu.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/ops/resize.h"
#include "engine/ops/select.h"
#include "engine/ops/slice.h"
#include "engine/ops/softmax.h"
#include "engine/ops/space_to_depth.h"
#include "engine/ops/split.h"
#include "engine/ops/tile.h"
#include "engine/ops/transpose.h"

#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace eigenbit::internal {

/// Every operator the engine knows. Each is a struct of attributes that says
///
///     kType                 its name, in files too
///     kInputs               the roles of its inputs; further inputs have the last one's
///     fields                visits its attributes in the order in which files have them: field(name, attribute), and
///                           field(name, attribute, names of its values) for enumerations. A new attribute goes to the
///                           end: files that do not have it leave its default value
///     kInt8                 what it is in 8 bits; Int8::none where it says nothing
///     int8()                the same, where it depends on its attributes
///     kOverwritesGradients  true where backward heeds BackwardArguments::overwrites
///
/// and has functions beside it with the parameters of those below: infer_shapes, forward, where it needs
/// them backward, multiply_accumulates, saved_shape and backward_workspace, and what its kInt8 asks for.
using Operator =
    std::variant<Activation, Arithmetic, AveragePool, BatchNormalization, Concat, Conv, DepthToSpace, Dropout, Gather,
                 Gemm, LocalResponseNormalization, MatMul, MaxPool, MaxUnpool, Normalization, Pad, PRelu, Reduce,
                 Reshape, Resize, Select, Slice, Softmax, SpaceToDepth, Split, Tile, Transpose>;

/// One operator of each type, with default attributes.
std::span<const Operator> operator_types();

std::string_view type_name(const Operator& op);

void visit_fields(auto& op, auto&& field) {
    std::visit([&](auto& attributes) { attributes.fields(attributes, field); }, op);
}

InputRole input_role(const Operator& op, std::size_t input);
/// The first input of this role, where operators of this type have one.
std::optional<std::size_t> find_input(const Operator& op, InputRole role);

Int8 int8_form(const Operator& op);

/// The outputs' shapes. Throws Error when the inputs' shapes do not fit the operator.
std::vector<Shape> infer_shapes(const Operator& op, std::span<const Shape> inputs);

/// Multiplications of an activation with a weight or another activation; 0 for all but convolutions and matrix
/// products.
std::int64_t multiply_accumulates(const Operator& op, std::span<const Shape> inputs, std::span<const Shape> outputs);

/// The shape of the values that a training forward saves for backward; empty for most operators.
Shape saved_shape(const Operator& op, std::span<const Shape> inputs);

/// Floats that backward needs for a while; 0 for most.
std::int64_t backward_workspace(const Operator& op, std::span<const Shape> inputs);

/// Whether backward heeds BackwardArguments::overwrites; else input gradients must be something to add to.
bool overwrites_gradients(const Operator& op);

void forward(const Operator& op, const ForwardArguments& arguments);
/// Of an operator that is Int8::moves_bytes.
void forward(const Operator& op, const ByteForwardArguments& arguments);
/// Of an operator that is Int8::averages.
void forward(const Operator& op, const LevelMeanArguments& arguments);
/// Of an operator that is Int8::affine, whose inputs but the first are constant; that one is not read.
ChannelAffine channel_affine(const Operator& op, std::span<const ConstView> inputs);

/// Throws Error where the operator has no backward.
void backward(const Operator& op, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
