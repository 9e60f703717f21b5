#pragma once

#include "engine/formats/onnx/import/translation.h"
#include "engine/formats/onnx/onnx.h"

#include <vector>

namespace eigenbit::internal {

struct ImportedNetwork {
    Graph graph;
    std::int64_t written_batch =
        0;  ///< the number of images that a shape in the file says, though its input says any; or 0
};

/// Imports a network for any batch and, where the file leaves it open, any image size, as far as the network depends on
/// neither; else for the batch that the file means, and for the size that is given or that a fully-connected layer's
/// weights fix. Throws Error where there is none.
ImportedNetwork import_at_some_size(const OnnxFile& file, std::vector<Declared> inputs, const OnnxOptions& options);

}  // namespace eigenbit::internal
