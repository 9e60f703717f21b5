#pragma once

#include "engine/formats/onnx/import/node_import.h"

#include <map>
#include <string_view>

namespace eigenbit::internal {

/// An operator of ONNX that is read.
struct ImportedOperator {
    void (*import)(NodeImport&);        ///< translates a node whose inputs are not all constants, or throws Error
    std::string_view attributes = "";   ///< that nodes may have, in any opset, between spaces; others are refused
    std::int64_t since = kOldestOpset;  ///< the opsets of the standard that have it, of those that are read
    std::int64_t until = kNewestOpset;

    /// Throws Error where the node has attributes that are not read.
    void check_attributes(const onnx::NodeProto& node) const;
};
using ImportTable = std::map<std::string_view, ImportedOperator>;

/// The operators with weights and pooling, by ONNX type; transposed convolutions, and resizing, apart.
const ImportTable& layer_imports();
const ImportTable& conv_transpose_imports();
const ImportTable& resize_imports();
const ImportTable& normalization_imports();
/// Operators element by element, and reductions.
const ImportTable& arithmetic_imports();
/// Operators that move elements.
const ImportTable& shape_imports();

/// All of them.
std::span<const ImportTable* const> import_tables();
/// The operator of this type; null where it is not read.
const ImportedOperator* find_import(std::string_view op_type);

}  // namespace eigenbit::internal
