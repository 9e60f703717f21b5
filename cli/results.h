#pragma once

#include "cli/options.h"
#include "evaluation/evaluate.h"

#include <nlohmann/json.hpp>

namespace eigenbit::internal {

/// What a verb found out, by the names that --json writes.
using Results = nlohmann::ordered_json;

/// Writes the results, with version, threads, seed, seconds and peak_memory_bytes added, to the file of --json.
void write_results(Results results, const RunOptions& options, double seconds);

/// "top-1 91.73 % ± 0.28, top-5 99.76 %, 10000 images"
std::string to_string(const Evaluation& evaluation);

/// Adds images and, in percent, top1, top1_standard_error and top5, or psnr (dB) and ssim.
void add_evaluation(const Evaluation& evaluation, Results& results);

}  // namespace eigenbit::internal
