#pragma once

#include "cli/results.h"
#include "train/trainer.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace eigenbit::internal {

/// What verbs that train are told: data, the files they write, and how to train.
struct TrainingFiles {
    std::string data;
    std::string validation;
    std::filesystem::path out;
};

/// Adds --data, --val, --out and all that TrainingOptions know to a verb; their values so far are the defaults.
void add_training_options(CLI::App& verb, TrainingFiles& files, TrainingOptions& options);

/// Fills in what follows from others. Throws Error where files could not be written at the end.
void complete_training_options(const TrainingFiles& files, std::uint64_t seed, TrainingOptions& options);

/// Trains, shows progress, and prints and returns how good the network is.
Results train_with_progress(Graph& graph, const Dataset& training, const std::optional<Dataset>& validation,
                            const TrainingOptions& options, bool quiet);

}  // namespace eigenbit::internal
