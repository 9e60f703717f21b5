#pragma once

#include "cli/files.h"
#include "cli/options.h"
#include "cli/results.h"

#include <CLI/CLI.hpp>

#include <functional>

namespace eigenbit::cli {

/// A subcommand: its words on the command line, the files that these name, and what it does. `run` prints results for
/// people to standard output and adds them for machines; where it throws, they hold what was done until then.
struct Verb {
    CLI::App* app;
    std::function<Files()> files;
    std::function<void(const RunOptions&, Results&)> run;
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

}  // namespace eigenbit::cli
