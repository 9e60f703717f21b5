#include "engine/formats/onnx/functions.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/file.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <map>
#include <set>

namespace eigenbit::internal {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;
using Attributes = std::map<std::string, onnx::AttributeProto, std::less<>>;

constexpr std::size_t kDeepest = 64;             // functions that call each other
constexpr std::size_t kMostBytes = 1 << 26;      // of all nodes once functions are inlined, beyond those of the file
constexpr std::int64_t kFirstUniformOpset = 13;  // before it, Softmax and others meant something else

/// What names mean within a function's body or a branch.
struct Scope {
    std::map<std::string, std::string, std::less<>> names;  ///< of values in the network, by names here
    bool is_function = false;                               ///< what is not among the names is the body's own
    std::string prefix{};                                   ///< of the names of values that are the body's own
    std::string node_prefix{};                              ///< of the names of its nodes
    const Attributes* attributes = nullptr;                 ///< of the function's call; null outside of functions

    std::string name_of(const std::string& name) const {
        if (name.empty()) return name;
        const auto known = names.find(name);
        if (known != names.end()) return known->second;
        return is_function ? prefix + name : name;
    }
};

/// What values within a node are called: no other node has its first output.
std::string value_prefix(const onnx::NodeProto& node) {
    const auto named = std::ranges::find_if(node.output(), [](const std::string& output) { return !output.empty(); });
    return (named == node.output().end() ? node_name(node) : *named) + "/";
}

std::string function_key(const std::string& domain, const std::string& name) { return domain + "." + name; }

/// Default values of a function's attributes: field 11 of FunctionProto, which the onnx.proto of Debian does not know.
Attributes default_attributes(const onnx::FunctionProto& function) {
    constexpr int kAttributeProto = 11;
    Attributes defaults;
    const google::protobuf::UnknownFieldSet& unknown = function.GetReflection()->GetUnknownFields(function);
    for (int i = 0; i < unknown.field_count(); ++i) {
        const google::protobuf::UnknownField& field = unknown.field(i);
        if (field.number() != kAttributeProto
            || field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
            continue;
        }
        onnx::AttributeProto attribute;
        if (!attribute.ParseFromString(field.length_delimited())) fail("a function's attributes are damaged");
        defaults.insert_or_assign(attribute.name(), attribute);
    }
    return defaults;
}

std::int64_t standard_opset(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) {
    for (const auto& import : imports) {
        if (import.domain().empty() || import.domain() == "ai.onnx") return import.version();
    }
    return 0;
}

class Inliner {
  public:
    explicit Inliner(const onnx::ModelProto& model)
        : opset_(standard_opset(model.opset_import())), most_bytes_(model.ByteSizeLong() + kMostBytes) {
        for (const auto& function : model.functions()) {
            functions_.emplace(function_key(function.domain(), function.name()), &function);
        }
    }

    Nodes inlined(const Nodes& nodes, const Scope& scope) {
        Nodes result;
        for (const onnx::NodeProto& node : nodes) add(node, scope, result);
        return result;
    }

  private:
    void add(const onnx::NodeProto& original, const Scope& scope, Nodes& result) {
        onnx::NodeProto node = original;
        if (scope.is_function) node.set_name(scope.node_prefix + node_name(original));
        for (std::string& input : *node.mutable_input()) input = scope.name_of(input);
        for (std::string& output : *node.mutable_output()) output = scope.name_of(output);
        if (scope.attributes != nullptr) refer(node, *scope.attributes);
        bytes_ += node.ByteSizeLong();
        if (bytes_ > most_bytes_) fail("its functions stand for too many nodes: they take more than {} bytes", bytes_);
        const auto function = functions_.find(function_key(node.domain(), node.op_type()));
        if (function != functions_.end()) return call(node, *function->second, result);
        for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
            if (attribute.has_g()) enter(*attribute.mutable_g(), value_prefix(node) + attribute.name() + "/", scope);
        }
        *result.Add() = std::move(node);
    }

    /// Attributes that name one of the call become it, or are left out where the call does not have it.
    static void refer(onnx::NodeProto& node, const Attributes& of_call) {
        google::protobuf::RepeatedPtrField<onnx::AttributeProto> attributes;
        for (const onnx::AttributeProto& attribute : node.attribute()) {
            const auto given = of_call.find(attribute.ref_attr_name());
            if (attribute.ref_attr_name().empty()) {
                *attributes.Add() = attribute;
            } else if (given != of_call.end()) {
                onnx::AttributeProto& copy = *attributes.Add();
                copy = given->second;
                copy.set_name(attribute.name());
            }
        }
        *node.mutable_attribute() = std::move(attributes);
    }

    void call(const onnx::NodeProto& node, const onnx::FunctionProto& function, Nodes& result) {
        const std::string name = function_key(function.domain(), function.name());
        if (!active_.insert(&function).second) fail("function '{}' calls itself", name);
        if (active_.size() > kDeepest) fail("function '{}' lies within {} others", name, kDeepest);
        const std::int64_t opset = standard_opset(function.opset_import());
        if (opset != 0 && opset != opset_ && std::min(opset, opset_) < kFirstUniformOpset) {
            fail("function '{}' is of opset {}, the network that calls it of opset {}", name, opset, opset_);
        }
        Attributes attributes = default_attributes(function);
        for (const auto& attribute : node.attribute()) attributes.insert_or_assign(attribute.name(), attribute);
        Scope body{{}, true, value_prefix(node), node_name(node) + "/", &attributes};
        for (int i = 0; i < function.input_size(); ++i) {
            body.names[function.input(i)] = i < node.input_size() ? node.input(i) : "";
        }
        for (int i = 0; i < function.output_size() && i < node.output_size(); ++i) {
            if (node.output(i).empty()) continue;
            if (body.names.emplace(function.output(i), node.output(i)).second) continue;
            onnx::NodeProto& same = *result.Add();  // an output that is an input
            same.set_op_type("Identity");
            same.set_name(body.node_prefix + function.output(i));
            same.add_input(body.names[function.output(i)]);
            same.add_output(node.output(i));
        }
        for (const onnx::NodeProto& inner : function.node()) add(inner, body, result);
        active_.erase(&function);
    }

    void enter(onnx::GraphProto& graph, const std::string& prefix, const Scope& outside) {
        Scope scope = outside;
        const auto own = [&](const std::string& name) {
            if (!name.empty()) scope.names[name] = prefix + name;
        };
        for (const auto& tensor : graph.initializer()) own(tensor.name());
        for (const auto& input : graph.input()) own(input.name());
        for (const auto& node : graph.node()) {
            for (const std::string& output : node.output()) own(output);
        }
        for (auto& tensor : *graph.mutable_initializer()) tensor.set_name(scope.name_of(tensor.name()));
        for (auto& input : *graph.mutable_input()) input.set_name(scope.name_of(input.name()));
        for (auto& output : *graph.mutable_output()) output.set_name(scope.name_of(output.name()));
        *graph.mutable_node() = inlined(Nodes(graph.node()), scope);
    }

    std::int64_t opset_;
    std::map<std::string, const onnx::FunctionProto*, std::less<>> functions_;
    std::set<const onnx::FunctionProto*> active_;
    std::size_t most_bytes_;
    std::size_t bytes_ = 0;  ///< of all nodes so far
};

}  // namespace

void inline_functions(onnx::ModelProto& model) {
    const auto has_inner_graphs = [](const onnx::NodeProto& node) { return !inner_graphs(node).empty(); };
    const Nodes& nodes = model.graph().node();
    if (model.functions().empty() && std::ranges::none_of(nodes, has_inner_graphs)) return;
    *model.mutable_graph()->mutable_node() = Inliner(model).inlined(nodes, {});
}

std::vector<const onnx::GraphProto*> inner_graphs(const onnx::NodeProto& node) {
    std::vector<const onnx::GraphProto*> graphs;
    for (const auto& attribute : node.attribute()) {
        if (attribute.has_g()) graphs.push_back(&attribute.g());
    }
    return graphs;
}

std::vector<std::string> values_read(const onnx::NodeProto& node) {
    std::vector<std::string> values(node.input().begin(), node.input().end());
    for (const onnx::GraphProto* graph : inner_graphs(node)) {
        std::set<std::string, std::less<>> own;
        for (const auto& tensor : graph->initializer()) own.insert(tensor.name());
        for (const auto& input : graph->input()) own.insert(input.name());
        for (const auto& inner : graph->node()) own.insert(inner.output().begin(), inner.output().end());
        const auto read = [&](const std::string& value) {
            if (!own.contains(value)) values.push_back(value);
        };
        for (const auto& inner : graph->node()) std::ranges::for_each(values_read(inner), read);
        for (const auto& output : graph->output()) read(output.name());
    }
    return values;
}

void for_each_node(const onnx::NodeProto& node, const std::function<void(const onnx::NodeProto&)>& visit) {
    visit(node);
    for (const onnx::GraphProto* graph : inner_graphs(node)) {
        for (const auto& inner : graph->node()) for_each_node(inner, visit);
    }
}

}  // namespace eigenbit::internal
