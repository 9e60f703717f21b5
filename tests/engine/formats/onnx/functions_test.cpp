#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <google/protobuf/unknown_field_set.h>

using namespace eigenbit::internal;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

onnx::NodeProto made(const std::string& type, const std::vector<std::string>& inputs,
                     const std::vector<std::string>& outputs, const std::string& domain = "") {
    onnx::NodeProto node;
    node.set_op_type(type);
    node.set_domain(domain);
    for (const std::string& input : inputs) node.add_input(input);
    for (const std::string& output : outputs) node.add_output(output);
    return node;
}

void refer(onnx::NodeProto& node, const std::string& name, const std::string& referred) {
    auto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_ref_attr_name(referred);
    attribute.set_type(onnx::AttributeProto::FLOAT);
}

onnx::FunctionProto& add_function(OnnxModel& model, const std::string& name, const std::vector<std::string>& inputs,
                                  const std::vector<std::string>& outputs) {
    onnx::FunctionProto& function = *model.proto.add_functions();
    function.set_domain("pkg.layers");
    function.set_name(name);
    for (const std::string& input : inputs) function.add_input(input);
    for (const std::string& output : outputs) function.add_output(output);
    return function;
}

/// A default value of a function's attribute, which is newer than the onnx.proto that the tests are built with.
void set_default(onnx::FunctionProto& function, const std::string& name, float value) {
    onnx::AttributeProto attribute;
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::FLOAT);
    attribute.set_f(value);
    function.GetReflection()->MutableUnknownFields(&function)->AddLengthDelimited(11, attribute.SerializeAsString());
}

/// output = if c { a branch } else { another }, of nodes that see the values outside.
void add_if(OnnxModel& model, const std::string& condition, const onnx::NodeProto& yes, const onnx::NodeProto& no,
            const std::string& output = "y") {
    onnx::NodeProto& node = *model.proto.mutable_graph()->add_node();
    node = made("If", {condition}, {output});
    for (const auto& [name, inner] : {std::pair{"then_branch", &yes}, std::pair{"else_branch", &no}}) {
        auto& attribute = *node.add_attribute();
        attribute.set_name(name);
        attribute.set_type(onnx::AttributeProto::GRAPH);
        *attribute.mutable_g()->add_node() = *inner;
        attribute.mutable_g()->add_output()->set_name(inner->output(0));
    }
}

float leaky(float x, float slope) { return x < 0.0F ? slope * x : x; }

}  // namespace

TEST_CASE("functions of a file are inlined, nested, with attributes of the call and default ones") {
    OnnxModel model(18);
    onnx::FunctionProto& inner = add_function(model, "inner", {"a"}, {"b"});
    set_default(inner, "slope", 0.25F);
    *inner.add_node() = made("LeakyRelu", {"a"}, {"t"});
    refer(*inner.mutable_node(0), "alpha", "slope");
    *inner.add_node() = made("Neg", {"t"}, {"b"});
    onnx::FunctionProto& outer = add_function(model, "outer", {"t", "unused"}, {"b", "t"});
    *outer.add_node() = made("inner", {"t"}, {"a"}, "pkg.layers");
    refer(*outer.mutable_node(0), "slope", "steepness");
    *outer.add_node() = made("inner", {"a"}, {"b"}, "pkg.layers");

    model.input("x", {0, 5});
    auto& nodes = *model.proto.mutable_graph()->mutable_node();
    *nodes.Add() = made("outer", {"x"}, {"a", "same"}, "pkg.layers");
    set_attribute(nodes[0], "steepness", 0.5F);
    model.node("Sub", {"a", "same"}, {"y"}).output("y");
    check_output(model, {3, 5}, {3, 5},
                 [](const Tensor& x, const Integers& i) { return -leaky(-leaky(at(x, i), 0.5F), 0.25F) - at(x, i); });
}

TEST_CASE("functions that call themselves, or that stand for too much, are refused") {
    OnnxModel itself;
    itself.input("x", {0, 5});
    *add_function(itself, "f", {"a"}, {"b"}).add_node() = made("g", {"a"}, {"b"}, "pkg.layers");
    *add_function(itself, "g", {"a"}, {"b"}).add_node() = made("f", {"a"}, {"b"}, "pkg.layers");
    *itself.proto.mutable_graph()->add_node() = made("f", {"x"}, {"y"}, "pkg.layers");
    itself.output("y");
    CHECK(contains(error_of([&] { itself.read(); }), "function 'pkg.layers.f' calls itself"));

    OnnxModel doubling;
    doubling.input("x", {0, 5});
    for (int i = 0; i < 40; ++i) {
        onnx::FunctionProto& function = add_function(doubling, formatted("f{}", i), {"a"}, {"b"});
        const std::string next = formatted("f{}", i + 1);
        *function.add_node() = made(i == 39 ? "Neg" : next, {"a"}, {"t"}, i == 39 ? "" : "pkg.layers");
        *function.add_node() = made(i == 39 ? "Neg" : next, {"t"}, {"b"}, i == 39 ? "" : "pkg.layers");
    }
    *doubling.proto.mutable_graph()->add_node() = made("f0", {"x"}, {"y"}, "pkg.layers");
    doubling.output("y");
    CHECK(contains(error_of([&] { doubling.read(); }), "too many nodes"));

    OnnxModel older(12);
    older.input("x", {0, 5});
    onnx::FunctionProto& function = add_function(older, "f", {"a"}, {"b"});
    function.add_opset_import()->set_version(18);
    *function.add_node() = made("Neg", {"a"}, {"b"});
    *older.proto.mutable_graph()->add_node() = made("f", {"x"}, {"y"}, "pkg.layers");
    older.output("y");
    CHECK(contains(error_of([&] { older.read(); }), "is of opset 18, the network that calls it of opset 12"));
}

TEST_CASE("an If whose condition is known before the network runs is the branch that it takes") {
    for (const bool taken : {true, false}) {
        OnnxModel model;
        model.input("x", {0, 4}).integer("i", taken ? 4 : 7).node("Shape", {"x"}, {"s"}).integer("one", 1);
        model.node("Gather", {"s", "one"}, {"width"}, {{"axis", std::int64_t{0}}}).node("Relu", {"x"}, {"r"});
        model.node("Equal", {"width", "i"}, {"c"});
        add_if(model, "c", made("Neg", {"r"}, {"t"}), made("LSTM", {"r"}, {"t"}));
        if (!taken) {
            auto& branch = *model.proto.mutable_graph()->mutable_node(4)->mutable_attribute(1)->mutable_g();
            branch.mutable_node(0)->set_op_type(std::string("Tanh"));
        }
        model.output("y");
        check_output(model, {3, 4}, {3, 4}, [&](const Tensor& x, const Integers& i) {
            const float r = std::max(at(x, i), 0.0F);
            return taken ? -r : std::tanh(r);
        });
    }
}

TEST_CASE("branches see the values outside, and those of two Ifs may have the same names") {
    OnnxModel model;
    model.input("x", {0, 4}).node("Relu", {"x"}, {"r"}).node("Neg", {"r"}, {"n"});
    auto& yes = *model.proto.mutable_graph()->add_initializer();
    yes.set_name(std::string("c"));
    yes.set_data_type(onnx::TensorProto::BOOL);
    yes.add_int32_data(1);
    add_if(model, "c", made("Sub", {"n", "x"}, {"t"}), made("Neg", {"n"}, {"t"}));
    add_if(model, "c", made("Mul", {"y", "n"}, {"t"}), made("Neg", {"n"}, {"t"}), "z");
    model.output("z");
    check_output(model, {3, 4}, {3, 4}, [](const Tensor& x, const Integers& i) {
        const float n = -std::max(at(x, i), 0.0F);
        return (n - at(x, i)) * n;
    });

    OnnxModel unknown;
    unknown.input("x", {0, 4}).input("c", {1});
    add_if(unknown, "c", made("Neg", {"x"}, {"t"}), made("Relu", {"x"}, {"t"}));
    CHECK(contains(error_of([&] { unknown.output("y").read(); }), "node 'y' (If): which of its branches runs"));
    OnnxModel undefined;
    undefined.input("x", {0, 4}).integer("c", 1);
    add_if(undefined, "c", made("Neg", {"z"}, {"t"}), made("Relu", {"x"}, {"t"}));
    CHECK(contains(error_of([&] { undefined.output("y").read(); }), "reads 'z', which is no node's output"));
    OnnxModel later;
    later.input("x", {0, 4}).integer("c", 1);
    add_if(later, "c", made("Neg", {"z"}, {"t"}), made("Relu", {"x"}, {"t"}));
    auto& branch = *later.proto.mutable_graph()->mutable_node(0)->mutable_attribute(0)->mutable_g();
    *branch.add_node() = made("Neg", {"x"}, {"z"});
    CHECK(contains(error_of([&] { later.output("y").read(); }), "z' before that is computed"));
}

TEST_CASE("sequences that are known before the network runs are the values in them") {
    OnnxModel model;
    model.input("x", {0, 6}).integers("sizes", {1, 3, 2}).integer("last", -1).integer("first", 0).output("y");
    model.node("SplitToSequence", {"x", "sizes"}, {"parts"}, {{"axis", std::int64_t{1}}});
    model.node("SequenceAt", {"parts", "last"}, {"c"}).node("SequenceAt", {"parts", "first"}, {"a"});
    model.node("SequenceConstruct", {"c", "a"}, {"two"}).node("SequenceInsert", {"two", "c", "first"}, {"three"});
    model.node("ConcatFromSequence", {"three"}, {"y"}, {{"axis", std::int64_t{1}}});
    check_output(model, {2, 6}, {2, 5}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], std::array<std::int64_t, 5>{4, 5, 4, 5, 0}[static_cast<std::size_t>(i[1])]});
    });

    OnnxModel stacked;
    stacked.input("x", {0, 3})
        .output("y")
        .node("SplitToSequence", {"x"}, {"parts"}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
    stacked.node("ConcatFromSequence", {"parts"}, {"y"}, {{"axis", std::int64_t{0}}, {"new_axis", std::int64_t{1}}});
    check_output(stacked, {2, 3}, {3, 2}, [](const Tensor& x, const Integers& i) { return at(x, {i[1], i[0]}); });

    OnnxModel outside;
    outside.input("x", {0, 3}).output("y").integer("three", 3).node("SequenceConstruct", {"x", "x", "x"}, {"s"});
    outside.node("SequenceAt", {"s", "three"}, {"y"});
    CHECK(contains(error_of([&] { outside.read(); }), "position 3 is outside a sequence of 3"));
    for (const std::string type : {"ConcatFromSequence", "If", "SequenceAt", "SequenceInsert", "SequenceLength",
                                   "SplitToSequence", "Shape", "QuantizeLinear", "DequantizeLinear", "QLinearConv"}) {
        CAPTURE(type);
        OnnxModel nothing;
        nothing.input("x", {0, 3}).node(type, {}, {"s"}).integer("i", 0).node("SequenceAt", {"s", "i"}, {"y"});
        CHECK(contains(error_of([&] { nothing.output("y").read(); }), "node '" + type + "_s' (" + type + "): "));
    }
    OnnxModel silent;  // a node within a branch that outputs nothing
    silent.input("x", {0, 4}).integer("c", 1);
    add_if(silent, "c", made("Neg", {"x"}, {"t"}), made("Relu", {"x"}, {"t"}));
    *silent.proto.mutable_graph()->mutable_node(0)->mutable_attribute(0)->mutable_g()->add_node() =
        made("Neg", {"x"}, {});
    CHECK(contains(error_of([&] { silent.output("y").read(); }), "it has no output"));
}
