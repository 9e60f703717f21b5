#pragma once

#include "cli/files.h"
#include "cli/results.h"
#include "train/trainer.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace eigenbit::internal {

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

/// Trains and shows progress.
TrainingResult train_with_progress(Graph& graph, const Dataset& training, const std::optional<Dataset>& validation,
                                   const TrainingOptions& options, bool quiet);

/// Prints and returns how good the network became, once it is written.
Results report_training(const TrainingResult& result, int epochs);

}  // namespace eigenbit::internal
