#include "tests/engine/formats/ebit/models.h"

#include "engine/base/random.h"
#include "engine/weights/step_grid.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

ValueId add_random(Graph& graph, std::string name, const Shape& shape, Random& random) {
    Tensor values(shape);
    for (float& value : values.values()) value = static_cast<float>(random.uniform()) + 0.5F;
    return graph.add_parameter(std::move(name), std::move(values));
}

}  // namespace

Quantized random_quantized(const Shape& shape, const RandomBlocks& blocks, std::uint64_t seed) {
    Random random({seed});
    Quantized weight{.shape = shape, .axis = blocks.axis, .blocks = {}, .levels = {}};
    weight.levels.resize(static_cast<std::size_t>(shape.elements()));
    const std::int64_t extent = shape[blocks.axis];
    for (std::int64_t begin = 0; begin < extent;) {
        const std::int64_t size = blocks.channels != 0 ? blocks.channels : 1 + random.below(extent);
        QuantizedBlock block{.begin = begin, .end = std::min(begin + size, extent)};
        block.bit_depth = blocks.bit_depth != 0 ? blocks.bit_depth : static_cast<int>(random.below(17));
        if (block.bit_depth > 0) {
            block.step = random.coin() ? grid_step(static_cast<int>(random.below(256))) : 0.3F;
            const std::int64_t form = random.below(3);
            block.offset = form == 0 ? 0.0F : form == 1 ? 0.5F : -0.25F;
        }
        weight.blocks.push_back(block);
        begin = block.end;
    }
    const std::int64_t inner = shape.elements(blocks.axis + 1, shape.rank());
    for (std::size_t i = 0; i < weight.levels.size(); ++i) {
        const std::int64_t channel = static_cast<std::int64_t>(i) / inner % extent;
        const auto block = std::ranges::find_if(weight.blocks, [&](const auto& b) { return channel < b.end; });
        if (block->bit_depth == 0) continue;
        const int half = 1 << (block->bit_depth - 1);
        const double spread = random.uniform();  // more small levels than large ones, as in trained networks
        weight.levels[i] = static_cast<std::int16_t>(
            std::clamp(static_cast<int>(random.normal() * spread * half / 2), -half, half - 1));
    }
    return weight;
}

Product random_product(const Shape& shape, const std::vector<Axis>& mixed, std::int64_t kept, std::uint64_t seed) {
    Product product{shape, {}, {}};
    Shape kernel = shape;
    for (const Axis axis : mixed) {
        const std::int64_t channels = extent(with_one_tap_axis(shape), axis);
        Basis basis{.axis = axis,
                    .matrix =
                        random_quantized(Shape{channels, kept}, {.axis = 1, .channels = 2, .bit_depth = 5}, ++seed)};
        if (axis == Axis::taps) {
            kernel[1] = 1;
            kernel[2] = kept;
        } else {
            kernel[axis == Axis::column ? 0 : kernel.rank() - 1] = kept;
            if (seed % 2 == 1) basis.inner = {.bit_depth = 8, .step = 0.5F, .zero_point = 100};
        }
        product.bases.push_back(std::move(basis));
    }
    const int cut = mixed.back() == Axis::column ? 0 : mixed.back() == Axis::taps ? 2 : kernel.rank() - 1;
    product.kernel = random_quantized(kernel, {.axis = cut, .channels = 0, .bit_depth = 0}, ++seed);
    return product;
}

Model small_packed_model(std::uint64_t seed) {
    Random random({seed});
    Model model;
    Graph& graph = model.graph;
    const ValueId image = graph.add_input("image", Shape{0, 8, 8, 3});
    const std::vector<Axis> mixed = seed % 3 == 2 ? std::vector{Axis::taps} : std::vector{Axis::row};
    const ValueId weight1 = graph.add_parameter("conv1.weight", random_product(Shape{4, 3, 3, 3}, mixed, 2, seed + 1));
    const ValueId convolved = graph.add_node("conv1", Conv{.padding{1, 1, 1, 1}}, {image, weight1});
    std::vector<ValueId> normalization{convolved};
    for (const char* name : {"bn1.scale", "bn1.bias", "bn1.mean", "bn1.variance"}) {
        normalization.push_back(add_random(graph, name, Shape{4}, random));
    }
    const ValueId normalized = graph.add_node("bn1", BatchNormalization{}, std::move(normalization));
    const ValueId active = graph.add_node("relu1", Activation{}, {normalized});
    const ValueId pooled = graph.add_node("pool", Reduce{.axes{1, 2}, .keep_axes = false}, {active});
    const ValueId weight2 =
        graph.add_parameter("fc.weight", random_quantized(Shape{5, 4}, {.axis = 1, .channels = 3}, seed + 3));
    const ValueId bias = add_random(graph, "fc.bias", Shape{5}, random);
    const ValueId gain = add_random(graph, "fc.gain", Shape{5}, random);
    graph.add_output(graph.add_node("fc", Gemm{}, {pooled, weight2, bias, gain}));
    if (seed % 2 == 1) {
        graph.quantize_activation(image, {.bit_depth = 8, .step = 0.0125F, .zero_point = 117});
        graph.quantize_activation(convolved, {.bit_depth = 11, .step = 0.25F, .zero_point = 1024});
        graph.quantize_activation(active, {.bit_depth = 3, .step = 0.5F, .zero_point = 0});
    }
    model.preprocessing = Preprocessing{.channels = 3,
                                        .channel_order = ChannelOrder::bgr,
                                        .resize = 10,
                                        .height = 8,
                                        .width = 8,
                                        .mean = {0.5F, 0.4F, 0.3F},
                                        .std = {0.25F}};
    model.classes = {"airplane", "airship", "bird", "cat", "café"};
    model.metadata = {{"rate", "1.5"}, {"transform", "elt row\nnone"}};
    return model;
}

Model model_of_every_operator() {
    Random random({1});
    Model model;
    Graph& graph = model.graph;
    ValueId x = graph.add_input("image", Shape{0, 0, 0, 8});
    x = graph.add_node("conv", Conv{.stride{2, 1}, .dilation{1, 2}, .padding{1, 3, 2, 4}, .groups = 4},
                       {x, add_random(graph, "conv.weight", Shape{8, 3, 3, 2}, random)});
    x = graph.add_node("leaky", Activation{.kind = Activation::Kind::leaky_relu, .alpha = 0.2F, .beta = 6.0F}, {x});
    x = graph.add_node(
        "max", MaxPool{.kernel{3, 2}, .stride{2, 1}, .dilation{1, 2}, .padding{1, 0, 1, 1}, .ceil_mode = true}, {x});
    x = graph.add_node("average",
                       AveragePool{.kernel{2, 3},
                                   .stride{1, 2},
                                   .padding{0, 1, 1, 0},
                                   .ceil_mode = true,
                                   .count_padding = true,
                                   .dilation{2, 1}},
                       {x});
    const MaxPool halves{.kernel{2, 2}, .stride{2, 3}, .ceil_mode = true};
    x = graph.add_node("unpool", MaxUnpool{halves}, {graph.add_node("halves", halves, {x}), x});
    std::vector<ValueId> inputs{x};
    for (const char* name : {"scale", "bias", "mean", "variance"})
        inputs.push_back(add_random(graph, name, Shape{8}, random));
    x = graph.add_node("normalization", BatchNormalization{.epsilon = 0.001F}, std::move(inputs));
    const std::vector<ValueId> parts = graph.add_node("split", Split{.axis = 3, .sizes{3, 5}}, {x}, 2);
    x = graph.add_node("concat", Concat{.axis = 3}, {parts[1], parts[0]});
    x = graph.add_node("shuffle", DepthToSpace{.block = 2, .order = DepthToSpace::Order::column_first}, {x});
    const ValueId shuffled = x;
    x = graph.add_node("resize",
                       Resize{.mode = Resize::Mode::cubic,
                              .coordinates = Resize::Coordinates::pytorch_half_pixel,
                              .rounding = Resize::Rounding::ceil,
                              .height_scale = 1.5F,
                              .width_scale = 2.0F,
                              .cubic_coefficient = -0.5F,
                              .exclude_outside = true},
                       {x});
    x = graph.add_node("larger", Resize{.mode = Resize::Mode::linear, .size{6, 10}}, {x});
    x = graph.add_node("blocks", SpaceToDepth{.block = 2}, {x});
    x = graph.add_node("rows", DepthToSpace{.block = 1, .block_width = 2}, {x});
    x = graph.add_node("like", Resize{.coordinates = Resize::Coordinates::asymmetric}, {x, shuffled});
    x = graph.add_node("gather", Gather{.axis = 3, .positions{1, -1}}, {x});
    x = graph.add_node("prelu", PRelu{}, {x, add_random(graph, "slope", Shape{2}, random)});
    x = graph.add_node("layer", Normalization{.axes{1, 2, 3}, .groups = 2, .epsilon = 0.01F},
                       {x, add_random(graph, "layer.scale", Shape{2}, random)});
    x = graph.add_node("response", LocalResponseNormalization{.size = 3, .alpha = 0.5F, .beta = 0.25F, .bias = 2.0F},
                       {x});
    x = graph.add_node(
        "select", Select{},
        {add_random(graph, "condition", Shape{2}, random), x, add_random(graph, "other", Shape{}, random)});
    x = graph.add_node("dropout", Dropout{.probability = 0.25F}, {x});
    x = graph.add_node("scaled", Arithmetic{.kind = Arithmetic::Kind::multiply},
                       {x, add_random(graph, "factor", Shape{}, random)});
    x = graph.add_node("pad", Pad{.before{0, 1, 2, 0}, .after{0, 2, 1, 0}, .mode = Pad::Mode::edge, .value = 1.5F},
                       {x});
    x = graph.add_node("slice",
                       Slice{.ranges{{},
                                     {.begin = -1, .end = std::numeric_limits<std::int64_t>::min(), .step = -2},
                                     {.begin = 1, .end = 9},
                                     {}}},
                       {x});
    x = graph.add_node("tile", Tile{.repeats{1, 2, 1, 1}}, {x});
    x = graph.add_node("swap", Transpose{.permutation{0, 2, 1, 3}}, {x});
    x = graph.add_node("sum", Reduce{.kind = Reduce::Kind::sum, .axes{1, 2}, .keep_axes = false}, {x});
    const ValueId row = graph.add_node("row", Reshape{.extents{0, 1, -1}}, {x});
    const ValueId column = graph.add_node("column", Reshape{.extents{0, -1, 1}}, {x});
    x = graph.add_node("outer", MatMul{}, {column, row});
    x = graph.add_node("softmax", Softmax{.axis = 1, .logarithm = true}, {x});
    x = graph.add_node("flat", Reshape{.extents{0, 4}}, {x});
    graph.add_output(graph.add_node("gemm", Gemm{}, {x, add_random(graph, "gemm.weight", Shape{3, 4}, random)}));
    graph.add_output(parts[0]);
    return model;
}

}  // namespace eigenbit::internal
