#pragma once

#include "engine/formats/onnx/import/node_import.h"

#include <vector>

namespace eigenbit::internal {

/// Adds an operator that works element by element on its inputs, which broadcast and have all the same rank but for
/// parameters.
///
/// Inputs that are all transposed alike are combined before, and the result is transposed: so transposes meet those
/// that undo them. Where the operators since some value are a known function of it, whatever they are and in whatever
/// order (as exporters write Gelu, HardSwish or Mish), they become that function: it is recognised by its values.
ValueId add_elementwise(NodeImport& node, const Operator& op, std::vector<ValueId> inputs);

}  // namespace eigenbit::internal
