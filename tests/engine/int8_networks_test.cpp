#include "engine/weights/int8_weights.h"
#include "engine/inference/inference.h"
#include "engine/inference/prepare.h"
#include "engine/random.h"
#include "engine/weights/product.h"
#include "engine/zoo/zoo.h"
#include "tests/engine/convolution_geometries.h"
#include "tests/engine/network_run.h"
#include "tests/engine/operator_run.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <string>

using namespace eigenbit;

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

struct NamedForm {
    const char* name;
    Form form;
};

const NamedForm kForms[] = {
    {"float", [](const Tensor& values) { return Weight(values); }},
    {"8 bits", [](const Tensor& values) { return Weight(quantized(values, 0, 8)); }},
    {"4 bits", [](const Tensor& values) { return Weight(quantized(values, 0, 4)); }},
    {"2 bits", [](const Tensor& values) { return Weight(quantized(values, 0, 2)); }},
    {"4 bits by input", [](const Tensor& values) { return Weight(quantized(values, values.shape().rank() - 1, 4)); }},
    {"2 bits by input", [](const Tensor& values) { return Weight(quantized(values, values.shape().rank() - 1, 2)); }},
    {"product", product_of_taps},
};

/// Adds layers whose weights all have one form.
class Layers {
  public:
    Layers(Graph& graph, const Form& form) : graph_(graph), form_(form) {}

    ValueId convolution(ValueId x, std::int64_t outputs, std::int64_t kernel, const Conv& conv, std::int64_t inputs) {
        const ValueId weight = parameter(Shape{outputs, kernel, kernel, inputs / conv.groups}, true);
        return graph_.add_node(name(), conv, {x, weight, parameter(Shape{outputs}, false)});
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

/// Whether all layers compute with int8.
bool is_int8(const Program& program) {
    return std::ranges::none_of(program.steps(),
                                [](const Step& step) { return std::holds_alternative<FloatLayerStep>(step.work); });
}

/// Checks that every implementation puts out the same bits.
void check_same(Graph graph, const Tensor& input) {
    prepare_for_inference(graph);
    quantize_over_range(graph, input);
    std::vector<float> expected;
    for_each_supported([&](const CpuImplementation& implementation) {
        Inference inference(compile(graph, std::array{input.shape()}, Execution::bytes, implementation));
        CHECK(&inference.program().implementation() == &implementation);
        CHECK(is_int8(inference.program()));
        const std::span<const float> output = inference.run(input).values();
        if (expected.empty()) expected.assign(output.begin(), output.end());
        CHECK(std::ranges::equal(output, expected));
    });
    CHECK(std::ranges::adjacent_find(expected, std::not_equal_to{}) != expected.end());
}

}  // namespace

TEST_CASE("int8 networks of every kind of layer put out the same bits on every implementation") {
    const Tensor input = random_tensor({2, 19, 17, 3}, 7, -2.0F, 2.0F);
    for (const auto& [name, form] : kForms) {
        CAPTURE(name);
        check_same(all_kinds(form), input);
    }
}

TEST_CASE("int8 networks of the zoo put out the same bits on every implementation") {
    for (const auto& [name, size] : {std::pair{"lenet5", 28},
                                     {"resnet20", 32},
                                     {"cifar-mobilenet-v2", 32},
                                     {"densenet-bc-40", 32},
                                     {"resnet18", 32}}) {
        CAPTURE(name);
        const std::int64_t channels = std::string(name) == "lenet5" ? 1 : 3;
        check_same(build_network(name, Shape{size, size, channels}, 10, 1),
                   random_tensor({1, size, size, channels}, 5, -2.0F, 2.0F));
    }
}
