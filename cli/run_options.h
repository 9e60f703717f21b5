#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <filesystem>

namespace eigenbit::internal {

/// What every verb takes.
struct RunOptions {
    std::filesystem::path json;  ///< where results go for machines; nowhere when empty
    bool quiet = false;          ///< no progress
    int threads = 0;             ///< set before a verb runs
    std::uint64_t seed = 0;
};

/// Adds --json, --quiet, --threads and --seed to a verb.
void add_run_options(CLI::App& verb, RunOptions& options);

}  // namespace eigenbit::internal
