#pragma once

#include "engine/passes/join_inputs.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace eigenbit::internal {

/// An array as a network's input.
struct InputArray {
    Tensor values;
    bool is_onnx_order = false;  ///< it was given as NCHW, as in ONNX files
};

/// Images may lie as NCHW, or as the network has them, and a single example without the axis of the batch. Throws
/// Error, beginning with `name`, where the shape does not fit.
InputArray as_input(Tensor array, const Graph& graph, const Graph::Input& input, std::string_view name);
/// Images (N, H, W, C) as ONNX files have them, (N, C, H, W).
Tensor channels_first(ConstView images);

/// Whether a data specification is npy:PLACE, arrays instead of images.
bool names_arrays(std::string_view spec);
/// Examples for a network of one input, as which one of several has to be taken: joined.
struct Examples {
    Tensor values;
    std::optional<JoinedInputs> joined{};  ///< of several inputs
};

/// The first `count` examples of npy:PLACE: a .npy file or a folder of such for a network of one input, a folder with
/// NAME.npy for every input of others.
Examples read_arrays(std::string_view spec, const Graph& graph, std::int64_t count);

}  // namespace eigenbit::internal
