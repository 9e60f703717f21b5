#include "evaluation/not_a_number.h"

#include "engine/base/error.h"
#include "engine/executor/graph_executor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

namespace eigenbit::internal {
namespace {

bool is_no_number(float value) { return std::isnan(value) || value == std::numeric_limits<float>::infinity(); }

std::optional<float> first_no_number(ConstView values) {
    const auto found = std::ranges::find_if(values.values(), is_no_number);
    return found == values.values().end() ? std::nullopt : std::optional(*found);
}

std::string in_words(float value) { return std::isnan(value) ? "not-a-number" : "infinity"; }

/// Of the graph, computed operator by operator; empty when there all are numbers.
std::string first_layer(const Graph& graph, ConstView input) {
    GraphExecutor session(graph, input.shape, {.keep_values = true});
    session.run(input);
    for (const Node& node : graph.nodes()) {
        for (const ValueId output : node.outputs) {
            if (const std::optional<float> value = first_no_number(session.value(output))) {
                return formatted("{} appears first in the output of '{}', {}", in_words(*value), node.name,
                                 type_name(node.op));
            }
        }
    }
    return "";
}

}  // namespace

void check_numbers(const Graph& graph, ConstView input, ConstView output, std::string_view where) {
    const std::optional<float> value = first_no_number(output);
    if (!value) return;
    const std::string first = first_layer(graph, input);
    fail("{}The network outputs {}: {}.", where, in_words(*value),
         first.empty() ? "operator by operator it does not" : first);
}

}  // namespace eigenbit::internal
