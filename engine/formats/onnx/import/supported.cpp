#include "engine/formats/onnx/import/supported.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/functions.h"
#include "engine/formats/onnx/import/flow.h"
#include "engine/formats/onnx/import/maxima.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/import/quantized.h"
#include "engine/formats/onnx/node.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace eigenbit::internal {
namespace {

using Values = std::set<std::string, std::less<>>;

constexpr std::size_t kMostNames = 4;  // in one list of a sentence

/// "'a', 'b' and 17 more"
std::string listed(const std::vector<std::string>& names) {
    std::vector<std::string> first;
    for (const std::string& name : names) {
        if (first.size() < kMostNames) first.push_back(formatted("'{}'", name));
    }
    const std::size_t more = names.size() - first.size();
    return more == 0 ? joined(first) : formatted("{} and {} more", joined(first), more);
}

/// Whether a convolution or pooling is of volumes.
bool is_three_dimensional(const OnnxFile& file, const onnx::NodeProto& node) {
    static const Values kTypes{"AveragePool", "Conv", "ConvTranspose", "MaxPool"};
    if (!kTypes.contains(node.op_type())) return false;
    for (const auto& attribute : node.attribute()) {
        if (attribute.name() != "kernel_shape") continue;
        const bool is_of_depth = attribute.ints_size() == 3 && attribute.ints(1) == 1 && attribute.ints(2) == 1;
        return attribute.ints_size() == 3 && !(is_of_depth && node.op_type() == "AveragePool");
    }
    const auto weight = node.input_size() > 1 ? file.initializers.find(node.input(1)) : file.initializers.end();
    return weight != file.initializers.end() && weight->second->shape.rank() == 5;
}

using Producers = std::map<std::string, const onnx::NodeProto*, std::less<>>;

/// What a node that is not supported is; empty for one that is.
std::string unsupported_kind(const OnnxFile& file, const Producers& producers, const onnx::NodeProto& node) {
    if (!is_standard(node)) return node.domain() + "." + node.op_type();
    if (is_three_dimensional(file, node)) return node.op_type() + " of three dimensions";
    return find_import(node.op_type()) != nullptr || is_flow(node) || is_rounding(node) || is_unpooling(node, producers)
               ? ""
               : node.op_type();
}

}  // namespace

void check_supported(const OnnxFile& file, const Values& constants) {
    Values beyond;                  // values that depend on nodes that are not supported
    Values computed;                // values that do not, but on the input
    std::vector<std::string> cuts;  // those of them that others than supported nodes read
    std::vector<std::pair<std::string, std::vector<std::string>>> kinds;
    std::size_t count = 0;
    Producers producers;
    for (const onnx::NodeProto* node : file.nodes) {
        for (const std::string& output : node->output()) producers.emplace(output, node);
    }
    const auto cut_at = [&](const std::string& value) {
        if (computed.contains(value) && std::ranges::find(cuts, value) == cuts.end()) cuts.push_back(value);
    };
    for (const onnx::NodeProto* node : file.nodes) {
        if (node->output_size() > 0 && constants.contains(node->output(0))) continue;
        const std::string kind = unsupported_kind(file, producers, *node);
        const std::vector<std::string> read = values_read(*node);
        const bool follows =
            std::ranges::any_of(read, [&](const std::string& value) { return beyond.contains(value); });
        if (kind.empty() && !follows) {
            computed.insert(node->output().begin(), node->output().end());
            continue;
        }
        beyond.insert(node->output().begin(), node->output().end());
        std::ranges::for_each(read, cut_at);
        if (kind.empty()) continue;
        ++count;
        auto entry = std::ranges::find(kinds, kind, &std::pair<std::string, std::vector<std::string>>::first);
        if (entry == kinds.end()) entry = kinds.insert(kinds.end(), {kind, {}});
        entry->second.push_back(node_name(*node));
    }
    if (kinds.empty()) return;
    for (const auto& output : file.model.graph().output()) cut_at(output.name());
    std::vector<std::string> groups;
    for (const auto& [kind, names] : kinds)
        groups.push_back(formatted("{} ({}: {})", kind, names.size(), listed(names)));
    const std::string advice =
        cuts.empty() ? "" : formatted("; with --until, the network can be imported up to {}", listed(cuts));
    fail("{} of its nodes (opset {}) are not supported: {}{}", count, file.opset, joined(groups), advice);
}

}  // namespace eigenbit::internal
