#include "engine/graph/layer_view.h"
#include "engine/passes/simulate_int8.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <map>

// Quantized weights in ONNX files.

using namespace eigenbit::internal;

namespace {

constexpr int kFloat = onnx::TensorProto::FLOAT;

/// A convolution of 3×3 taps, 6 input and 4 output channels, or a fully-connected layer, with gains of these signs.
Graph layer_of(const Weight& weight, bool has_gains, float lowest_gain) {
    Graph graph;
    const bool is_conv = weight.shape().rank() == 4;
    const ValueId x = graph.add_input("x", is_conv ? Shape{0, 7, 8, 6} : Shape{0, 6});
    const ValueId parameter = graph.add_parameter("weight", weight);
    graph.add_output(is_conv ? graph.add_node("layer", Conv{.padding = {1, 1, 1, 1}}, {x, parameter})
                             : graph.add_node("layer", Gemm{}, {x, parameter}));
    if (!has_gains) return graph;
    add_own_gain_and_bias(graph, 0);
    graph.parameter(layer_at(graph, 0)->gain.value()).values() = random_tensor({4}, 8, lowest_gain, 2.0F);
    graph.parameter(layer_at(graph, 0)->bias.value()).values() = random_tensor({4}, 9);
    return graph;
}

std::vector<std::pair<std::string, Weight>> weights() {
    std::vector<std::pair<std::string, Weight>> result;
    std::uint64_t seed = 0;
    for (const Shape& shape : {Shape{4, 3, 3, 6}, Shape{4, 6}}) {
        const std::string kind = shape.rank() == 4 ? "convolution" : "matrix";
        for (const int bit_depth : {0, 3, 8, 13}) {
            for (const int axis : {0, shape.rank() - 1}) {
                result.emplace_back(formatted("{}, {} bits, axis {}", kind, bit_depth, axis),
                                    random_quantized(shape, {.axis = axis, .bit_depth = bit_depth}, ++seed));
            }
        }
        std::vector<std::vector<Axis>> mixed{{Axis::row}, {Axis::column}, {Axis::row, Axis::column}};
        if (shape.rank() == 4) mixed.insert(mixed.end(), {{Axis::taps}, {Axis::taps, Axis::row}});
        for (const std::vector<Axis>& axes : mixed) {
            Product product = random_product(shape, axes, 3, ++seed);
            for (Basis& basis : product.bases) basis.inner.reset();  // with it the layer runs as two, and is written so
            result.emplace_back(formatted("{}, product {}", kind, to_string(axes.back())), product);
        }
    }
    Product cosine = random_product({4, 3, 3, 6}, {Axis::taps}, 9, 90);
    cosine.bases.front().matrix = CosineKind{};
    result.emplace_back("cosine transform of taps", cosine);
    return result;
}

onnx::ModelProto written(const Graph& graph, const OnnxWriteOptions& options) {
    const TemporaryFolder folder;
    write_onnx(Model{graph, {}, {}}, folder / "model.onnx", options);
    const std::vector<std::uint8_t> bytes = read_file(folder / "model.onnx");
    onnx::ModelProto model;
    REQUIRE(model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    return model;
}

/// How many initializers of each element type.
std::map<int, int> element_types(const onnx::ModelProto& model) {
    std::map<int, int> result;
    for (const auto& tensor : model.graph().initializer()) ++result[tensor.data_type()];
    return result;
}

}  // namespace

TEST_CASE("quantized weights are written as levels and what multiplies them, and stand for the same") {
    for (const auto& [name, weight] : weights()) {
        for (const auto& [opset, flat] : {std::pair{13, false}, {21, false}, {13, true}}) {
            for (const float lowest_gain : {0.0F, 0.5F, -2.0F}) {
                CAPTURE(name);
                CAPTURE(opset);
                CAPTURE(lowest_gain);
                const Graph graph = layer_of(weight, lowest_gain != 0.0F, lowest_gain);
                const TemporaryFolder folder;
                write_onnx(Model{graph, {}, {}}, folder / "model.onnx", {.opset = opset, .flat = flat});
                const Graph again = read_onnx(folder / "model.onnx").graph;
                const Tensor x = random_tensor(input_shape(graph, 2), 3);
                CHECK(relative_error(run(again, x), run(graph, x)) < 1e-6F);
                const onnx::ModelProto file = written(graph, {.opset = opset, .flat = flat});
                const bool has_levels = std::ranges::any_of(
                    file.graph().node(), [](const auto& node) { return node.op_type() == "DequantizeLinear"; });
                CHECK(has_levels == !flat);
            }
        }
    }
}

TEST_CASE("levels take the smallest type that the opset has for them") {
    const auto types_of = [](int bit_depth, int opset) {
        Quantized weight = random_quantized({4, 6}, {.axis = 0, .channels = 2, .bit_depth = bit_depth}, 5);
        for (QuantizedBlock& block : weight.blocks) block.offset = -1.0F;
        return element_types(written(layer_of(weight, false, 0.0F), {.opset = opset}));
    };
    constexpr int kInt4 = 22;
    using Counts = std::map<int, int>;
    CHECK(types_of(4, 21) == Counts{{kFloat, 1}, {kInt4, 2}});
    CHECK(types_of(5, 21) == Counts{{kFloat, 1}, {onnx::TensorProto::INT8, 2}});
    CHECK(types_of(4, 13) == Counts{{kFloat, 1}, {onnx::TensorProto::INT8, 2}});
    CHECK(types_of(9, 21) == Counts{{kFloat, 1}, {onnx::TensorProto::INT16, 2}});
    CHECK(types_of(9, 13) == Counts{{kFloat, 4}, {onnx::TensorProto::INT8, 2}, {onnx::TensorProto::UINT8, 2}});
}

TEST_CASE("layers that run in int8 are written with the levels that they run with where their own are deeper") {
    const ActivationQuantizer quantizer{.bit_depth = 8, .step = 0.1F, .zero_point = 128};
    Product product = random_product({4, 3, 3, 6}, {Axis::taps}, 3, 7);
    product.bases.front().inner.reset();
    Product deep = product;
    for (QuantizedBlock& block : deep.kernel.blocks) block.bit_depth = 9;
    for (const auto& [weight, is_rounded] : {std::pair{Weight(random_tensor({4, 6}, 3)), true},
                                             {Weight(random_tensor({4, 3, 3, 6}, 3)), true},
                                             {Weight(random_quantized({4, 6}, {.bit_depth = 13}, 4)), true},
                                             {Weight(random_quantized({4, 6}, {.bit_depth = 7}, 4)), false},
                                             {Weight(deep), true},
                                             {Weight(product), false}}) {
        for (const int opset : {13, 21}) {
            CAPTURE(weight.shape());
            Graph graph = layer_of(weight, true, 0.5F);
            const auto float_constants = [&] { return element_types(written(graph, {.opset = opset}))[kFloat]; };
            graph.quantize_activation(graph.inputs().front().value, quantizer);
            const TemporaryFolder folder;
            write_onnx(Model{graph, {}, {}}, folder / "model.onnx", {.opset = opset});
            const Tensor x = random_tensor(input_shape(graph, 2), 3);
            const Graph again = read_onnx(folder / "model.onnx").graph;
            Graph simulated = graph;
            if (is_rounded) simulate_int8(simulated);
            CHECK(relative_error(run(again, x), run(simulated, x)) < 1e-6F);
            // The activation's step, the weight's steps and the bias.
            if (is_rounded) CHECK(float_constants() == 3);
        }
    }
}

TEST_CASE("weights in floats are no constants of layers that read quantized values, which ONNX Runtime would round") {
    Graph graph = layer_of(Weight(random_tensor({4, 6}, 3)), false, 0.0F);
    const OnnxWriteOptions flat{.flat = true};
    const auto weight_is_constant = [&] {
        const onnx::ModelProto file = written(graph, flat);
        const auto& nodes = file.graph().node();
        const auto layer = std::ranges::find(nodes, "Gemm", &onnx::NodeProto::op_type);
        REQUIRE(layer != nodes.end());
        return std::ranges::none_of(nodes, [&](const auto& node) { return node.output(0) == layer->input(1); });
    };
    CHECK(weight_is_constant());
    const Tensor x = random_tensor(input_shape(graph, 2), 3);
    graph.quantize_activation(graph.inputs().front().value, {.bit_depth = 8, .step = 0.1F, .zero_point = 128});
    CHECK_FALSE(weight_is_constant());
    const TemporaryFolder folder;
    write_onnx(Model{graph, {}, {}}, folder / "model.onnx", flat);
    simulate_int8(graph);
    CHECK(relative_error(run(read_onnx(folder / "model.onnx").graph, x), run(graph, x)) < 1e-6F);
}

TEST_CASE("an opset that is not written is refused") {
    const Graph graph = layer_of(random_tensor({4, 6}, 1), false, 0.0F);
    const std::string error = error_of([&] { write_onnx(Model{graph, {}, {}}, "model.onnx", {.opset = 17}); });
    CHECK(error.find("opset 17") != std::string::npos);
}
