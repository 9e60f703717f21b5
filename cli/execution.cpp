#include "cli/execution.h"

#include "engine/passes/quantizer_candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace eigenbit::internal {
namespace {

const std::map<std::string, NetworkRunner::Mode> kModes{{"simulated", NetworkRunner::Mode::simulated},
                                                        {"float", NetworkRunner::Mode::float32},
                                                        {"int8", NetworkRunner::Mode::int8}};

}  // namespace

void add_execution_option(CLI::App& verb, NetworkRunner::Mode& mode) {
    verb.add_option("--execution", mode,
                    "float: fused layers, float activations; int8: 8-bit activations and weights; simulated: what "
                    "int8 computes, by the float operators that training uses")
        ->type_name("MODE")
        ->transform(CLI::CheckedTransformer(kModes).description("{float, int8, simulated}"))
        ->default_str(std::string(mode_name(mode)));
}

std::string_view mode_name(NetworkRunner::Mode mode) {
    return std::ranges::find(kModes, mode, [](const auto& entry) { return entry.second; })->first;
}

void print_added_quantizers(const AddedQuantizers& added) {
    if (added.activations == 0) return;
    fmt::print("{} activations without a quantizer got one from {} images\n", added.activations, added.images);
}

void report_float_layers(const Graph& graph, Results& results) {
    for (const FloatLayer& layer : float_layers(graph)) {
        fmt::print("float       {}: {}\n", layer.name, layer.reason);
        results["float_layers"].push_back({{"name", layer.name}, {"reason", layer.reason}});
    }
}

}  // namespace eigenbit::internal
