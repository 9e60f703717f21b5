#include "engine/formats/onnx/file.h"

#include "engine/base/error.h"

#include <google/protobuf/stubs/logging.h>

#include <limits>
#include <queue>
#include <set>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kOldestOpset = 7;
constexpr std::int64_t kNewestOpset = 21;

using Producers = std::map<std::string, std::size_t, std::less<>>;

onnx::ModelProto parse(std::span<const std::uint8_t> bytes) {
    if (bytes.size() > std::numeric_limits<int>::max()) fail("it is larger than 2 GB");
    const google::protobuf::LogSilencer silence;  // a library prints nothing
    onnx::ModelProto model;
    if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        fail("it is no ONNX file, or it is damaged or incomplete");
    }
    return model;
}

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
        for (const std::string& input : node.input()) need(input);
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
        for (const std::string& input : graph.node(static_cast<int>(i)).input()) {
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

void read_initializers(OnnxFile& file) {
    std::map<std::string, const onnx::TensorProto*, std::less<>> tensors;
    for (const auto& tensor : file.model.graph().initializer()) tensors.emplace(tensor.name(), &tensor);
    for (const onnx::NodeProto* node : file.nodes) {
        for (const std::string& input : node->input()) {
            const auto tensor = tensors.find(input);
            if (tensor == tensors.end() || file.initializers.contains(input)) continue;
            file.initializers.emplace(input, std::make_shared<Constant>(read_constant(*tensor->second)));
        }
    }
    for (const auto& input : file.model.graph().input()) {
        if (!tensors.contains(input.name())) file.inputs.push_back(&input);
    }
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
        for (const std::string& input : node->input()) {
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

}  // namespace

std::string node_name(const onnx::NodeProto& node) {
    if (!node.name().empty()) return node.name();
    return node.output_size() > 0 ? node.output(0) : node.op_type();
}

std::string describe(const onnx::NodeProto& node) {
    const std::string type = node.domain().empty() ? node.op_type() : node.domain() + "." + node.op_type();
    return fmt::format("'{}' ({})", node_name(node), type);
}

OnnxFile load_onnx(std::span<const std::uint8_t> bytes) {
    OnnxFile file;
    file.model = parse(bytes);
    file.opset = read_opset(file.model);
    const onnx::GraphProto& graph = file.model.graph();
    if (graph.output_size() == 0) fail("it holds no network, or one without output");
    const Producers producers = find_producers(graph);
    file.nodes = sort_nodes(graph, producers);
    read_initializers(file);
    check_complete(file, producers);
    for (const onnx::NodeProto* node : file.nodes) {
        for (const std::string& input : node->input()) ++file.readers[input];
    }
    for (const auto& output : graph.output()) ++file.readers[output.name()];
    return file;
}

}  // namespace eigenbit::internal
