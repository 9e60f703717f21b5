#include "engine/formats/file.h"
#include "engine/formats/onnx/import/operators.h"
#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"
#include "tests/laboratory.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

using namespace eigenbit::internal;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string error_of_reading(const OnnxModel& model) {
    return error_of([&] { model.read(); });
}

/// y = relu(w ∗ x) with 4 input and 3 output channels.
OnnxModel convolution() {
    OnnxModel model;
    model.input("x", {0, 4, 5, 6}).constant("w", random_tensor({3, 4, 3, 3}, 1)).node("Conv", {"x", "w"}, {"c"});
    return model.node("Relu", {"c"}, {"y"}).output("y");
}

/// Two numbers times a matrix: a file of few bytes.
Graph small_network() {
    OnnxModel model;
    model.input("x", {0, 2}).constant("w", random_tensor({2, 1}, 1)).node("MatMul", {"x", "w"}, {"y"});
    return model.output("y").read().graph;
}

std::filesystem::path resnet20() { return laboratory("data/models/resnet20_cifar10.onnx"); }

onnx::TensorProto& weights(OnnxModel& model) { return *model.proto.mutable_graph()->mutable_initializer(0); }

}  // namespace

TEST_CASE("all unsupported operators are listed at once, by operator, with names, numbers and opset") {
    OnnxModel model(12);
    model.input("x", {0, 4, 5, 6}).node("LSTM", {"x"}, {"a"}).node("Relu", {"a"}, {"b"}).node("NonZero", {"b"}, {"c"});
    model.integer("i", 0).node("TopK", {"c", "i"}, {"y"}).node("Loop", {"x"}, {"unused"}).output("y");
    model.proto.mutable_graph()->mutable_node(1)->set_domain("com.example");
    const std::string error = error_of_reading(model);
    CHECK(contains(error, "model.onnx"));
    CHECK(contains(error, "opset 12"));
    CHECK(contains(error, "LSTM (1: 'LSTM_a')"));
    CHECK(contains(error, "com.example.Relu (1: 'Relu_b')"));
    CHECK(contains(error, "NonZero (1: 'NonZero_c')"));
    CHECK(contains(error, "TopK (1: 'TopK_y')"));
    CHECK(!contains(error, "Loop"));  // nothing depends on it
}

TEST_CASE("what cannot be imported is counted by operator, and values are named up to which the rest can be") {
    OnnxModel model;
    model.input("x", {0, 4, 5, 6}).constant("w", random_tensor({3, 4, 3, 3, 3}, 1)).node("Relu", {"x"}, {"r"});
    model.node("Neg", {"r"}, {"n"}).node("LSTM", {"n"}, {"l0"}).node("Conv", {"r", "w"}, {"volume"}).output("last");
    for (int i = 0; i < 6; ++i) model.node("LSTM", {fmt::format("l{}", i)}, {fmt::format("l{}", i + 1)});
    model.node("Concat", {"l6", "volume"}, {"last"}, {{"axis", std::int64_t{1}}});
    const std::string error = error_of_reading(model);
    CHECK(contains(error, "8 of its nodes (opset 13) are not supported"));
    CHECK(contains(error, "LSTM (7: 'LSTM_l0', 'LSTM_l1', 'LSTM_l2', 'LSTM_l3' and 3 more)"));
    CHECK(contains(error, "Conv of three dimensions (1: 'Conv_volume')"));
    CHECK(contains(error, "with --until, the network can be imported up to 'n', 'r'"));
}

TEST_CASE("a network is imported up to values, or to what nodes output") {
    OnnxModel model;
    model.input("x", {0, 4}).node("Relu", {"x"}, {"r"}).node("LSTM", {"r"}, {"y"}).output("y");
    model.node("Split", {"r"}, {"a", "b", "c"}, {{"axis", std::int64_t{1}}, {"split", Integers{1, 2, 1}}});
    model.node("Concat", {"b", "r"}, {"d"}, {{"axis", std::int64_t{1}}}).node("LSTM", {"d"}, {"unused"});
    const auto outputs = [&](const std::vector<std::string>& names) {
        const Graph graph = model.read({.until = names}).graph;
        std::string text;
        for (const ValueId output : graph.outputs()) {
            text += to_string(infer_shapes(graph, Shape{5, 4})[static_cast<std::size_t>(output)]) + " ";
        }
        return text;
    };
    CHECK(outputs({"r"}) == "(5, 4) ");
    CHECK(outputs({"Relu_r"}) == "(5, 4) ");
    CHECK(outputs({"Split_a"}) == "(5, 1) (5, 2) ");  // nothing reads the third
    CHECK(outputs({"c", "d", "c"}) == "(5, 1) (5, 6) ");
    const std::string error = error_of([&] { model.read({.until = {"Relu_q"}}); });
    CHECK(contains(error, "no node and no value 'Relu_q' to be imported up to; names like it are 'Relu_r'"));
    CHECK(contains(error_of([&] { model.read({.until = {""}}); }), "no node and no value ''"));
}

TEST_CASE("a file cut off anywhere is refused") {
    const TemporaryFolder folder;
    write_onnx(Model{small_network(), {}, {"one", "two"}}, folder / "whole.onnx");
    const std::vector<std::uint8_t> bytes = read_file(folder / "whole.onnx");
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        write_file(folder / "cut.onnx", std::span(bytes).first(length));
        CHECK_THROWS_AS(read_onnx(folder / "cut.onnx"), Error);
    }
}

TEST_CASE("a published network cut off anywhere is refused" * doctest::skip(absent({resnet20()}))) {
    const TemporaryFolder folder;
    write_onnx(read_onnx(resnet20()), folder / "whole.onnx");
    const std::vector<std::uint8_t> bytes = read_file(folder / "whole.onnx");
    for (std::size_t length = 0; length < bytes.size(); length += 1 + bytes.size() / 150) {
        write_file(folder / "cut.onnx", std::span(bytes).first(length));
        CHECK(contains(error_of([&] { read_onnx(folder / "cut.onnx"); }), "cut.onnx"));
    }
}

TEST_CASE("a file with any byte changed is read or refused") {
    const TemporaryFolder folder;
    write_onnx(Model{small_network(), {}, {}}, folder / "whole.onnx");
    std::vector<std::uint8_t> bytes = read_file(folder / "whole.onnx");
    for (std::size_t position = 0; position < bytes.size(); ++position) {
        for (const int bits : {0x01, 0x80}) {
            const auto change = static_cast<std::uint8_t>(bits);
            bytes[position] = static_cast<std::uint8_t>(bytes[position] ^ change);
            write_file(folder / "changed.onnx", bytes);
            CHECK_NOTHROW(error_of([&] { read_onnx(folder / "changed.onnx"); }));
            bytes[position] = static_cast<std::uint8_t>(bytes[position] ^ change);
        }
    }
}

TEST_CASE("tensors whose data do not fit their dimensions are refused by name") {
    const auto error = [](const std::function<void(onnx::TensorProto&)>& change) {
        OnnxModel model = convolution();
        change(weights(model));
        return error_of_reading(model);
    };
    CHECK(contains(error([](auto& w) { w.set_raw_data("abc"); }), "tensor 'w'"));
    CHECK(contains(error([](auto& w) { w.set_dims(0, -3); }), "-3"));
    CHECK(contains(error([](auto& w) { w.set_dims(0, std::int64_t{1} << 62); }), "tensor 'w'"));
    CHECK(contains(error([](auto& w) { w.set_dims(0, 4); }), "(4, 4, 3, 3) holds 108 values"));
    CHECK(contains(error([](auto& w) { w.set_data_type(onnx::TensorProto::STRING); }), "element type STRING"));
    CHECK(contains(error([](auto& w) { w.set_data_type(onnx::TensorProto::FLOAT16); }), "holds 216 values"));
    CHECK(contains(error([](auto& w) { w.set_data_location(onnx::TensorProto::EXTERNAL); }), "'w': its data are said"));
    CHECK(contains(error([](auto& w) {
                       w.set_dims(0, 0);
                       w.clear_raw_data();
                   }),
                   "holds no values"));
    CHECK(contains(error([](auto& w) { w.mutable_segment()->set_begin(0); }), "segments"));
}

TEST_CASE("weights that are not finite are refused by name") {
    for (const float value : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        OnnxModel model;
        Tensor weight = random_tensor({3, 4, 3, 3}, 1);
        weight[17] = value;
        model.input("x", {0, 4, 5, 6}).constant("w", weight).node("Conv", {"x", "w"}, {"y"}).output("y");
        CHECK(contains(error_of_reading(model), "node 'Conv_y' (Conv): tensor 'w' holds values that are not finite"));
    }
}

TEST_CASE("networks whose parts do not fit together are refused with the node's name") {
    OnnxModel missing = convolution();
    missing.proto.mutable_graph()->clear_initializer();
    CHECK(contains(error_of_reading(missing), "node 'Conv_c' (Conv) reads 'w'"));

    OnnxModel cycle = convolution();
    const std::string last = cycle.proto.graph().output(0).name();
    cycle.proto.mutable_graph()->mutable_node(0)->set_input(0, last);
    CHECK(contains(error_of_reading(cycle), "cycle"));

    OnnxModel twice = convolution();
    twice.node("Relu", {"x"}, {"c"});
    CHECK(contains(error_of_reading(twice), "'c' is the output of two nodes"));

    OnnxModel no_output = convolution();
    no_output.proto.mutable_graph()->mutable_output(0)->set_name("z");
    CHECK(contains(error_of_reading(no_output), "'z'"));

    OnnxModel channels = convolution();
    channels.proto.mutable_graph()
        ->mutable_input(0)
        ->mutable_type()
        ->mutable_tensor_type()
        ->mutable_shape()
        ->mutable_dim(1)
        ->set_dim_value(5);
    CHECK(contains(error_of_reading(channels), "node 'Conv_c' (Conv)"));

    OnnxModel sequence;
    sequence.input("x", {0, 4, 9, 9, 9})
        .constant("w", random_tensor({3, 4, 3}, 1))
        .node("Conv", {"x", "w"}, {"y"})
        .output("y");
    CHECK(contains(error_of_reading(sequence), "images, with 4 dimensions, or one-dimensional values, with 3"));

    OnnxModel attribute = convolution();
    set_attribute(*attribute.proto.mutable_graph()->mutable_node(0), "strides", 2.0F);
    CHECK(contains(error_of_reading(attribute), "attribute 'strides' is not a list of integers"));

    OnnxModel huge = convolution();
    set_attribute(*huge.proto.mutable_graph()->mutable_node(0), "pads",
                  std::vector<std::int64_t>(4, std::int64_t{1} << 62));
    CHECK(contains(error_of_reading(huge), "attribute 'pads'"));

    OnnxModel mask;
    mask.input("x", {0, 4}).node("Dropout", {"x"}, {"d", "mask"}).node("Relu", {"mask"}, {"y"}).output("y");
    CHECK(contains(error_of_reading(mask), "its output 'mask' is not supported"));

    OnnxModel expansion;
    expansion.input("x", {0, 4}).number("a", 1.0F).integers("s", {std::int64_t{1} << 30, 512}).output("y");
    expansion.node("Expand", {"a", "s"}, {"e"}).node("Add", {"x", "e"}, {"y"});
    CHECK(contains(error_of_reading(expansion), "too large"));

    OnnxModel many;
    many.input("x", {0, 4}).integers("s", {1 << 22}).node("ConstantOfShape", {"s"}, {"c0"}).output("y");
    for (int i = 0; i < 40; ++i) many.node("Neg", {fmt::format("c{}", i)}, {fmt::format("c{}", i + 1)});
    many.node("Gather", {"c40", "i"}, {"g"}).integer("i", 0).node("Add", {"x", "g"}, {"y"});
    CHECK(contains(error_of_reading(many), "too large together"));
}

TEST_CASE("constants without elements are dealt with at once, whatever their other dimensions") {
    OnnxModel model;
    model.input("x", {0, 4}).integers("rows", {0}).output("y");
    auto& empty = *model.proto.mutable_graph()->add_initializer();
    empty.set_name("empty");
    empty.set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : {std::int64_t{1} << 40, std::int64_t{1}, std::int64_t{0}}) empty.add_dims(extent);
    model.node("Gather", {"empty", "rows"}, {"g"}, {{"axis", std::int64_t{1}}});
    model.node("Concat", {"g", "g"}, {"c"}, {{"axis", std::int64_t{2}}}).node("Size", {"c"}, {"size"});
    model.node("Cast", {"size"}, {"real"}, {{"to", std::int64_t{onnx::TensorProto::FLOAT}}});
    CHECK(error_of_reading(model.node("Add", {"x", "real"}, {"y"})).empty());
}

TEST_CASE("inputs that leave more open than batch and image size are refused") {
    OnnxModel channels;
    channels.input("x", {0, 0, 5, 6}).node("Relu", {"x"}, {"y"}).output("y");
    CHECK(contains(error_of_reading(channels), "input 'x' leaves dimension 1 open"));
    OnnxModel unknown;
    unknown.input("x", {0, 4}).node("Relu", {"x"}, {"y"}).output("y");
    unknown.proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    CHECK(contains(error_of_reading(unknown), "input 'x' has no shape"));
    OnnxModel integers;
    integers.input("x", {0, 4}).node("Relu", {"x"}, {"y"}).output("y");
    integers.proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
        onnx::TensorProto::INT64);
    CHECK(contains(error_of_reading(integers), "input 'x' has the element type INT64, reals were expected"));
}

TEST_CASE("files of another kind, of another version, or absent are refused by name") {
    const TemporaryFolder folder;
    folder.write("text.onnx", "not a network");
    folder.write("empty.onnx", "");
    for (const char* name : {"text.onnx", "empty.onnx", "absent.onnx"}) {
        CHECK(contains(error_of([&] { read_onnx(folder / name); }), name));
    }
    CHECK(contains(error_of_reading(OnnxModel(6)), "its opset is 6, 7 to 24 are supported"));
    CHECK(contains(error_of_reading(OnnxModel(99)), "its opset is 99"));
}

TEST_CASE("malformed metadata are refused") {
    const auto error = [](const std::string& key, const std::string& value) {
        OnnxModel model = convolution();
        auto& property = *model.proto.add_metadata_props();
        property.set_key(key);
        property.set_value(value);
        return error_of_reading(model);
    };
    CHECK(contains(error("eigenbit.preprocessing", "{"), "eigenbit.preprocessing"));
    CHECK(contains(error("eigenbit.preprocessing", "{}"), "eigenbit.preprocessing"));
    const auto fit = [](const std::string& way) {
        return R"({"channels": 3, "channel_order": "rgb", "resize": 0, "height": 5, "width": 5, "mean": [0], "std": [1])"
               + way + "}";
    };
    CHECK(error("eigenbit.preprocessing", fit("")).empty());
    CHECK(error("eigenbit.preprocessing", fit(R"(, "fit": "stretch")")).empty());
    CHECK(contains(error("eigenbit.preprocessing", fit(R"(, "fit": "wide")")), "fit is 'wide', which is unknown"));
    CHECK(contains(error("eigenbit.preprocessing", fit(R"(, "fit": 1)")), "eigenbit.preprocessing"));
    CHECK(contains(error("eigenbit.classes", "[1]"), "eigenbit.classes"));
    CHECK(error("author", "{").empty());
}

TEST_CASE("operators of two values are refused with one or three") {
    for (const char* type : {"Add", "Sub", "Mul", "Div", "Pow", "PRelu", "Less", "Equal"}) {
        for (const OnnxModel::Names& inputs : {OnnxModel::Names{"x"}, {"x", "x", "x"}}) {
            CAPTURE(type);
            CAPTURE(inputs.size());
            OnnxModel model(16);
            model.input("x", {0, 4}).output("y").node(type, inputs, {"y"});
            CHECK_THROWS_AS(model.read(), Error);
        }
    }
}

TEST_CASE("any operator with too few inputs, or others than it expects, is refused with a sentence or read") {
    std::set<std::string, std::less<>> types;
    for (const ImportTable* table : import_tables()) {
        for (const auto& [type, op] : *table) types.insert(std::string(type));
    }
    REQUIRE(types.size() > 90);
    using Names = std::vector<std::string>;
    for (const std::string& type : types) {
        for (const Names& inputs : {Names{},
                                    {"x"},
                                    {"c"},
                                    {"i"},
                                    {"", "x"},
                                    {"x", "x"},
                                    {"c", "x"},
                                    {"x", "i"},
                                    {"i", "i"},
                                    {"c", "c"},
                                    {"x", "c", "x"},
                                    {"c", "c", "c"},
                                    {"x", "", "i"}}) {
            CAPTURE(type);
            CAPTURE(inputs.size());
            OnnxModel model;
            model.input("x", {0, 4, 5, 6}).constant("c", random_tensor({4}, 1)).integers("i", {1, 2});
            model.node(type, inputs, {"y"}).node("Identity", {"x"}, {"z"}).output("y").output("z");
            CHECK_NOTHROW(error_of_reading(model));
        }
    }
}
