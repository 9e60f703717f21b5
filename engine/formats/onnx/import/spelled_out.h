#pragma once

#include "engine/formats/onnx/import/graph_builder.h"

#include <optional>

namespace eigenbit::internal {

/// The normalization that a division spells out, if it does: by the deviation, or by the response of channels beside.
std::optional<ValueId> spelled_out_normalization(GraphBuilder& graph, ValueId dividend, ValueId divisor);

}  // namespace eigenbit::internal
