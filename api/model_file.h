#pragma once

#include "api/image_size.h"
#include "datasets/dataset.h"
#include "engine/formats/ebit/levels.h"
#include "engine/graph/model.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Which network to load.
struct ModelSource {
    /// An ONNX or a packed .ebit file, as its extension says, or a checkpoint of training, as its first bytes do: of
    /// that the network that validated best, or else the last one.
    std::filesystem::path path;
    bool residual = false;  ///< the network computes what is to be subtracted from its input, as DnCNN does
    ImageSize size{};       ///< of images, where an ONNX file leaves it open
    /// Values or nodes of an ONNX file up to which it is imported; all of it where there are none.
    std::vector<std::string> until{};
};

/// A network, and how its file holds levels.
struct LoadedModel {
    Model model;
    std::optional<LevelStorage> storage{};  ///< none for ONNX
};

/// Reads a network. Of a residual one the subtraction becomes a part. Throws Error naming the file.
LoadedModel load_model(const ModelSource& source);

/// Takes preprocessing, and class names where they are as many as the network has scores, from a data set where the
/// model has none.
void describe_by_data(Model& model, const Dataset& dataset);

}  // namespace eigenbit::internal
