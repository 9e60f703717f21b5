#include "engine/zoo/network_builder.h"

#include "engine/base/error.h"
#include "engine/base/random.h"

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {

NetworkBuilder::NetworkBuilder(const Shape& image, std::uint64_t seed) : seed_(seed) {
    if (image.rank() != 3 || image.elements() == 0) {
        fail("A network was asked for images of shape {}, expected (height, width, channels).", to_string(image));
    }
    graph_.add_input("input", Shape{0, image[0], image[1], image[2]});
    shapes_.push_back(Shape{1, image[0], image[1], image[2]});
}

NetworkBuilder::NetworkBuilder(Graph graph, std::span<const Shape> inputs, std::uint64_t seed)
    : graph_(std::move(graph)), shapes_(infer_shapes(graph_, inputs)), seed_(seed) {}

ValueId NetworkBuilder::parameter(std::string name, Tensor values) {
    shapes_.push_back(values.shape());
    return graph_.add_parameter(std::move(name), std::move(values));
}

ValueId NetworkBuilder::weight(std::string name, const Shape& shape) {
    Random random({seed_, graph_.parameters().size()});
    const double deviation = std::sqrt(2.0 / static_cast<double>(shape.elements(1, shape.rank())));
    Tensor values(shape);
    std::ranges::generate(values.values(), [&] { return static_cast<float>(deviation * random.normal()); });
    return parameter(std::move(name), std::move(values));
}

ValueId NetworkBuilder::constant(std::string name, std::int64_t elements, float value) {
    Tensor values(Shape{elements});
    std::ranges::fill(values.values(), value);
    return parameter(std::move(name), std::move(values));
}

ValueId NetworkBuilder::node(const std::string& name, Operator op, std::vector<ValueId> inputs) {
    std::vector<Shape> input_shapes;
    for (const ValueId input : inputs) input_shapes.push_back(shape(input));
    try {
        shapes_.push_back(infer_shapes(op, input_shapes).front());
    } catch (const Error& error) {
        fail("Layer '{}' cannot be built for images of shape {}: {}", name, to_string(shape(input())), error.what());
    }
    return graph_.add_node(name, std::move(op), std::move(inputs));
}

ValueId NetworkBuilder::conv(const std::string& name, ValueId x, const ConvSize& size) {
    const std::int64_t p = size.padding;
    const Conv op{.stride = {size.stride, size.stride}, .padding = {p, p, p, p}, .groups = size.groups};
    std::vector<ValueId> inputs{
        x, weight(name + ".weight", Shape{size.outputs, size.kernel, size.kernel, shape(x).back() / size.groups})};
    if (size.bias) inputs.push_back(constant(name + ".bias", size.outputs, 0.0F));
    return node(name, op, std::move(inputs));
}

ValueId NetworkBuilder::batch_normalization(const std::string& name, ValueId x) {
    const std::int64_t channels = shape(x).back();
    return node(name, BatchNormalization{},
                {x, constant(name + ".weight", channels, 1.0F), constant(name + ".bias", channels, 0.0F),
                 constant(name + ".running_mean", channels, 0.0F), constant(name + ".running_var", channels, 1.0F)});
}

ValueId NetworkBuilder::relu(const std::string& name, ValueId x) { return node(name, Activation{}, {x}); }

ValueId NetworkBuilder::max_pool(const std::string& name, ValueId x, std::int64_t kernel, std::int64_t stride) {
    return node(name, MaxPool{.kernel = {kernel, kernel}, .stride = {stride, stride}}, {x});
}

ValueId NetworkBuilder::add(const std::string& name, ValueId a, ValueId b) { return node(name, Arithmetic{}, {a, b}); }

ValueId NetworkBuilder::global_average_pool(const std::string& name, ValueId x) {
    return flatten(name + ".flatten", node(name, Reduce{.axes = {1, 2}}, {x}));
}

ValueId NetworkBuilder::flatten(const std::string& name, ValueId x) { return node(name, Reshape{{0, -1}}, {x}); }

ValueId NetworkBuilder::linear(const std::string& name, ValueId x, std::int64_t outputs) {
    const ValueId w = weight(name + ".weight", Shape{outputs, shape(x).back()});
    return node(name, Gemm{}, {x, w, constant(name + ".bias", outputs, 0.0F)});
}

Graph NetworkBuilder::finish(ValueId output) && {
    graph_.add_output(output);
    return std::move(graph_);
}

}  // namespace eigenbit::internal
