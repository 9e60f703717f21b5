#pragma once

#include "engine/formats/onnx/file.h"

#include <set>
#include <string>

namespace eigenbit::internal {

/// Throws Error where nodes can neither be evaluated nor translated: all of them, by operator, and up to which values
/// the network can be imported instead.
void check_supported(const OnnxFile& file, const std::set<std::string, std::less<>>& constants);

}  // namespace eigenbit::internal
