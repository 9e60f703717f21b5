#pragma once

#include "engine/graph/model.h"

#include <onnx/onnx_pb.h>

namespace eigenbit::internal {

/// Takes over preprocessing and class names from an ONNX file's metadata, where it has them. Throws Error when they are
/// malformed.
void read_metadata(const onnx::ModelProto& file, Model& model);
/// Adds them to an ONNX file's metadata.
void write_metadata(const Model& model, onnx::ModelProto& file);

}  // namespace eigenbit::internal
