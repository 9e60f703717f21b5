#include "engine/graph/layer_view.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/passes/quantizer_candidates.h"
#include "engine/passes/simulate_int8.h"
#include "engine/program/inference.h"
#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <algorithm>
#include <cmath>
#include <functional>

using namespace eigenbit::internal;

namespace {

constexpr auto kUint8 = onnx::TensorProto::UINT8;
constexpr auto kInt8 = onnx::TensorProto::INT8;
constexpr float kInputStep = 0.025F;
constexpr float kOutputStep = 0.05F;

void add_levels(OnnxModel& model, const std::string& name, const Integers& extents, const Integers& levels, int type) {
    auto& tensor = *model.proto.mutable_graph()->add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const std::int64_t extent : extents) tensor.add_dims(extent);
    for (const std::int64_t level : levels) tensor.add_int32_data(static_cast<std::int32_t>(level));
}

Integers random_levels(std::int64_t count, std::int64_t lowest, std::int64_t highest) {
    Integers levels;
    for (std::int64_t i = 0; i < count; ++i)
        levels.push_back(lowest + (i * 7919 + i * i * 31) % (highest - lowest + 1));
    return levels;
}

float rounded(float value, float step, float zero_point, float lowest, float highest) {
    return step * (std::clamp(std::nearbyint(value / step) + zero_point, lowest, highest) - zero_point);
}

/// y = Q(relu(w ∗ Q(x) + b)), with weights of 5 channels, each with a step of its own, as int8 or uint8.
struct RoundedConvolution {
    explicit RoundedConvolution(int activations = kInt8, int weights = kInt8) : is_signed(activations == kInt8) {
        const bool signed_weights = weights == kInt8;
        point = is_signed ? -3 : 125;
        weight_point = signed_weights ? 0 : 100;
        levels = signed_weights ? random_levels(5 * 4 * 9, -128, 127) : random_levels(5 * 4 * 9, 0, 255);
        model.input("x", {0, 4, 6, 7}).number("xs", kInputStep).number("ys", kOutputStep).constant("ws", steps);
        add_levels(model, "xz", {}, {point}, activations);
        add_levels(model, "yz", {}, {is_signed ? -128 : 0}, activations);
        add_levels(model, "w", {5, 4, 3, 3}, levels, weights);
        add_levels(model, "wz", {5}, Integers(5, weight_point), weights);
        model.constant("b", bias);
    }

    OnnxModel& with_pairs() {
        model.node("QuantizeLinear", {"x", "xs", "xz"}, {"xq"}).node("DequantizeLinear", {"xq", "xs", "xz"}, {"xf"});
        model.node("DequantizeLinear", {"w", "ws", "wz"}, {"wf"}, {{"axis", std::int64_t{0}}});
        model.node("Conv", {"xf", "wf", "b"}, {"c"}, {{"pads", Integers(4, 1)}}).node("Relu", {"c"}, {"r"});
        model.node("QuantizeLinear", {"r", "ys", "yz"}, {"yq"}).node("DequantizeLinear", {"yq", "ys", "yz"}, {"y"});
        return model;
    }

    float weight(std::int64_t o, std::int64_t i, std::int64_t ky, std::int64_t kx) const {
        const auto index = static_cast<std::size_t>(((o * 4 + i) * 3 + ky) * 3 + kx);
        return steps[o] * static_cast<float>(levels[index] - weight_point);
    }

    Tensor expected(const Tensor& x) const {
        const float low = is_signed ? -128.0F : 0.0F;
        return tensor_of({x.shape()[0], 5, 6, 7}, [&](const Integers& at_y) {
            float sum = bias[at_y[1]];
            for (std::int64_t i = 0; i < 4; ++i) {
                for (std::int64_t ky = 0; ky < 3; ++ky) {
                    for (std::int64_t kx = 0; kx < 3; ++kx) {
                        const float value = at(x, {at_y[0], i, at_y[2] + ky - 1, at_y[3] + kx - 1});
                        sum += weight(at_y[1], i, ky, kx)
                               * rounded(value, kInputStep, static_cast<float>(point), low, low + 255.0F);
                    }
                }
            }
            return rounded(std::max(sum, 0.0F), kOutputStep, low, low, low + 255.0F);
        });
    }

    OnnxModel model{13};
    bool is_signed;
    std::int64_t point = 0;
    std::int64_t weight_point = 0;
    Integers levels;
    Tensor steps = tensor_of({5}, [](const Integers& i) { return 0.001F * static_cast<float>(i[0] + 1); });
    Tensor bias = random_tensor({5}, 3);
};

Tensor run_int8(Graph graph, const Tensor& x) {
    prepare_for_inference(graph);
    const Shape shape = x.shape();
    Inference inference(graph, std::span(&shape, 1), Execution::int8);
    return Tensor(inference.run(x));
}

float largest_difference(const Tensor& a, const Tensor& b) {
    REQUIRE(a.shape() == b.shape());
    float largest = 0.0F;
    for (std::int64_t i = 0; i < a.elements(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("networks with QuantizeLinear and DequantizeLinear run in int8 by the levels that they have") {
    for (const int activations : {kInt8, kUint8}) {
        for (const int weights : {kInt8, kUint8}) {
            CAPTURE(activations);
            CAPTURE(weights);
            RoundedConvolution net(activations, weights);
            const Graph graph = net.with_pairs().output("y").read().graph;
            CHECK(graph.nodes().size() == 2);
            CHECK(graph.activations().size() == 2);
            CHECK(runs_in_int8(graph));
            const Quantized* levels = graph.parameter(graph.nodes().front().inputs[1]).quantized();
            REQUIRE(levels != nullptr);
            CHECK(levels->blocks.size() == 5);
            CHECK(levels->blocks[2].step == 0.003F);

            Tensor x = random_tensor({2, 4, 6, 7}, 5);
            for (float& value : x.values()) value *= 2.0F;
            const Tensor expected = net.expected(x);
            CHECK(largest_difference(run_onnx(graph, x), expected) < 1.01F * kOutputStep);
            CHECK(largest_difference(to_onnx_order(run_int8(graph, to_our_order(x))), expected) < 1.01F * kOutputStep);
            const Graph again = exported_and_read_again(graph);
            CHECK(runs_in_int8(again));
            CHECK(again.activations().size() == 2);
            CHECK(largest_difference(run_onnx(again, x), run_onnx(graph, x)) < 1e-4F);
        }
    }
}

TEST_CASE("QLinearConv is the convolution of what its levels stand for") {
    RoundedConvolution net(kUint8, kInt8);
    Integers bias_levels;
    for (std::int64_t o = 0; o < 5; ++o) bias_levels.push_back(std::lround(net.bias[o] / (kInputStep * net.steps[o])));
    add_levels(net.model, "bq", {5}, bias_levels, onnx::TensorProto::INT32);
    net.model.node("QuantizeLinear", {"x", "xs", "xz"}, {"xq"});
    net.model.node("QLinearConv", {"xq", "xs", "xz", "w", "ws", "wz", "ys", "yz", "bq"}, {"yq"},
                   {{"pads", Integers(4, 1)}});
    net.model.node("DequantizeLinear", {"yq", "ys", "yz"}, {"y"});
    const Graph graph = net.model.output("y").read().graph;
    CHECK(runs_in_int8(graph));
    const Tensor x = random_tensor({2, 4, 6, 7}, 5);
    CHECK(largest_difference(run_onnx(graph, x), net.expected(x)) < 1.01F * kOutputStep);
}

TEST_CASE("QLinearMatMul, and matrices of levels, are fully-connected layers of int8") {
    for (const bool linear : {true, false}) {
        OnnxModel model;
        model.input("x", {0, 6}).number("xs", 0.02F).number("ys", 0.03F).number("ws", 0.01F).output("y");
        add_levels(model, "xz", {}, {110}, kUint8);
        add_levels(model, "yz", {}, {120}, kUint8);
        add_levels(model, "w", {6, 4}, random_levels(24, -100, 100), kInt8);
        add_levels(model, "wz", {}, {0}, kInt8);
        model.node("QuantizeLinear", {"x", "xs", "xz"}, {"xq"});
        if (linear) {
            model.node("QLinearMatMul", {"xq", "xs", "xz", "w", "ws", "wz", "ys", "yz"}, {"yq"});
        } else {
            model.node("DequantizeLinear", {"xq", "xs", "xz"}, {"xf"})
                .node("DequantizeLinear", {"w", "ws", "wz"}, {"wf"});
            model.node("MatMul", {"xf", "wf"}, {"m"}).node("QuantizeLinear", {"m", "ys", "yz"}, {"yq"});
        }
        const Graph graph = model.node("DequantizeLinear", {"yq", "ys", "yz"}, {"y"}).read().graph;
        CHECK(runs_in_int8(graph));
        CHECK(graph.parameters().begin()->second.quantized() != nullptr);
        const Tensor x = random_tensor({3, 6}, 8);
        const Integers levels = random_levels(24, -100, 100);
        const Tensor expected = tensor_of({3, 4}, [&](const Integers& i) {
            float sum = 0.0F;
            for (std::int64_t k = 0; k < 6; ++k) {
                sum += rounded(at(x, {i[0], k}), 0.02F, 110.0F, 0.0F, 255.0F) * 0.01F
                       * static_cast<float>(levels[static_cast<std::size_t>(k * 4 + i[1])]);
            }
            return rounded(sum, 0.03F, 120.0F, 0.0F, 255.0F);
        });
        CHECK(largest_difference(run_onnx(graph, x), expected) < 0.0301F);
    }
}

TEST_CASE("products of levels that are rounded as they come are layers of levels, of values as they are") {
    // As ONNX Runtime's quantize_dynamic writes a convolution in two groups, with a bias, and a fully-connected layer.
    const Integers filter = random_levels(6 * 2 * 9, 0, 255);
    const Integers matrix = random_levels(6 * 3, -128, 127);
    const Integers matrix_points{0, 1, -2};
    const Tensor matrix_steps = tensor_of({3}, [](const Integers& i) { return 0.01F * static_cast<float>(i[0] + 1); });
    const Tensor bias = random_tensor({1, 6, 1, 1}, 3);
    OnnxModel model;
    model.input("x", {0, 4, 6, 7}).number("ws", 0.02F).constant("ms", matrix_steps).constant("b", bias).output("y");
    add_levels(model, "w", {6, 2, 3, 3}, filter, kUint8);
    add_levels(model, "wz", {}, {120}, kUint8);
    add_levels(model, "m", {6, 3}, matrix, kInt8);
    add_levels(model, "mz", {3}, matrix_points, kInt8);
    const OnnxModel::Attributes to_float{{"to", std::int64_t{onnx::TensorProto::FLOAT}}};
    model.node("DynamicQuantizeLinear", {"x"}, {"xq", "xs", "xz"}).node("Mul", {"xs", "ws"}, {"s"});
    model.node("ConvInteger", {"xq", "w", "xz", "wz"}, {"ci"}, {{"pads", Integers(4, 1)}, {"group", std::int64_t{2}}});
    model.node("Cast", {"ci"}, {"cf"}, to_float).node("Mul", {"cf", "s"}, {"c"}).node("Add", {"c", "b"}, {"a"});
    model.node("GlobalAveragePool", {"a"}, {"p"}).node("Flatten", {"p"}, {"f"});
    model.node("DynamicQuantizeLinear", {"f"}, {"fq", "fs", "fz"}).node("Mul", {"ms", "fs"}, {"fms"});
    model.node("MatMulInteger", {"fq", "m", "fz", "mz"}, {"mi"}).node("Cast", {"mi"}, {"mf"}, to_float);
    model.node("Mul", {"fms", "mf"}, {"y"});

    const Tensor x = random_tensor({2, 4, 6, 7}, 5);
    const auto rounded_as_it_comes = [](Tensor values) {
        const auto [lowest, highest] = std::ranges::minmax(values.values());
        const float low = std::min(lowest, 0.0F);
        const float step = (std::max(highest, 0.0F) - low) / 255.0F;
        for (float& value : values.values()) {
            value = rounded(value, step, std::nearbyint(-low / step), 0.0F, 255.0F);
        }
        return values;
    };
    const auto expected = [&](const std::function<Tensor(Tensor)>& read) {
        const Tensor images = read(x);
        const Tensor pooled = tensor_of({2, 6}, [&](const Integers& i) {
            float sum = 0.0F;
            for (std::int64_t place = 0; place < 6 * 7 * 2 * 9; ++place) {
                const Integers at_w{i[1], place % 2, place / 2 % 3, place / 6 % 3};
                const Integers at_x{i[0], i[1] / 3 * 2 + at_w[1], place / 18 % 6 + at_w[2] - 1,
                                    place / 108 + at_w[3] - 1};
                const auto level = filter[static_cast<std::size_t>(((i[1] * 2 + at_w[1]) * 3 + at_w[2]) * 3 + at_w[3])];
                sum += 0.02F * static_cast<float>(level - 120) * at(images, at_x);
            }
            return sum / 42.0F + bias[i[1]];
        });
        const Tensor values = read(pooled);
        return tensor_of({2, 3}, [&](const Integers& i) {
            float sum = 0.0F;
            for (std::int64_t k = 0; k < 6; ++k) {
                const auto column = static_cast<std::size_t>(i[1]);
                const auto level = matrix[static_cast<std::size_t>(k * 3) + column] - matrix_points[column];
                sum += matrix_steps[i[1]] * static_cast<float>(level) * at(values, {i[0], k});
            }
            return sum;
        });
    };
    const Graph graph = model.read().graph;
    const Tensor y = run_onnx(graph, x);
    CHECK(relative_error(y, expected([](Tensor values) { return values; })) < 1e-5F);
    CHECK(relative_error(y, expected(rounded_as_it_comes)) < 0.02F);
    for (const LayerView& layer : layers_of(graph)) CHECK(graph.parameter(layer.weight).quantized() != nullptr);
    CHECK(layers_of(graph).size() == 2);
    CHECK(relative_error(run_onnx(exported_and_read_again(graph), x), y) < 1e-5F);

    const auto error = [&](const std::string& output) {
        OnnxModel other = model;
        other.node("Abs", {"xs"}, {"magnitude"}).output(output);
        return error_of([&] { other.read(); });
    };
    CHECK(contains(error("magnitude"), "it reads 'xs', which follows from values that are rounded as they come"));
    CHECK(contains(error("xq"), "it reads 'xq', which follows"));
    OnnxModel unscaled = model;
    unscaled.node("ConvInteger", {"xq", "w"}, {"other"}).output("other");
    CHECK(contains(error_of([&] { unscaled.read(); }), "(ConvInteger): it multiplies other levels than those of"));
}

TEST_CASE("a quantizer that is all there is of a ReLU clips values in floats, too") {
    RoundedConvolution net(kUint8, kInt8);
    net.model.node("QuantizeLinear", {"x", "xs", "xz"}, {"xq"}).node("DequantizeLinear", {"xq", "xs", "xz"}, {"xf"});
    net.model.node("DequantizeLinear", {"w", "ws", "wz"}, {"wf"}, {{"axis", std::int64_t{0}}});
    net.model.node("Conv", {"xf", "wf", "b"}, {"c"}, {{"pads", Integers(4, 1)}});
    net.model.node("QuantizeLinear", {"c", "ys", "yz"}, {"yq"}).node("DequantizeLinear", {"yq", "ys", "yz"}, {"y"});
    Graph graph = net.model.output("y").read().graph;
    const Tensor x = random_tensor({2, 4, 6, 7}, 5);
    const Tensor expected = net.expected(x);
    CHECK(largest_difference(to_onnx_order(run_int8(graph, to_our_order(x))), expected) < 1.01F * kOutputStep);
    prepare_for_inference(graph);
    const Tensor images = to_our_order(x);
    const Shape shape = images.shape();
    Inference inference(graph, std::span(&shape, 1), Execution::float32);
    CHECK(largest_difference(to_onnx_order(inference.run(images)), expected) < 2.0F * kOutputStep);
}

TEST_CASE("a value that others read as it is, is rounded only where it says so") {
    OnnxModel model;
    model.input("x", {0, 6}).number("s", 0.5F).output("y").node("Tanh", {"x"}, {"t"});
    add_levels(model, "z", {}, {1}, kUint8);
    model.node("QuantizeLinear", {"t", "s", "z"}, {"q1"}).node("DequantizeLinear", {"q1", "s", "z"}, {"d1"});
    model.node("QuantizeLinear", {"t", "s", "z"}, {"q2"}).node("DequantizeLinear", {"q2", "s", "z"}, {"d2"});
    model.node("Mul", {"d1", "d2"}, {"p"}).node("Sub", {"t", "p"}, {"y"});
    check_output(model, {3, 6}, {3, 6}, [](const Tensor& x, const Integers& i) {
        const float t = std::tanh(at(x, i));
        const float d = rounded(t, 0.5F, 1.0F, 0.0F, 255.0F);
        return t - d * d;
    });
}

TEST_CASE("values of few bits, and levels of 4 bits, are read as they are written") {
    Model network;
    Graph& graph = network.graph;
    const ValueId x = graph.add_input("x", Shape{0, 6});
    const ValueId weight = graph.add_parameter("w", random_tensor({4, 6}, 1));
    const ValueId y = graph.add_node("fc", Gemm{}, {x, weight});
    graph.add_output(graph.add_node("relu", Activation{.kind = Activation::Kind::relu}, {y}));
    graph.quantize_activation(x, {.bit_depth = 3, .step = 0.5F, .zero_point = 4});
    graph.quantize_activation(graph.outputs().front(), {.bit_depth = 8, .step = 0.01F, .zero_point = 0});
    const Graph again = exported_and_read_again(graph);
    CHECK(again.nodes().size() == 2);
    CHECK(again.activations().at(again.inputs().front().value) == graph.activations().at(x));
    const Tensor images = random_tensor({5, 6}, 2);
    simulate_int8(graph);
    CHECK(largest_difference(run(again, images), run(graph, images)) < 1e-5F);

    OnnxModel model(21);
    model.input("x", {0, 2}).constant("ws", Tensor(Shape{}, std::array{0.25F})).output("y");
    add_levels(model, "w", {2, 2}, {0x7F, 0x81}, 22);  // -1, 7, 1, -8
    model.node("DequantizeLinear", {"w", "ws"}, {"wf"}).node("MatMul", {"x", "wf"}, {"y"});
    check_output(model, {3, 2}, {3, 2}, [](const Tensor& v, const Integers& i) {
        const std::array<float, 4> w{-0.25F, 1.75F, 0.25F, -2.0F};
        return at(v, {i[0], 0}) * w[static_cast<std::size_t>(i[1])]
               + at(v, {i[0], 1}) * w[static_cast<std::size_t>(2 + i[1])];
    });
}

TEST_CASE("quantizers that are none of ours are refused by name") {
    const auto error = [](const std::function<void(RoundedConvolution&)>& change) {
        RoundedConvolution net;
        net.with_pairs();
        change(net);
        return error_of([&] { net.model.read(); });
    };
    const auto initializer = [](RoundedConvolution& net, const std::string& name) -> onnx::TensorProto& {
        auto& all = *net.model.proto.mutable_graph()->mutable_initializer();
        return *std::ranges::find(all, name, [](const auto& tensor) { return tensor.name(); });
    };
    CHECK(contains(error([](auto& net) { net.model.output("yq"); }), "'yq'; only their values are supported"));
    CHECK(contains(error([](auto& net) { net.model.node("MaxPool", {"yq"}, {"p"}).output("p"); }),
                   "node 'MaxPool_p' (MaxPool): it reads the levels of rounded values, 'yq'"));
    CHECK(
        contains(error([](auto& net) {
                     net.model.number("other", 0.5F).node("DequantizeLinear", {"yq", "other", "yz"}, {"o"}).output("o");
                 }),
                 "levels for other values"));
    CHECK(contains(error([&](auto& net) {
                       onnx::TensorProto steps = initializer(net, "ws");
                       steps.set_name(std::string("ys"));
                       initializer(net, "ys") = steps;
                       net.model.output("y");
                   }),
                   "a scale for each channel"));
    CHECK(contains(error([&](auto& net) {
                       initializer(net, "yz").set_data_type(onnx::TensorProto::INT32);
                       net.model.output("y");
                   }),
                   "levels of the element type INT32 are not supported"));
}
