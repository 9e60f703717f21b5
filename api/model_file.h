#pragma once

#include "api/image_size.h"
#include "datasets/dataset.h"
#include "engine/formats/ebit/levels.h"
#include "engine/formats/ebit/size_ledger.h"
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

/// Reads a network. Of a residual one the subtraction becomes a part. Throws Error naming the file.
Model load_model(const ModelSource& source);
/// The same for images of a data specification: what either of them says about the size of images holds for the other,
/// too, where it leaves that open.
Model load_model(ModelSource source, std::string& spec);

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
