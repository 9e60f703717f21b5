#include "cli/execution.h"

#include "engine/passes/quantizer_candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace eigenbit {
namespace {

const std::map<std::string, ExecutionMode> kModes{
    {"simulated", ExecutionMode::simulated}, {"float", ExecutionMode::float_mode}, {"int8", ExecutionMode::int8_mode}};

}  // namespace

void add_execution_option(CLI::App& verb, ExecutionMode& mode) {
    verb.add_option("--execution", mode,
                    "float: fused layers, float activations; int8: 8-bit activations and weights; simulated: the "
                    "operators that training uses")
        ->type_name("MODE")
        ->transform(CLI::CheckedTransformer(kModes).description("{float, int8, simulated}"))
        ->default_str(std::string(mode_name(mode)));
}

std::string_view mode_name(ExecutionMode mode) {
    return std::ranges::find(kModes, mode, [](const auto& entry) { return entry.second; })->first;
}

void report_float_layers(const Graph& graph, Results& results) {
    for (const FloatLayer& layer : float_layers(graph)) {
        fmt::print("float       {}: {}\n", layer.name, layer.reason);
        results["float_layers"].push_back({{"name", layer.name}, {"reason", layer.reason}});
    }
}

Inference& FusedNetwork::of(const Shape& input) {
    const auto found = std::ranges::find(entries_, input, &Entry::input);
    if (found != entries_.end()) return *found->inference;
    if (entries_.size() == kMost) entries_.erase(entries_.begin());
    const Execution execution = mode_ == ExecutionMode::int8_mode ? Execution::bytes : Execution::floats;
    entries_.push_back({input, std::make_unique<Inference>(programs_.of(std::span(&input, 1), execution))});
    return *entries_.back().inference;
}

}  // namespace eigenbit
