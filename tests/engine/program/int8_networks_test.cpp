#include "engine/base/random.h"
#include "engine/formats/checksum.h"
#include "engine/graph/layer_view.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/program/inference.h"
#include "engine/weights/int8_weights.h"
#include "engine/weights/product.h"
#include "engine/zoo/zoo.h"
#include "tests/engine/kernels/convolution_geometries.h"
#include "tests/engine/network_run.h"
#include "tests/engine/operator_run.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <string>

using namespace eigenbit::internal;

namespace {

/// Makes a weight of a tensor.
using Form = std::function<Weight(const Tensor&)>;

float largest_magnitude(const Tensor& values) {
    float largest = 0.0F;
    for (const float value : values.values()) largest = std::max(largest, std::abs(value));
    return largest;
}

/// In blocks of up to 5 channels along the axis, with steps that differ and every other one half a step off.
Quantized quantized(const Tensor& values, int axis, int bit_depth) {
    const float limit = std::ldexp(1.0F, bit_depth - 1);
    const float step = largest_magnitude(values) / limit;
    Quantized result{.shape = values.shape(), .axis = axis, .blocks = {}, .levels = {}};
    for (std::int64_t begin = 0; begin < values.shape()[axis]; begin += 5) {
        const auto number = static_cast<float>(result.blocks.size());
        result.blocks.push_back({begin, std::min(begin + 5, values.shape()[axis]), bit_depth,
                                 step * (1.0F + 0.3F * number), begin % 2 == 0 ? 0.0F : 0.5F});
    }
    for (const float value : values.values()) {
        const float level = std::clamp(std::round(value / step), -limit, limit - 1.0F);
        result.levels.push_back(static_cast<std::int16_t>(level));
    }
    return result;
}

/// Kernels of several taps as products with a cosine transform of the taps, others as they are.
Weight product_of_taps(const Tensor& values) {
    const Shape& shape = values.shape();
    if (shape.rank() != 4 || shape[1] * shape[2] == 1) return values;
    Tensor coefficients = values;
    coefficients.reshape(Shape{shape[0], 1, shape[1] * shape[2], shape[3]});
    return Product{.shape = shape,
                   .kernel = quantized(coefficients, 2, 4),
                   .bases = {{.axis = Axis::taps, .matrix = CosineKind::dct2}}};
}

/// Checksums of what a network's weights and outputs are on every CPU: those of x86-64 and of aarch64 are compared so.
struct Expected {
    std::uint64_t weights;
    std::uint64_t outputs;
};

struct NamedForm {
    const char* name;
    Expected expected;
    Form form;
};

const NamedForm kForms[] = {
    {"float", {0x1676F67EB29B15CE, 0xD49D6C97E9BC570B}, [](const Tensor& values) { return Weight(values); }},
    {"8 bits",
     {0x5C2752DD4A3F6FF1, 0xE3237C7E16C0E7CF},
     [](const Tensor& values) { return Weight(quantized(values, 0, 8)); }},
    {"4 bits",
     {0x45446FB2BE03F748, 0x8017AB4EBD4CA7B7},
     [](const Tensor& values) { return Weight(quantized(values, 0, 4)); }},
    {"2 bits",
     {0x9D5CABAF772463AB, 0x80E3BDE3DD3DFB68},
     [](const Tensor& values) { return Weight(quantized(values, 0, 2)); }},
    {"4 bits by input",
     {0xE0A85BC530826957, 0xAA379010EF904961},
     [](const Tensor& values) { return Weight(quantized(values, values.shape().rank() - 1, 4)); }},
    {"2 bits by input",
     {0x8C13E579C416446F, 0x8274E3BCF4FB29E3},
     [](const Tensor& values) { return Weight(quantized(values, values.shape().rank() - 1, 2)); }},
    {"product", {0x732C80A9192F6224, 0x1735426526C2088B}, product_of_taps},
};

/// Adds layers whose weights all have one form.
class Layers {
  public:
    Layers(Graph& graph, const Form& form) : graph_(graph), form_(form) {}

    ValueId convolution(ValueId x, std::int64_t outputs, std::int64_t kernel, const Conv& conv, std::int64_t inputs) {
        const ValueId weight = parameter(Shape{outputs, kernel, kernel, inputs / conv.groups}, true);
        return graph_.add_node(name(), conv, {x, weight, parameter(Shape{outputs}, false)});
    }
    ValueId sloped(ValueId x, std::int64_t slopes) {
        const ValueId slope = parameter(slopes == 1 ? Shape{} : Shape{slopes}, false);
        return graph_.add_node(name(), PRelu{}, {x, slope});
    }
    ValueId rectified(ValueId x) { return graph_.add_node(name(), Activation{}, {x}); }
    ValueId fully_connected(ValueId x, std::int64_t outputs, std::int64_t inputs) {
        const ValueId weight = parameter(Shape{outputs, inputs}, true);
        return graph_.add_node(name(), Gemm{}, {x, weight, parameter(Shape{outputs}, false)});
    }

  private:
    std::string name() { return fmt::format("n{}", ++names_); }
    ValueId parameter(const Shape& shape, bool is_weight) {
        const Tensor values = random_tensor(shape, ++seed_, -0.3F, 0.3F);
        return graph_.add_parameter(name(), is_weight ? form_(values) : Weight(values));
    }

    Graph& graph_;
    const Form& form_;
    std::uint64_t seed_ = 0;
    int names_ = 0;
};

/// Every kind of layer and of step that int8 execution has: dense, strided, grouped, depthwise and pointwise
/// convolutions, residuals, concatenation, pools and a fully-connected layer.
Graph all_kinds(const Form& form) {
    Graph graph;
    Layers layers(graph, form);
    const ValueId x = graph.add_input("x", Shape{0, 19, 17, 3});
    const ValueId first = layers.rectified(layers.convolution(x, 37, 3, {.padding = {1, 1, 1, 1}}, 3));
    const ValueId strided =
        layers.rectified(layers.convolution(first, 40, 3, {.stride = {2, 2}, .padding = {1, 1, 1, 1}}, 37));
    const ValueId depthwise =
        layers.rectified(layers.convolution(strided, 40, 3, {.padding = {1, 1, 1, 1}, .groups = 40}, 40));
    const ValueId added = graph.add_node("sum", Arithmetic{}, {layers.convolution(depthwise, 40, 1, {}, 40), strided});
    const ValueId grouped = layers.rectified(
        layers.convolution(layers.rectified(added), 24, 3, {.padding = {1, 1, 1, 1}, .groups = 4}, 40));
    const ValueId both = graph.add_node("both", Concat{.axis = 3}, {grouped, depthwise});
    const ValueId pooled = graph.add_node("pool", MaxPool{.kernel = {2, 2}, .stride = {2, 2}}, {both});
    const ValueId last = layers.rectified(layers.convolution(pooled, 70, 1, {}, 64));
    const ValueId averaged = graph.add_node("average", AveragePool{.kernel = {5, 4}, .stride = {1, 1}}, {last});
    const ValueId flat = graph.add_node("flat", Reshape{.extents = {0, 70}}, {averaged});
    graph.add_output(layers.fully_connected(flat, 11, 70));
    return graph;
}

/// PRelu behind each kind of layer that takes it in, before and after an addition.
Graph with_slopes(const Form& form) {
    Graph graph;
    Layers layers(graph, form);
    const ValueId x = graph.add_input("x", Shape{0, 19, 19, 3});
    const ValueId first =
        layers.sloped(layers.convolution(x, 40, 3, {.stride = {2, 2}, .padding = {1, 1, 1, 1}}, 3), 40);
    const ValueId depthwise =
        layers.sloped(layers.convolution(first, 40, 3, {.padding = {1, 1, 1, 1}, .groups = 40}, 40), 40);
    const ValueId added =
        layers.sloped(graph.add_node("sum", Arithmetic{}, {layers.convolution(depthwise, 40, 1, {}, 40), first}), 40);
    const ValueId global = layers.sloped(layers.convolution(added, 36, 10, {.groups = 4}, 40), 1);
    const ValueId flat = graph.add_node("flat", Reshape{.extents = {0, 36}}, {global});
    graph.add_output(layers.fully_connected(layers.sloped(layers.fully_connected(flat, 21, 36), 21), 5, 21));
    return graph;
}

/// Whether all layers compute with int8.
bool is_int8(const Program& program) {
    return std::ranges::none_of(program.steps(),
                                [](const Step& step) { return std::holds_alternative<FloatLayerStep>(step.work); });
}

/// Makes the steps powers of two: ranges of values that were computed in floats differ in their last bits between CPUs.
void widen_quantizers(Graph& graph) {
    const auto quantizers = graph.activations();
    for (auto [value, quantizer] : quantizers) {
        quantizer.step = std::exp2(std::ceil(std::log2(quantizer.step)));
        graph.quantize_activation(value, quantizer);
    }
}

template <typename Value>
std::uint64_t checksum_of(std::span<const Value> values) {
    return checksum({reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()});
}

/// Of the codes and scales of all layers.
std::uint64_t checksum_of_weights(const Graph& graph) {
    std::vector<std::uint64_t> checksums;
    for (const LayerView& layer : layers_of(graph)) {
        const Int8Weights weights = int8_weights(graph.parameter(layer.weight));
        checksums.push_back(checksum_of(std::span<const std::int8_t>(weights.codes)));
        checksums.push_back(checksum_of(std::span<const float>(weights.scale)));
    }
    return checksum_of(std::span<const std::uint64_t>(checksums));
}

/// Checks that every implementation has these weights and outputs these bits.
void check_same(Graph graph, const Tensor& input, const Expected& expected) {
    prepare_for_inference(graph);
    quantize_over_range(graph, input);
    widen_quantizers(graph);
    CHECK(checksum_of_weights(graph) == expected.weights);
    for_each_supported([&](const CpuImplementation& implementation) {
        Inference inference(compile(graph, std::array{input.shape()}, Execution::int8, implementation));
        CHECK(&inference.program().implementation() == &implementation);
        CHECK(is_int8(inference.program()));
        const std::span<const float> output = inference.run(input).values();
        CHECK(std::ranges::adjacent_find(output, std::not_equal_to{}) != output.end());
        CHECK(checksum_of(output) == expected.outputs);
    });
}

}  // namespace

TEST_CASE("int8 networks of every kind of layer put out the same bits on every implementation") {
    const Tensor input = random_tensor({2, 19, 17, 3}, 7, -2.0F, 2.0F);
    for (const auto& [name, expected, form] : kForms) {
        CAPTURE(std::string(name));
        check_same(all_kinds(form), input, expected);
    }
}

TEST_CASE("int8 networks with slopes put out the same bits on every implementation, without steps in floats") {
    const Tensor input = random_tensor({2, 19, 19, 3}, 7, -2.0F, 2.0F);
    const Form& form = kForms[2].form;
    check_same(with_slopes(form), input, {0xA698549BF979DBF7, 0x611C699B79DD4E4F});
    Graph graph = with_slopes(form);
    quantize_over_range(graph, input);
    const auto program = compile(graph, std::array{input.shape()}, Execution::int8, active_cpu_implementation());
    std::vector<std::string> others;
    for (const Step& step : program->steps()) {
        if (!std::holds_alternative<Int8LayerStep>(step.work)) others.push_back(step.kind);
    }
    CHECK(others == std::vector<std::string>{"quantize", "Reshape int8"});
}

TEST_CASE("int8 networks of the zoo put out the same bits on every implementation") {
    struct Network {
        std::string name;
        std::int64_t size;
        Expected expected;
    };
    const Network networks[] = {
        {"lenet5", 28, {0x67A545A97F1AB34F, 0x48A7BBE37BFFB28E}},
        {"resnet20", 32, {0x6B7AEDD6607FF71E, 0xD0A317F60AF05C8C}},
        {"cifar-mobilenet-v2", 32, {0x024F1493BCACA0DC, 0x64B82B9A6C8AF51E}},
        {"densenet-bc-40", 32, {0xEA15FACE5B4294C9, 0x676776980D424106}},
        {"resnet18", 32, {0x8C2BAF51B09376CA, 0x811268D788A705CF}},
    };
    for (const auto& [name, size, expected] : networks) {
        CAPTURE(name);
        const std::int64_t channels = name == "lenet5" ? 1 : 3;
        check_same(build_network(name, Shape{size, size, channels}, 10, 1),
                   random_tensor({1, size, size, channels}, 5, -2.0F, 2.0F), expected);
    }
}
