#pragma once

#include "engine/formats/onnx/constant.h"

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// The opsets of the standard that are read.
inline constexpr std::int64_t kOldestOpset = 7;
inline constexpr std::int64_t kNewestOpset = 24;

/// A node of an ONNX file, with those of its inputs whose values are known.
struct OnnxNode {
    const onnx::NodeProto& proto;
    std::int64_t opset;
    std::vector<const Constant*> constants;  ///< one for each input; null where it is not known or left out

    bool has_input(int index) const;
    /// Throws Error when the input is left out or its value not known.
    const Constant& constant(int index) const;

    /// Attributes; nothing where the node does not have them. Throw Error when one is of another kind.
    std::optional<std::int64_t> integer(std::string_view name) const;
    std::optional<std::vector<std::int64_t>> integers(std::string_view name) const;
    std::optional<float> real(std::string_view name) const;
    std::optional<std::string> text(std::string_view name) const;
    const onnx::AttributeProto* find_attribute(std::string_view name) const;

    /// What newer opsets give as an input and older ones as an attribute.
    std::optional<std::vector<std::int64_t>> integers(std::string_view name, int input) const;
    std::optional<float> real(std::string_view name, int input) const;
};

/// An axis from −rank … rank−1 as 0 … rank−1. Throws Error when it is outside.
int normalized_axis(std::int64_t axis, int rank);

/// The axes an attribute or input names, rising and without repetition; all where it is absent or empty.
std::vector<int> normalized_axes(const std::optional<std::vector<std::int64_t>>& axes, int rank);

/// Throws the Error about a node that was exported in training mode.
[[noreturn]] void fail_in_training_mode();
/// Throws it where a Dropout is to drop.
void refuse_training_dropout(const OnnxNode& node);

}  // namespace eigenbit::internal
