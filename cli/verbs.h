#pragma once

#include "cli/options.h"
#include "cli/results.h"

#include <CLI/CLI.hpp>

#include <functional>

namespace eigenbit::internal {

/// A subcommand: its words on the command line and what it does. `run` prints results for people to standard output
/// and returns them for machines.
struct Verb {
    CLI::App* app;
    std::function<Results(const RunOptions&)> run;
};

Verb new_verb(CLI::App& command);
Verb train_verb(CLI::App& command);
Verb retrain_verb(CLI::App& command);
Verb eval_verb(CLI::App& command);
Verb compress_verb(CLI::App& command);
Verb stats_verb(CLI::App& command);
Verb inspect_verb(CLI::App& command);
Verb bench_verb(CLI::App& command);
Verb pack_verb(CLI::App& command);
Verb run_verb(CLI::App& command);
Verb cpu_verb(CLI::App& command);

}  // namespace eigenbit::internal
