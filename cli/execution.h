#pragma once

#include "api/calibration.h"
#include "cli/results.h"
#include "evaluation/network_runner.h"

#include <CLI/CLI.hpp>

#include <string_view>

namespace eigenbit::internal {

/// Adds --execution to a verb.
void add_execution_option(CLI::App& verb, NetworkRunner::Mode& mode);

std::string_view mode_name(NetworkRunner::Mode mode);

/// Says how many activations got a quantizer because they had none, if any did.
void print_added_quantizers(const AddedQuantizers& added);

/// Says which layers int8 execution computes in floats, and why, where there are any.
void report_float_layers(const Graph& graph, Results& results);

}  // namespace eigenbit::internal
