#include "cli/weights.h"

#include "engine/base/error.h"
#include "engine/base/warning.h"
#include "engine/formats/arrays/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

namespace eigenbit::internal {
namespace {

/// The first few of many names.
std::string some_of(const std::vector<std::string>& names) {
    constexpr std::size_t kMost = 6;
    const auto shown = std::span(names).first(std::min(names.size(), kMost));
    return fmt::format("{}{}", fmt::join(shown, ", "), names.size() > kMost ? " …" : "");
}

}  // namespace

void add_weights_option(CLI::App& verb, std::filesystem::path& weights) {
    verb.add_option("--weights", weights,
                    "Take weights by name from this .npz or .safetensors file, in PyTorch's order of axes")
        ->type_name("FILE");
}

void take_weights(Graph& graph, const std::filesystem::path& weights, Results& results) {
    if (weights.empty()) return;
    const std::vector<NamedArray> arrays = read_arrays(weights);
    TakenWeights outcome;
    try {
        outcome = take_weights(graph, arrays);
    } catch (const Error& error) {
        fail("cannot take weights from {}: {}", weights.string(), error.what());
    }
    fmt::print("{} of {} parameters taken from {}\n", outcome.taken.size(),
               outcome.taken.size() + outcome.kept.size() + outcome.unfit.size(), weights.string());
    if (!outcome.kept.empty()) {
        warn("{} does not have {} of the network's parameters, which stay as they were: {}.", weights.string(),
             outcome.kept.size(), some_of(outcome.kept));
    }
    if (!outcome.unfit.empty()) {
        warn("{} parameters stay as they were, since their shapes differ: {}.", outcome.unfit.size(),
             some_of(outcome.unfit));
    }
    if (!outcome.unused.empty()) {
        warn("the network does not have {} of the arrays in {}: {}.", outcome.unused.size(), weights.string(),
             some_of(outcome.unused));
    }
    results["weights"] = {
        {"taken", outcome.taken}, {"kept", outcome.kept}, {"unused", outcome.unused}, {"unfit", outcome.unfit}};
}

}  // namespace eigenbit::internal
