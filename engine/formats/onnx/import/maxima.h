#pragma once

#include "engine/formats/onnx/import/node_import.h"

namespace eigenbit::internal {

/// Whether a ScatterND puts values where a MaxPool found the maxima, as PyTorch 2 writes MaxUnpool: at the indices of a
/// MaxPool, less those of each plane's first pixel and plus the same, in a row. `producers` are the file's nodes by
/// output.
bool is_unpooling(const onnx::NodeProto& scatter,
                  const std::map<std::string, const onnx::NodeProto*, std::less<>>& producers);

/// Follows a node that computes with indices of maxima, up to such a ScatterND, which becomes a MaxUnpool. False for
/// other nodes.
bool import_maxima(ImportState& state, const onnx::NodeProto& proto);

}  // namespace eigenbit::internal
