#include "engine/program/programs.h"

#include "engine/passes/prepare_for_inference.h"

#include <algorithm>

namespace eigenbit::internal {

std::shared_ptr<const Program> Programs::of(std::span<const Shape> inputs, Execution execution) const {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [](const Entry& entry) { return entry.program.expired(); });
    const auto fits = [&](const Entry& entry) {
        return entry.execution == execution && std::ranges::equal(entry.inputs, inputs);
    };
    if (const auto found = std::ranges::find_if(entries_, fits); found != entries_.end()) {
        if (auto program = found->program.lock()) return program;
    }
    Graph graph = graph_;
    prepare_for_inference(graph);
    std::shared_ptr<const Program> program = compile(graph, inputs, execution);
    entries_.push_back({{inputs.begin(), inputs.end()}, execution, program});
    return program;
}

}  // namespace eigenbit::internal
