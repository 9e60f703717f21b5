#pragma once

#include "cli/options.h"
#include "include/eigenbit/compression.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <span>
#include <string>

namespace eigenbit::cli {

/// What a verb found out, by the names that --json writes.
using Results = nlohmann::ordered_json;

/// Writes the results, with version, threads, seed, seconds and peak_memory_bytes added, to the file of --json.
void write_results(Results results, const RunOptions& options, double seconds);

/// "(1, 32, 32, 3)"
std::string to_string(const Extents& extents);

/// "top-1 91.73 % ± 0.28, top-5 99.76 %, 10000 images"
std::string to_string(const Evaluation& evaluation);

/// Adds images and, in percent, top1, top1_standard_error and top5, or psnr (dB) and ssim.
void add_evaluation(const Evaluation& evaluation, Results& results);

/// Says how many activations got a quantizer because they had none, if any did.
void print_added_quantizers(const AddedQuantizers& added);

/// Says which layers int8 execution computes in floats, and why, where there are any.
void report_float_layers(std::span<const FloatLayer> layers, Results& results);

/// Gives the network the weights of the file, and says what matched. Does nothing where the path is empty.
void take_weights(Model& model, const std::filesystem::path& weights, Results& results);

}  // namespace eigenbit::cli
