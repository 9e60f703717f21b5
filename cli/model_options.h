#pragma once

#include "api/model_file.h"

#include <CLI/CLI.hpp>

namespace eigenbit::internal {

/// Adds the positional MODEL and --residual to a verb.
void add_model_options(CLI::App& verb, ModelSource& source);

}  // namespace eigenbit::internal
