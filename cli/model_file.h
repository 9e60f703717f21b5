#pragma once

#include "engine/model.h"

#include <CLI/CLI.hpp>

#include <filesystem>

namespace eigenbit {

/// Which network a verb works on.
struct ModelOptions {
    std::filesystem::path path;
    bool residual = false;  ///< the network puts out what is to be subtracted from its input
};

/// Adds the positional MODEL and --residual to a verb.
void add_model_options(CLI::App& verb, ModelOptions& options);

/// Reads a network from an ONNX or a packed .ebit file, as its extension says. Of a residual network the
/// subtraction becomes a part. Throws Error naming the file.
Model load_model(const ModelOptions& options);

}  // namespace eigenbit
