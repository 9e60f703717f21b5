#pragma once

#include "cli/run_options.h"

#include <nlohmann/json.hpp>

namespace eigenbit::internal {

/// What a verb found out, by the names that --json writes.
using Results = nlohmann::ordered_json;

/// Writes the results, with version, threads, seed, seconds and peak_memory_bytes added, to the file of --json.
void write_results(Results results, const RunOptions& options, double seconds);

}  // namespace eigenbit::internal
