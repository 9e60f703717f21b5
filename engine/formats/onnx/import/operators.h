#pragma once

#include "engine/formats/onnx/import/node_import.h"

#include <map>
#include <string_view>

namespace eigenbit::internal {

/// Translates one ONNX node whose inputs are not all constants. Throws Error when it does not fit.
using ImportOperator = void (*)(NodeImport&);
using ImportTable = std::map<std::string_view, ImportOperator>;

/// The operators with weights and pooling, by ONNX type; transposed convolutions, and resizing, apart.
const ImportTable& layer_imports();
const ImportTable& conv_transpose_imports();
const ImportTable& resize_imports();
const ImportTable& normalization_imports();
/// Operators element by element, and reductions.
const ImportTable& arithmetic_imports();
/// Operators that move elements.
const ImportTable& shape_imports();

/// How operators of this type are translated; null where they are not.
ImportOperator find_import(std::string_view op_type);

}  // namespace eigenbit::internal
