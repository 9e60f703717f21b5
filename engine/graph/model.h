#pragma once

#include "engine/graph/graph.h"
#include "engine/graph/preprocessing.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// What a model file holds: a network, how images become its input, and what its outputs stand for.
struct Model {
    Graph graph;
    std::optional<Preprocessing> preprocessing;
    std::vector<std::string> classes;               ///< one name for each output of a classifier; empty when not known
    std::map<std::string, std::string> metadata{};  ///< notes: how it was compressed, by which version …
};

}  // namespace eigenbit::internal
