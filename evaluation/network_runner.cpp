#include "evaluation/network_runner.h"

#include "engine/passes/fold_batch_normalization.h"
#include "engine/passes/simulate_int8.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

Graph prepared(Graph graph, NetworkRunner::Mode mode) {
    if (mode != NetworkRunner::Mode::simulated) return graph;
    simulate_int8(graph);
    fold_batch_normalization(graph);
    return graph;
}

}  // namespace

NetworkRunner::NetworkRunner(Graph graph, Mode mode) : programs_(prepared(std::move(graph), mode)), mode_(mode) {}

NetworkRunner::Entry& NetworkRunner::of(const Shape& input) {
    const auto found = std::ranges::find(entries_, input, &Entry::input);
    if (found != entries_.end()) return *found;
    // Images that all differ in size must not each keep an arena.
    if (entries_.size() == kMost) entries_.erase(entries_.begin());
    const std::span shapes(&input, 1);
    if (mode_ == Mode::simulated) {
        return entries_.emplace_back(Entry{input, std::make_unique<GraphExecutor>(programs_.graph(), shapes)});
    }
    const Execution execution = mode_ == Mode::int8 ? Execution::int8 : Execution::float32;
    return entries_.emplace_back(Entry{input, std::make_unique<Inference>(programs_.of(shapes, execution))});
}

ConstView NetworkRunner::run(ConstView input) {
    return std::visit([&](const auto& runs) { return runs->run(input); }, of(input.shape).runs);
}

ConstView NetworkRunner::output(const Shape& input, std::size_t output) {
    const auto& runs = of(input).runs;
    if (const auto* const inference = std::get_if<std::unique_ptr<Inference>>(&runs))
        return (*inference)->output(output);
    return std::get<std::unique_ptr<GraphExecutor>>(runs)->value(graph().outputs()[output]);
}

const Inference* NetworkRunner::inference(const Shape& input) {
    const auto* const fused = std::get_if<std::unique_ptr<Inference>>(&of(input).runs);
    return fused ? fused->get() : nullptr;
}

}  // namespace eigenbit::internal
