#pragma once

#include "datasets/dataset.h"
#include "engine/formats/ebit/levels.h"
#include "engine/formats/ebit/size_ledger.h"
#include "engine/graph/model.h"

#include <filesystem>
#include <optional>

namespace eigenbit::internal {

/// Which network to load.
struct ModelSource {
    /// An ONNX or a packed .ebit file, as its extension says, or a checkpoint of training, as its first bytes do: of
    /// that the network that validated best, or else the last one.
    std::filesystem::path path;
    bool residual = false;  ///< the network computes what is to be subtracted from its input, as DnCNN does
};

/// Reads a network. Of a residual one the subtraction becomes a part. Throws Error naming the file.
Model load_model(const ModelSource& source);

/// A network as its file holds it.
struct ModelFile {
    Model model;
    std::optional<LevelStorage> storage{};  ///< none for ONNX
    SizeLedger sizes;                       ///< what the bytes of a packed file are spent on; empty for ONNX
};

/// The same with what the file spends its bytes on, which takes as long as writing it.
ModelFile load_model_file(const ModelSource& source);

/// Takes preprocessing, and class names where they are as many as the network has scores, from a data set where the
/// model has none.
void describe_by_data(Model& model, const Dataset& dataset);

}  // namespace eigenbit::internal
