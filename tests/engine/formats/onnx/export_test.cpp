#include "engine/zoo/zoo.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/engine/formats/onnx/golden.h"
#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

using namespace eigenbit::internal;

namespace {

onnx::ModelProto parse(const std::filesystem::path& path) {
    const std::vector<std::uint8_t> bytes = read_file(path);
    onnx::ModelProto model;
    REQUIRE(model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    return model;
}

/// A small network for training: convolution, batch normalization, pooling, dropout, two fully-connected layers.
Graph training_network() {
    Graph graph;
    const auto parameter = [&](const std::string& name, const Shape& shape, float low = -1.0F) {
        return graph.add_parameter(name, random_tensor(shape, 5, low, 1.0F));
    };
    ValueId x = graph.add_input("image", Shape{0, 8, 8, 3});
    x = graph.add_node("conv", Conv{.padding = {1, 1, 1, 1}}, {x, parameter("conv.weight", {4, 3, 3, 3})});
    x = graph.add_node("norm", BatchNormalization{},
                       {x, parameter("norm.scale", {4}), parameter("norm.bias", {4}), parameter("norm.mean", {4}),
                        parameter("norm.variance", {4}, 0.1F)});
    x = graph.add_node("relu", Activation{}, {x});
    x = graph.add_node("pool", MaxPool{.kernel = {2, 2}, .stride = {2, 2}}, {x});
    x = graph.add_node("flat", Reshape{{0, -1}}, {x});
    x = graph.add_node("drop", Dropout{.probability = 0.5F}, {x});
    x = graph.add_node("fc1", Gemm{}, {x, parameter("fc1.weight", {6, 64}), parameter("fc1.bias", {6})});
    x = graph.add_node("clip", Activation{.kind = Activation::Kind::clip, .alpha = 0.0F, .beta = 6.0F}, {x});
    graph.add_output(graph.add_node("fc2", Gemm{}, {x, parameter("fc2.weight", {3, 6})}));
    return graph;
}

void check_with_onnx(const Graph& graph) {
    const TemporaryFolder folder;
    write_onnx(Model{graph, {}, {}}, folder / "model.onnx");
    onnx::ModelProto model = parse(folder / "model.onnx");
    CHECK_NOTHROW(onnx::checker::check_model(model));
    const onnx::ShapeInferenceOptions strict{true, 1, false};
    CHECK_NOTHROW(onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict));
}

}  // namespace

TEST_CASE("outputs keep the names that the file gives them, whatever computes them") {
    OnnxModel model;
    model.input("x", {0, 3, 6, 6}).constant("w", random_tensor({4, 3, 3, 3}, 1));
    model.node("Conv", {"x", "w"}, {"features"}).output("features");
    model.node("Transpose", {"features"}, {"pixels"}, {{"perm", Integers{0, 2, 3, 1}}}).output("pixels");
    model.node("Gelu", {"features"}, {"scores"}).output("scores");  // several nodes in opset 13
    model.integers("sides", {2, 3}).integers("channels", {1}).number("count", 108.0F);
    model.node("ReduceSum", {"x", "sides"}, {"sums"});
    model.node("ReduceSum", {"sums", "channels"}, {"sum"}, {{"keepdims", std::int64_t{0}}});
    model.node("Div", {"sum", "count"}, {"mean"}).output("mean");         // two nodes here
    model.proto.mutable_graph()->mutable_node()->rbegin()->clear_name();  // both named like the output
    model.proto.mutable_opset_import(0)->set_version(20);
    const auto names = [](const Graph& graph) {
        std::vector<std::string> result;
        for (const ValueId output : graph.outputs()) result.push_back(graph.name(output));
        return result;
    };
    const Graph graph = model.read().graph;
    CHECK(graph.name(graph.outputs()[2]) == "scores");
    CHECK(graph.name(graph.outputs()[3]) == "mean");
    CHECK(names(exported_and_read_again(graph)) == names(graph));
    const TemporaryFolder folder;
    write_onnx(Model{graph, {}, {}}, folder / "again.onnx");
    const onnx::ModelProto again = parse(folder / "again.onnx");
    CHECK(again.graph().output(0).name() == "features");
    CHECK(again.graph().output(2).name() == "scores");
    check_with_onnx(graph);
}

TEST_CASE("a network built for training comes back from its file as it was") {
    const Graph graph = training_network();
    const Graph again = exported_and_read_again(graph);
    CHECK(again.nodes().size() == graph.nodes().size());
    CHECK(again.parameter_elements() == graph.parameter_elements());
    const Tensor x = random_tensor({5, 8, 8, 3}, 6);
    CHECK(relative_error(run(again, x), run(graph, x)) < 1e-6F);
    for (const auto& [value, parameter] : graph.parameters()) {
        CHECK(again.parameter(again.find_parameter(graph.name(value))).values().shape() == parameter.shape());
    }
    // Files do not grow on their way through the engine.
    CHECK(exported_and_read_again(again).nodes().size() == again.nodes().size());
}

TEST_CASE("preprocessing and class names travel in the file") {
    Preprocessing preprocessing{.channel_order = ChannelOrder::bgr, .resize = 256, .height = 224, .width = 224};
    preprocessing.mean = {0.485F, 0.456F, 0.406F};
    preprocessing.std = {0.229F, 0.224F, 0.225F};
    const Model model{training_network(), preprocessing, {"cat", "dog \"x\"", "Ünïcode"}};
    const TemporaryFolder folder;
    write_onnx(model, folder / "model.onnx");
    const Model again = read_onnx(folder / "model.onnx");
    CHECK(again.preprocessing == model.preprocessing);
    CHECK(again.classes == model.classes);
    for (const Fit fit : {Fit::cover, Fit::stretch, Fit::letterbox}) {
        preprocessing.resize = 0;
        preprocessing.fit = fit;
        write_onnx(Model{training_network(), preprocessing, {}}, folder / "model.onnx");
        CHECK(read_onnx(folder / "model.onnx").preprocessing == preprocessing);
    }
    CHECK(!read_onnx((write_onnx(Model{training_network(), {}, {}}, folder / "bare.onnx"), folder / "bare.onnx"))
               .preprocessing);
}

TEST_CASE(
    "rounded activations are written as a quantization and its reverse, clipped where a byte or two hold more levels") {
    const TemporaryFolder folder;
    const auto types = [&](int bit_depth, int opset = 13) {
        Graph graph = training_network();
        graph.quantize_activation(graph.nodes()[2].outputs[0], {.bit_depth = bit_depth, .step = 0.5F, .zero_point = 1});
        write_onnx(Model{graph, {}, {}}, folder / "model.onnx", {.opset = opset});
        const onnx::ModelProto model = parse(folder / "model.onnx");
        if (opset == 13) CHECK_NOTHROW(onnx::checker::check_model(model));  // Debian's knows no newer ones
        std::vector<std::string> result;
        for (int i = 2; i < model.graph().node_size() && model.graph().node(i).op_type() != "MaxPool"; ++i) {
            CHECK(model.graph().node(i + 1).input(0) == model.graph().node(i).output(0));
            result.push_back(model.graph().node(i).op_type());
        }
        return result;
    };
    using Types = std::vector<std::string>;
    CHECK(types(8) == Types{"Relu", "QuantizeLinear", "DequantizeLinear"});
    CHECK(types(5) == Types{"Relu", "Clip", "QuantizeLinear", "DequantizeLinear"});
    CHECK(types(9) == Types{"Relu", "Clip", "Div", "Round", "Mul"});
    CHECK(types(9, 21) == Types{"Relu", "Clip", "QuantizeLinear", "DequantizeLinear"});
    CHECK(types(16, 21) == Types{"Relu", "QuantizeLinear", "DequantizeLinear"});
}

TEST_CASE("exported files pass ONNX's own checker and shape inference") { check_with_onnx(training_network()); }

TEST_CASE("exported published networks pass ONNX's own checker and shape inference"
          * doctest::skip(present(kGoldenNetworks).empty())) {
    for (const std::string& name : present(kGoldenNetworks)) {
        CAPTURE(name);
        check_with_onnx(read_onnx(golden_network(name).file).graph);
    }
}

TEST_CASE("a network that outputs its input, or one value twice, is written with names of their own") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 2});
    const ValueId y = graph.add_node("relu", Activation{}, {x});
    for (const ValueId output : {x, y, y}) graph.add_output(output);
    const Graph again = exported_and_read_again(graph);
    CHECK(again.outputs().size() == 3);
    CHECK(again.outputs()[0] == again.inputs()[0].value);
    CHECK(again.outputs()[1] == again.outputs()[2]);
}

TEST_CASE("a layer whose weight nodes compute is written") {
    OnnxModel model;
    model.input("x", {0, 3, 8, 8})
        .constant("w", random_tensor({4, 3, 3, 3}, 1))
        .constant("ones", random_tensor({3}, 2));
    model.constant("zeros", random_tensor({3}, 3)).node("InstanceNormalization", {"w", "ones", "zeros"}, {"n"});
    const Graph graph = model.node("Conv", {"x", "n"}, {"y"}).output("y").read().graph;
    const Tensor x = random_tensor(input_shape(graph, 2), 4);
    CHECK(relative_error(run(exported_and_read_again(graph), x), run(graph, x)) < 1e-6F);
}

TEST_CASE("a file that cannot be written is reported by name") {
    const std::string error = error_of([] { write_onnx(Model{training_network(), {}, {}}, "/nowhere/model.onnx"); });
    CHECK(error.find("/nowhere/model.onnx") != std::string::npos);
}

TEST_CASE("every operator is written") {
    const TemporaryFolder folder;
    write_onnx(model_of_every_operator(), folder / "model.onnx", {.opset = 21});
    CHECK(parse(folder / "model.onnx").graph().node_size() > 30);
}
