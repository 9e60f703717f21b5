#pragma once

#include "datasets/dataset.h"
#include "engine/graph/graph.h"

#include <cstdint>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// How many scores a network outputs for an image that the preprocessing makes; 0 where it takes none such.
std::int64_t score_count(const Graph& graph, const Preprocessing& preprocessing);

/// Throws Error, saying what was expected, where a data set neither has labels nor is one of restoration.
void require_labels(const Dataset& dataset);

/// Lets the labels of a data set count the classes of a network.
///
/// Where both have names, names decide: `known` are those of the network, in its order; capitals, and whether words are
/// joined by spaces, hyphens, underscores or slashes, make no difference where that is unambiguous. Otherwise labels
/// count as they are, and a warning says so where names fall short of the network's `scores` (0: unknown). Throws Error
/// naming the classes that the network does not know, or how many there are too many.
void match_classes(Dataset& dataset, const std::vector<std::string>& known, std::int64_t scores);

}  // namespace eigenbit::internal
