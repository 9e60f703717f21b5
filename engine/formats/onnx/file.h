#pragma once

#include "engine/formats/onnx/constant.h"
#include "engine/formats/onnx/external_data.h"

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// An ONNX file, with the checks that need no knowledge of its operators.
struct OnnxFile {
    onnx::ModelProto model;
    std::int64_t opset = 0;
    /// What the outputs depend on, in an order in which the nodes can run.
    std::vector<const onnx::NodeProto*> nodes;
    std::vector<const onnx::ValueInfoProto*> inputs;  ///< without those that are initializers
    std::map<std::string, std::shared_ptr<const Constant>, std::less<>> initializers;  ///< those that nodes read
    std::map<std::string, int, std::less<>> readers;  ///< how many inputs of these nodes, and outputs, name a value
};

/// What the bytes of a file say. Throws Error where they cannot be parsed.
onnx::ModelProto parse_onnx(std::span<const std::uint8_t> bytes);

/// The file's functions are inlined, and its outputs are the values or nodes `until` where there are any. Throws Error
/// when the bytes cannot be parsed, the version is not supported, a value is missing or the output of two nodes, or
/// nodes depend on each other in a cycle. `data` are the files beside it.
OnnxFile load_onnx(std::span<const std::uint8_t> bytes, ExternalData& data, std::span<const std::string> until);

/// Whether the node's operator is one of the ONNX standard.
bool is_standard(const onnx::NodeProto& node);
/// "'name' (Type)"; the first output stands for a missing name.
std::string describe(const onnx::NodeProto& node);
/// The node's name, or else that of its first output.
std::string node_name(const onnx::NodeProto& node);

}  // namespace eigenbit::internal
