#pragma once

#include "engine/formats/onnx/import/inputs.h"
#include "engine/formats/onnx/import/node_import.h"

#include <optional>
#include <set>
#include <span>
#include <string>

namespace eigenbit::internal {

/// The values that are constants, or depend on the shapes of inputs alone, as far as operators tell.
std::set<std::string, std::less<>> constant_values(const OnnxFile& file);

/// What became of an import.
struct Translation {
    std::optional<Graph> graph{};
    std::string error{};                   ///< where there is no graph
    std::optional<ColumnMisfit> misfit{};  ///< where it is the size of images that does not fit
};

/// Imports the network for all probes at once; what they have in common is fixed. `batch` is what the file means by the
/// number of images where it writes it down; 0: it does not.
Translation translate(const OnnxFile& file, std::span<const Declared> inputs, std::span<const Probe> probes,
                      std::int64_t batch);

}  // namespace eigenbit::internal
