#pragma once

#include "engine/ops/activation.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/average_pool.h"
#include "engine/ops/batch_normalization.h"
#include "engine/ops/concat.h"
#include "engine/ops/conv.h"
#include "engine/ops/depth_to_space.h"
#include "engine/ops/dropout.h"
#include "engine/ops/gemm.h"
#include "engine/ops/matmul.h"
#include "engine/ops/max_pool.h"
#include "engine/ops/pad.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/ops/slice.h"
#include "engine/ops/softmax.h"
#include "engine/ops/split.h"
#include "engine/ops/transpose.h"

#include <string_view>
#include <variant>
#include <vector>

namespace eigenbit {

/// Every operator the engine knows: its attributes. What each does is a set of free functions beside its struct; those
/// below choose by the operator at hand.
using Operator = std::variant<Activation, Arithmetic, AveragePool, BatchNormalization, Concat, Conv, DepthToSpace,
                              Dropout, Gemm, MatMul, MaxPool, Pad, Reduce, Reshape, Slice, Softmax, Split, Transpose>;

std::string_view type_name(const Operator& op);

/// The outputs' shapes. Throws Error when the inputs' shapes do not fit the operator.
std::vector<Shape> infer_shapes(const Operator& op, std::span<const Shape> inputs);

/// Multiplications of an activation with a weight or another activation; 0 for all but convolutions and matrix
/// products.
std::int64_t multiply_accumulates(const Operator& op, std::span<const Shape> inputs, std::span<const Shape> outputs);

/// The shape of what a training forward keeps for backward; empty for most.
Shape saved_shape(const Operator& op, std::span<const Shape> inputs);

/// Floats that backward needs for a while; 0 for most.
std::int64_t backward_workspace(const Operator& op, std::span<const Shape> inputs);

/// Whether backward heeds BackwardArguments::sets; else input gradients must be something to add to.
bool sets_gradients(const Operator& op);

void forward(const Operator& op, const ForwardArguments& arguments);
void backward(const Operator& op, const BackwardArguments& arguments);

}  // namespace eigenbit
