#pragma once

#include "engine/program/program.h"

#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// The programs of a network, compiled on demand and shared by all that use one at the same time. Any number of threads
/// may ask.
class Programs {
  public:
    explicit Programs(Graph graph) : graph_(std::move(graph)) {}

    const Graph& graph() const { return graph_; }
    /// Throws Error where the shapes do not fit.
    std::shared_ptr<const Program> of(std::span<const Shape> inputs, Execution execution) const;

  private:
    struct Entry {
        std::vector<Shape> inputs;
        Execution execution;
        std::weak_ptr<const Program> program;
    };

    Graph graph_;
    mutable std::mutex mutex_;
    mutable std::vector<Entry> entries_;
};

}  // namespace eigenbit::internal
