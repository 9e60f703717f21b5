#pragma once

#include "datasets/dataset.h"
#include "engine/formats/ebit_indices.h"
#include "engine/formats/size_ledger.h"
#include "engine/model.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <optional>

namespace eigenbit {

/// Which network a verb works on.
struct ModelOptions {
    std::filesystem::path path;
    bool residual = false;  ///< the network puts out what is to be subtracted from its input
};

/// Adds the positional MODEL and --residual to a verb.
void add_model_options(CLI::App& verb, ModelOptions& options);

/// A network as its file holds it.
struct ModelFile {
    Model model;
    std::optional<IndexStorage> storage{};  ///< none for ONNX
    SizeLedger sizes;                       ///< what a packed file's bytes are spent on; empty for ONNX
};

/// Reads a network from an ONNX or a packed .ebit file, as its extension says. Of a residual network the
/// subtraction becomes a part. Throws Error naming the file.
Model load_model(const ModelOptions& options);
/// The same with what the file spends its bytes on, which takes as long as writing it.
ModelFile load_model_file(const ModelOptions& options);

/// Takes preprocessing and class names from a data set where the model has none.
void describe_by_data(Model& model, const Dataset& dataset);

}  // namespace eigenbit
