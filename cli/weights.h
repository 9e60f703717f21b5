#pragma once

#include "cli/results.h"
#include "engine/graph/graph.h"

#include <CLI/CLI.hpp>

#include <filesystem>

namespace eigenbit::internal {

/// Adds --weights, the name of a file of arrays that gives a network its weights.
void add_weights_option(CLI::App& verb, std::filesystem::path& weights);

/// Gives the network the weights of the file, prints and adds to the results what matched, and warns of what did not.
/// Does nothing where the path is empty.
void take_weights(Graph& graph, const std::filesystem::path& weights, Results& results);

}  // namespace eigenbit::internal
