#pragma once

#include "cli/files.h"
#include "cli/results.h"
#include "include/eigenbit/training.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace eigenbit::cli {

/// What verbs that train are told: data, the files they write, and how to train.
struct TrainingFiles {
    std::string data;
    std::string validation;
    std::filesystem::path out;
};

/// Adds --data, --val, --out and all that TrainingOptions know to a verb; their values so far are the defaults.
void add_training_options(CLI::App& verb, TrainingFiles& files, TrainingOptions& options);

/// The network, in this format, and the checkpoint.
std::vector<OutputFile> training_outputs(const TrainingFiles& files, FileFormat format, const TrainingOptions& options);

/// Fills in what follows from others.
void complete_training_options(const TrainingFiles& files, std::uint64_t seed, TrainingOptions& options);

/// Trains, by validation data where the files name some, and shows progress. Throws Stopped, with the command lines to
/// go on by, where a signal asked to stop.
TrainingResult train_with_progress(Model& model, const Dataset& training, const TrainingFiles& files,
                                   TrainingOptions options, const RunOptions& run);

/// Prints and returns how good the network became, once it is written.
Results report_training(const TrainingResult& result, int epochs);

}  // namespace eigenbit::cli
