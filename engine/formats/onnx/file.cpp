#include "engine/formats/onnx/file.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/functions.h"
#include "engine/formats/onnx/node.h"

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <queue>
#include <set>

namespace eigenbit::internal {
namespace {

using Producers = std::map<std::string, std::size_t, std::less<>>;

std::int64_t read_opset(const onnx::ModelProto& model) {
    for (const auto& import : model.opset_import()) {
        if (!import.domain().empty() && import.domain() != "ai.onnx") continue;
        if (import.version() < kOldestOpset || import.version() > kNewestOpset) {
            fail("its opset is {}, {} to {} are supported", import.version(), kOldestOpset, kNewestOpset);
        }
        return import.version();
    }
    fail("it names no opset: it is no ONNX file, or it is incomplete");
}

Producers find_producers(const onnx::GraphProto& graph) {
    Producers producers;
    for (int i = 0; i < graph.node_size(); ++i) {
        for (const std::string& output : graph.node(i).output()) {
            if (output.empty() || producers.emplace(output, i).second) continue;
            fail("'{}' is the output of two nodes, one of them {}", output, describe(graph.node(i)));
        }
    }
    return producers;
}

/// Which nodes the outputs depend on.
std::vector<bool> find_needed(const onnx::GraphProto& graph, const Producers& producers) {
    std::vector<bool> needed(static_cast<std::size_t>(graph.node_size()));
    std::vector<std::size_t> pending;
    const auto need = [&](const std::string& value) {
        const auto found = producers.find(value);
        if (found == producers.end() || needed[found->second]) return;
        needed[found->second] = true;
        pending.push_back(found->second);
    };
    for (const auto& output : graph.output()) need(output.name());
    while (!pending.empty()) {
        const onnx::NodeProto& node = graph.node(static_cast<int>(pending.back()));
        pending.pop_back();
        std::ranges::for_each(values_read(node), need);
    }
    return needed;
}

/// The needed nodes, each after those it reads from, otherwise as in the file.
std::vector<const onnx::NodeProto*> sort_nodes(const onnx::GraphProto& graph, const Producers& producers) {
    const std::vector<bool> needed = find_needed(graph, producers);
    std::vector<std::set<std::size_t>> readers(needed.size());
    std::vector<std::size_t> unmet(needed.size());
    std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
    for (std::size_t i = 0; i < needed.size(); ++i) {
        if (!needed[i]) continue;
        for (const std::string& input : values_read(graph.node(static_cast<int>(i)))) {
            const auto producer = producers.find(input);
            if (producer != producers.end() && readers[producer->second].insert(i).second) ++unmet[i];
        }
        if (unmet[i] == 0) ready.push(i);
    }
    std::vector<const onnx::NodeProto*> sorted;
    while (!ready.empty()) {
        const std::size_t next = ready.top();
        ready.pop();
        sorted.push_back(&graph.node(static_cast<int>(next)));
        for (const std::size_t reader : readers[next]) {
            if (--unmet[reader] == 0) ready.push(reader);
        }
    }
    for (std::size_t i = 0; i < needed.size(); ++i) {
        if (needed[i] && unmet[i] > 0) {
            fail("node {} depends on its own output: the network has a cycle",
                 describe(graph.node(static_cast<int>(i))));
        }
    }
    return sorted;
}

Constant read_initializer(const onnx::TensorProto& tensor, ExternalData& data) {
    if (!ExternalData::has_data(tensor)) return read_constant(tensor);
    try {
        Constant constant = read_constant(tensor, data.bytes(tensor));
        data.release_memory();
        return constant;
    } catch (const Error& error) {
        fail("tensor '{}': {}", tensor.name(), error.what());
    }
}

/// The data of constants that are attributes, where they lie in other files.
void fetch_attributes(onnx::GraphProto& graph, ExternalData& data) {
    for (auto& node : *graph.mutable_node()) {
        for (auto& attribute : *node.mutable_attribute()) {
            if (attribute.has_g()) fetch_attributes(*attribute.mutable_g(), data);
            if (!attribute.has_t() || !ExternalData::has_data(attribute.t())) continue;
            const std::span<const std::uint8_t> bytes = data.bytes(attribute.t());
            attribute.mutable_t()->set_raw_data(bytes.data(), bytes.size());
            attribute.mutable_t()->clear_external_data();
            attribute.mutable_t()->clear_data_location();
        }
    }
}

void read_initializers(OnnxFile& file, ExternalData& data) {
    std::map<std::string, const onnx::TensorProto*, std::less<>> tensors;
    for (const auto& tensor : file.model.graph().initializer()) tensors.emplace(tensor.name(), &tensor);
    for (const auto& input : file.model.graph().input()) {
        if (!tensors.contains(input.name())) file.inputs.push_back(&input);
    }
    const auto add_inner = [&](const onnx::NodeProto& node) {
        for (const onnx::GraphProto* graph : inner_graphs(node)) {
            for (const auto& tensor : graph->initializer()) tensors.emplace(tensor.name(), &tensor);
        }
    };
    const auto read = [&](const std::string& value) {
        const auto tensor = tensors.find(value);
        if (tensor == tensors.end() || file.initializers.contains(value)) return;
        file.initializers.emplace(value, std::make_shared<Constant>(read_initializer(*tensor->second, data)));
    };
    const auto read_inputs = [&](const onnx::NodeProto& node) {
        std::ranges::for_each(node.input(), read);
        for (const onnx::GraphProto* graph : inner_graphs(node)) {
            for (const auto& output : graph->output()) read(output.name());
        }
    };
    for (const onnx::NodeProto* node : file.nodes) for_each_node(*node, add_inner);
    for (const onnx::NodeProto* node : file.nodes) for_each_node(*node, read_inputs);
}

void check_complete(const OnnxFile& file, const Producers& producers) {
    std::set<std::string, std::less<>> inputs;
    for (const auto* input : file.inputs) {
        if (!inputs.insert(input->name()).second) fail("two inputs are named '{}'", input->name());
        if (producers.contains(input->name())) fail("'{}' is an input and the output of a node", input->name());
    }
    const auto is_known = [&](const std::string& value) {
        return producers.contains(value) || file.initializers.contains(value) || inputs.contains(value);
    };
    for (const onnx::NodeProto* node : file.nodes) {
        for (const std::string& input : values_read(*node)) {
            if (input.empty() || is_known(input)) continue;
            fail("node {} reads '{}', which is no node's output, no initializer and no input", describe(*node), input);
        }
    }
    for (const auto& output : file.model.graph().output()) {
        if (!producers.contains(output.name()) && !inputs.contains(output.name())) {
            fail("nothing outputs its output '{}'", output.name());
        }
    }
}

void count_readers(OnnxFile& file) {
    const auto count = [&](const onnx::NodeProto& node) {
        for (const std::string& input : node.input()) ++file.readers[input];
        for (const onnx::GraphProto* graph : inner_graphs(node)) {
            for (const auto& output : graph->output()) ++file.readers[output.name()];
        }
    };
    for (const onnx::NodeProto* node : file.nodes) for_each_node(*node, count);
    for (const auto& output : file.model.graph().output()) ++file.readers[output.name()];
}

/// How many letters are to be changed, added or removed to make one text the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    constexpr std::size_t kLongest = 80;
    a = a.substr(0, kLongest);
    b = b.substr(0, kLongest);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

/// "'a', 'b', 'c'": the names most like one that there is not.
std::string candidates_for(const std::string& name, const onnx::GraphProto& graph) {
    constexpr std::size_t kMost = 5;
    std::set<std::string> names;
    for (const auto& node : graph.node()) {
        names.insert(node_name(node));
        names.insert(node.output().begin(), node.output().end());
    }
    names.erase("");
    std::vector<std::pair<std::size_t, std::string>> ranked;
    for (const std::string& known : names) {
        const bool is_part = known.find(name) != std::string::npos || name.find(known) != std::string::npos;
        ranked.emplace_back(is_part ? 0 : edit_distance(known, name), formatted("'{}'", known));
    }
    std::ranges::sort(ranked);
    std::vector<std::string> best;
    for (const auto& [distance, known] : ranked) {
        if (best.size() < kMost) best.push_back(known);
    }
    return joined(best);
}

/// What is to be output for one of the names where an import ends: a value, or what others read of a node's outputs.
std::vector<std::string> values_named(const std::string& name, const onnx::GraphProto& graph) {
    std::set<std::string> read;
    for (const auto& output : graph.output()) read.insert(output.name());
    const onnx::NodeProto* named = nullptr;
    for (const auto& node : graph.node()) {
        if (std::ranges::find(node.output(), name) != node.output().end() && !name.empty()) return {name};
        if (node.name() == name) named = &node;
        for (std::string& input : values_read(node)) read.insert(std::move(input));
    }
    if (named == nullptr || named->output_size() == 0 || name.empty()) {
        fail("it has no node and no value '{}' to be imported up to; names like it are {}", name,
             candidates_for(name, graph));
    }
    std::vector<std::string> values{named->output(0)};
    for (int i = 1; i < named->output_size(); ++i) {
        if (read.contains(named->output(i)) && !named->output(i).empty()) values.push_back(named->output(i));
    }
    return values;
}

void end_at(onnx::GraphProto& graph, std::span<const std::string> names) {
    std::vector<std::string> values;
    for (const std::string& name : names) {
        for (std::string& value : values_named(name, graph)) {
            if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
        }
    }
    graph.clear_output();
    for (const std::string& value : values) graph.add_output()->set_name(value);
}

}  // namespace

bool is_standard(const onnx::NodeProto& node) { return node.domain().empty() || node.domain() == "ai.onnx"; }

std::string node_name(const onnx::NodeProto& node) {
    if (!node.name().empty()) return node.name();
    return node.output_size() > 0 ? node.output(0) : node.op_type();
}

std::string describe(const onnx::NodeProto& node) {
    const std::string type = node.domain().empty() ? node.op_type() : node.domain() + "." + node.op_type();
    return fmt::format("'{}' ({})", node_name(node), type);
}

onnx::ModelProto parse_onnx(std::span<const std::uint8_t> bytes) {
    if (bytes.size() > std::numeric_limits<int>::max()) fail("it is larger than 2 GB");
    const google::protobuf::LogSilencer silence;  // a library prints nothing
    onnx::ModelProto model;
    if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        fail("it is no ONNX file, or it is damaged or incomplete");
    }
    return model;
}

OnnxFile load_onnx(std::span<const std::uint8_t> bytes, ExternalData& data, std::span<const std::string> until) {
    OnnxFile file;
    file.model = parse_onnx(bytes);
    file.opset = read_opset(file.model);
    inline_functions(file.model);
    onnx::GraphProto& graph = *file.model.mutable_graph();
    if (!until.empty()) end_at(graph, until);
    if (graph.output_size() == 0) fail("it holds no network, or one without output");
    fetch_attributes(graph, data);
    const Producers producers = find_producers(graph);
    file.nodes = sort_nodes(graph, producers);
    read_initializers(file, data);
    check_complete(file, producers);
    count_readers(file);
    return file;
}

}  // namespace eigenbit::internal
