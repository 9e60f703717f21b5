#pragma once

#include "engine/passes/fuse.h"
#include "engine/program/steps.h"

namespace eigenbit::internal {

/// The units in which an int8 layer computes its output: steps of the output's quantizer, or ones.
struct OutputUnits {
    float unit, zero;
    float residual_scale, residual_zero;
};

/// The quantizers are null where the output is float or a function is made of it, and where the residual is float or
/// there is none.
OutputUnits output_units(const ActivationQuantizer* output, const ActivationQuantizer* residual);

/// What int8 layers make of their outputs in place of this node and of rounding to the quantizer of what it outputs,
/// which is null for floats; none where they cannot, or where a step of its own is faster.
std::optional<Int8Function> int8_function(const Graph& graph, const Node& function, const ActivationQuantizer* output,
                                          const Int8Kernels& kernels);

/// Packs the weights of a layer whose input has this quantizer, with the layer's bias and gain in units of the output,
/// and the slopes of its function. Throws Error where levels cannot be read.
Int8Layer make_int8_layer(const Graph& graph, const FusedNode& fused, const ConvolutionGeometry& geometry,
                          const ActivationQuantizer& input, const OutputUnits& units,
                          const CpuImplementation& implementation);

}  // namespace eigenbit::internal
