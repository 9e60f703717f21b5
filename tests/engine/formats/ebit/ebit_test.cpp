#include "engine/base/random.h"
#include "engine/executor/graph_executor.h"
#include "engine/formats/ebit/attributes.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/formats/ebit/levels.h"
#include "engine/passes/expand_products.h"
#include "engine/weights/step_grid.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace eigenbit::internal;

namespace {

constexpr std::array kStorages{LevelStorage::fixed, LevelStorage::entropy};

EbitFile round_trip(const Model& model, LevelStorage storage) {
    return read_ebit(encode_ebit(model, storage).bytes, "model");
}

void check_equal(const Quantized& a, const Quantized& b) {
    CHECK(a.shape == b.shape);
    CHECK(a.axis == b.axis);
    CHECK(a.levels == b.levels);
    REQUIRE(a.blocks.size() == b.blocks.size());
    for (std::size_t i = 0; i < a.blocks.size(); ++i) {
        CHECK(a.blocks[i].begin == b.blocks[i].begin);
        CHECK(a.blocks[i].end == b.blocks[i].end);
        CHECK(a.blocks[i].bit_depth == b.blocks[i].bit_depth);
        CHECK(a.blocks[i].step == b.blocks[i].step);
        CHECK(a.blocks[i].offset == b.blocks[i].offset);
    }
}

void check_equal(const Weight& a, const Weight& b) {
    REQUIRE(a.shape() == b.shape());
    REQUIRE(a.is_float() == b.is_float());
    CHECK(std::ranges::equal(image(a).values(), image(b).values()));
    const auto factors = quantized_factors(a);
    REQUIRE(factors.size() == quantized_factors(b).size());
    for (std::size_t i = 0; i < factors.size(); ++i) check_equal(*factors[i], *quantized_factors(b)[i]);
    REQUIRE((a.product() == nullptr) == (b.product() == nullptr));
    if (!a.product()) return;
    REQUIRE(a.product()->bases.size() == b.product()->bases.size());
    for (std::size_t i = 0; i < a.product()->bases.size(); ++i) {
        CHECK(a.product()->bases[i].axis == b.product()->bases[i].axis);
        CHECK(a.product()->bases[i].matrix.index() == b.product()->bases[i].matrix.index());
        CHECK(a.product()->bases[i].inner == b.product()->bases[i].inner);
    }
}

std::optional<ActivationQuantizer> quantizer_of(const Graph& graph, ValueId value) {
    const auto found = graph.activations().find(value);
    return found == graph.activations().end() ? std::nullopt : std::optional(found->second);
}

/// Equal but for the numbers of the values.
void check_equal(const Graph& a, const Graph& b) {
    REQUIRE(a.nodes().size() == b.nodes().size());
    REQUIRE(a.inputs().size() == b.inputs().size());
    REQUIRE(a.outputs().size() == b.outputs().size());
    CHECK(a.activations().size() == b.activations().size());
    const auto check_values = [&](const std::vector<ValueId>& left, const std::vector<ValueId>& right) {
        REQUIRE(left.size() == right.size());
        for (std::size_t i = 0; i < left.size(); ++i) {
            CHECK(a.name(left[i]) == b.name(right[i]));
            CHECK(quantizer_of(a, left[i]) == quantizer_of(b, right[i]));
            REQUIRE(a.is_parameter(left[i]) == b.is_parameter(right[i]));
            if (!a.is_parameter(left[i])) continue;
            check_equal(a.parameter(left[i]), b.parameter(right[i]));
        }
    };
    for (std::size_t i = 0; i < a.nodes().size(); ++i) {
        CHECK(a.nodes()[i].name == b.nodes()[i].name);
        CHECK(type_name(a.nodes()[i].op) == type_name(b.nodes()[i].op));
        CHECK(write_attributes(a.nodes()[i].op) == write_attributes(b.nodes()[i].op));
        check_values(a.nodes()[i].inputs, b.nodes()[i].inputs);
        check_values(a.nodes()[i].outputs, b.nodes()[i].outputs);
    }
    check_values(a.outputs(), b.outputs());
    for (std::size_t i = 0; i < a.inputs().size(); ++i) {
        CHECK(a.name(a.inputs()[i].value) == b.name(b.inputs()[i].value));
        CHECK(a.inputs()[i].shape == b.inputs()[i].shape);
    }
}

/// A network of one layer with this weight (O, KH, KW, I) or (O, I).
Model one_layer(Weight weight) {
    Model model;
    const Shape shape = weight.shape();
    const bool convolution = shape.rank() == 4;
    const ValueId x =
        model.graph.add_input("x", convolution ? Shape{1, shape[1], shape[2], shape[3]} : Shape{1, shape[1]});
    const ValueId w = model.graph.add_parameter("weight", std::move(weight));
    model.graph.add_output(model.graph.add_node("layer", convolution ? Operator(Conv{}) : Operator(Gemm{}), {x, w}));
    return model;
}

template <typename Op>
Op stored(const Model& model, std::string_view name) {
    const auto& nodes = model.graph.nodes();
    return std::get<Op>(std::ranges::find(nodes, name, &Node::name)->op);
}

}  // namespace

TEST_CASE("a packed model reads back with everything in it") {
    for (const LevelStorage storage : kStorages) {
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            const Model model = small_packed_model(seed);
            const EbitFile file = round_trip(model, storage);
            CHECK(file.storage == storage);
            check_equal(file.model.graph, model.graph);
            CHECK(file.model.preprocessing == model.preprocessing);
            CHECK(file.model.classes == model.classes);
            CHECK(file.model.metadata == model.metadata);
        }
    }
}

TEST_CASE("a way to fit images is a note, which readers that do not know it pass over") {
    Model model = small_packed_model(2);
    model.preprocessing->resize = 0;
    for (const Fit fit : {Fit::crop, Fit::cover, Fit::stretch, Fit::letterbox}) {
        model.preprocessing->fit = fit;
        const Model again = round_trip(model, LevelStorage::fixed).model;
        CHECK(again.preprocessing == model.preprocessing);
        CHECK(again.metadata == model.metadata);
    }
    model.preprocessing->fit = Fit::crop;
    model.metadata["preprocessing.fit"] = "wide";
    CHECK(error_of([&] { round_trip(model, LevelStorage::fixed); }).find("'wide', which is unknown")
          != std::string::npos);
}

TEST_CASE("the same model always gives the same bytes, a read one too") {
    const Model model = small_packed_model(3);
    for (const LevelStorage storage : kStorages) {
        const std::vector<std::uint8_t> bytes = encode_ebit(model, storage).bytes;
        CHECK(encode_ebit(model, storage).bytes == bytes);
        CHECK(encode_ebit(read_ebit(bytes, "model").model, storage).bytes == bytes);
    }
}

TEST_CASE("every attribute of every operator reads back") {
    const Model model = model_of_every_operator();
    const Model read = round_trip(model, LevelStorage::fixed).model;
    check_equal(read.graph, model.graph);
    for (const Operator& op : operator_types()) {
        const auto is_alike = [&](const Node& node) { return node.op.index() == op.index(); };
        CHECK(std::ranges::any_of(read.graph.nodes(), is_alike));
    }
    const auto activation = stored<Activation>(read, "leaky");
    CHECK(activation.kind == Activation::Kind::leaky_relu);
    CHECK(activation.alpha == 0.2F);
    CHECK(activation.beta == 6.0F);
    CHECK(stored<Arithmetic>(read, "scaled").kind == Arithmetic::Kind::multiply);
    const auto average = stored<AveragePool>(read, "average");
    CHECK(average.kernel == std::array<std::int64_t, 2>{2, 3});
    CHECK(average.stride == std::array<std::int64_t, 2>{1, 2});
    CHECK(average.padding == std::array<std::int64_t, 4>{0, 1, 1, 0});
    CHECK(average.ceil_mode);
    CHECK(average.count_padding);
    CHECK(average.dilation == std::array<std::int64_t, 2>{2, 1});
    CHECK(stored<BatchNormalization>(read, "normalization").epsilon == 0.001F);
    CHECK(stored<Concat>(read, "concat").axis == 3);
    const auto conv = stored<Conv>(read, "conv");
    CHECK(conv.stride == std::array<std::int64_t, 2>{2, 1});
    CHECK(conv.dilation == std::array<std::int64_t, 2>{1, 2});
    CHECK(conv.padding == std::array<std::int64_t, 4>{1, 3, 2, 4});
    CHECK(conv.groups == 4);
    CHECK(stored<DepthToSpace>(read, "shuffle").block == 2);
    CHECK(stored<DepthToSpace>(read, "shuffle").order == DepthToSpace::Order::column_first);
    CHECK(stored<DepthToSpace>(read, "rows").block_width == 2);
    CHECK(stored<Gather>(read, "gather").axis == 3);
    CHECK(stored<Gather>(read, "gather").positions == std::vector<std::int64_t>{1, -1});
    CHECK(stored<MaxUnpool>(read, "unpool").pool == stored<MaxPool>(read, "halves"));
    CHECK(stored<MaxUnpool>(read, "unpool").pool.stride == std::array<std::int64_t, 2>{2, 3});
    CHECK(stored<Dropout>(read, "dropout").probability == 0.25F);
    const auto response = stored<LocalResponseNormalization>(read, "response");
    CHECK(response.size == 3);
    CHECK(response.alpha == 0.5F);
    CHECK(response.beta == 0.25F);
    CHECK(response.bias == 2.0F);
    const auto max = stored<MaxPool>(read, "max");
    CHECK(max.kernel == std::array<std::int64_t, 2>{3, 2});
    CHECK(max.stride == std::array<std::int64_t, 2>{2, 1});
    CHECK(max.dilation == std::array<std::int64_t, 2>{1, 2});
    CHECK(max.padding == std::array<std::int64_t, 4>{1, 0, 1, 1});
    CHECK(max.ceil_mode);
    const auto layer = stored<Normalization>(read, "layer");
    CHECK(layer.axes == std::vector<int>{1, 2, 3});
    CHECK(layer.groups == 2);
    CHECK(layer.epsilon == 0.01F);
    const auto pad = stored<Pad>(read, "pad");
    CHECK(pad.before == std::vector<std::int64_t>{0, 1, 2, 0});
    CHECK(pad.after == std::vector<std::int64_t>{0, 2, 1, 0});
    CHECK(pad.mode == Pad::Mode::edge);
    CHECK(pad.value == 1.5F);
    const auto reduce = stored<Reduce>(read, "sum");
    CHECK(reduce.kind == Reduce::Kind::sum);
    CHECK(reduce.axes == std::vector<int>{1, 2});
    CHECK_FALSE(reduce.keep_axes);
    CHECK(stored<Reshape>(read, "row").extents == std::vector<std::int64_t>{0, 1, -1});
    const auto resize = stored<Resize>(read, "resize");
    CHECK(resize.mode == Resize::Mode::cubic);
    CHECK(resize.coordinates == Resize::Coordinates::pytorch_half_pixel);
    CHECK(resize.rounding == Resize::Rounding::ceil);
    CHECK(resize.height_scale == 1.5F);
    CHECK(resize.width_scale == 2.0F);
    CHECK(resize.cubic_coefficient == -0.5F);
    CHECK(resize.exclude_outside);
    CHECK(stored<Resize>(read, "larger").size == std::array<std::int64_t, 2>{6, 10});
    CHECK(stored<SpaceToDepth>(read, "blocks").block == 2);
    CHECK(stored<Tile>(read, "tile").repeats == std::vector<std::int64_t>{1, 2, 1, 1});
    const auto slice = stored<Slice>(read, "slice");
    REQUIRE(slice.ranges.size() == 4);
    CHECK(slice.ranges[0].end == std::numeric_limits<std::int64_t>::max());
    CHECK(slice.ranges[1].begin == -1);
    CHECK(slice.ranges[1].end == std::numeric_limits<std::int64_t>::min());
    CHECK(slice.ranges[1].step == -2);
    CHECK(stored<Softmax>(read, "softmax").axis == 1);
    CHECK(stored<Softmax>(read, "softmax").logarithm);
    CHECK(stored<Split>(read, "split").axis == 3);
    CHECK(stored<Split>(read, "split").sizes == std::vector<std::int64_t>{3, 5});
    CHECK(stored<Transpose>(read, "swap").permutation == std::vector<int>{0, 2, 1, 3});
    std::array<bool, std::variant_size_v<Operator>> seen{};
    for (const Node& node : read.graph.nodes()) seen[node.op.index()] = true;
    CHECK(std::ranges::count(seen, false) == 0);
}

TEST_CASE("blocks of every bit depth, axis and size read back") {
    std::uint64_t seed = 0;
    for (const Shape& shape : {Shape{6, 3, 3, 5}, Shape{3, 5, 1, 4}, Shape{9, 7}, Shape{1, 1}}) {
        for (int axis = 0; axis < shape.rank(); ++axis) {
            for (int depth = 0; depth <= 16; ++depth) {
                for (const std::int64_t channels : {0, 1, 2, 100}) {
                    const Model model = one_layer(
                        random_quantized(shape, {.axis = axis, .channels = channels, .bit_depth = depth}, ++seed));
                    for (const LevelStorage storage : kStorages) {
                        check_equal(round_trip(model, storage).model.graph, model.graph);
                    }
                }
            }
        }
    }
}

TEST_CASE("products of every kind of basis read back") {
    const std::vector<std::vector<Axis>> mixes{
        {Axis::row}, {Axis::column}, {Axis::taps}, {Axis::row, Axis::column}, {Axis::column, Axis::row}};
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        for (const std::vector<Axis>& mixed : mixes) {
            const Model model = one_layer(random_product(Shape{5, 3, 2, 4}, mixed, 3, seed));
            for (const LevelStorage storage : kStorages)
                check_equal(round_trip(model, storage).model.graph, model.graph);
        }
        const Model matrix = one_layer(random_product(Shape{5, 4}, {Axis::row, Axis::column}, 2, seed));
        check_equal(round_trip(matrix, LevelStorage::entropy).model.graph, matrix.graph);
    }
    for (const CosineKind kind : {CosineKind::dct1, CosineKind::dct2}) {
        Product product = random_product(Shape{5, 3, 2, 4}, {Axis::taps}, 6, 1);
        product.bases.front().matrix = kind;
        const Model model = one_layer(product);
        check_equal(round_trip(model, LevelStorage::fixed).model.graph, model.graph);
        CHECK(encode_ebit(model, LevelStorage::fixed).sizes.total(SizeCategory::basis_levels) == 0);
    }
}

TEST_CASE("layers of every length read back, streams of many blocks too") {
    for (std::int64_t length = 1; length <= 130; ++length) {
        const auto seed = static_cast<std::uint64_t>(length);
        const Model model =
            one_layer(random_quantized(Shape{1, length}, {.axis = 1, .channels = 0, .bit_depth = 0}, seed));
        for (const LevelStorage storage : kStorages) check_equal(round_trip(model, storage).model.graph, model.graph);
    }
    const Model large = one_layer(random_quantized(Shape{300, 700}, {.axis = 1, .channels = 20, .bit_depth = 3}, 1));
    for (const LevelStorage storage : kStorages) check_equal(round_trip(large, storage).model.graph, large.graph);
}

TEST_CASE("levels that stay in the file are read whole and block by block, whatever else is in their streams") {
    std::uint64_t seed = 0;
    for (const Shape& shape : {Shape{6, 3, 3, 5}, Shape{300, 70}}) {
        for (int axis = 0; axis < shape.rank(); ++axis) {
            for (const std::int64_t channels : {0, 2, 40}) {
                Model model =
                    one_layer(random_quantized(shape, {.axis = axis, .channels = channels, .bit_depth = 3}, ++seed));
                const ValueId second = model.graph.add_parameter(
                    "second", random_quantized(Shape{70, 70}, {.axis = 1, .channels = 9, .bit_depth = 0}, ++seed));
                if (shape.rank() == 2) {
                    model.graph.add_output(
                        model.graph.add_node("next", Gemm{}, {model.graph.inputs().front().value, second}));
                }
                for (const LevelStorage storage : kStorages) {
                    const auto bytes = std::make_shared<const FileBytes>(encode_ebit(model, storage).bytes);
                    const Model opened = open_ebit(bytes, "model");
                    for (const auto& [value, weight] : opened.graph.parameters()) {
                        if (!weight.quantized()) continue;
                        const Quantized& stored = *weight.quantized();
                        REQUIRE(stored.source);
                        const Quantized in_memory = loaded(stored);
                        for (std::size_t b = 0; b < stored.blocks.size(); ++b) {
                            CHECK(block_levels(stored, b) == block_levels(in_memory, b));
                        }
                    }
                    const auto first_weight = [](const Graph& graph) {
                        return *graph.parameter(graph.nodes()[0].inputs[1]).quantized();
                    };
                    check_equal(loaded(first_weight(opened.graph)), first_weight(model.graph));
                }
            }
        }
    }
}

TEST_CASE("levels that the depth of their block cannot hold are not read, neither whole nor block by block") {
    const Quantized written = random_quantized(Shape{40, 30}, {.axis = 0, .channels = 0, .bit_depth = 8}, 1);
    const std::vector<StoredLevels<const Quantized>> weights{{"w", &written}};
    const std::vector<std::uint8_t> bytes = write_levels(weights, LevelStorage::entropy).bytes;
    Quantized described = written;
    described.blocks[0].bit_depth = 7;
    const std::vector<StoredLevels<Quantized>> wanted{{"w", &described}};
    const LevelReader reader(bytes, "LEVL", LevelStorage::entropy, wanted);
    for (const std::string& error : {error_of([&] { read_levels(bytes, "LEVL", LevelStorage::entropy, wanted); }),
                                     error_of([&] { reader.read(0); }), error_of([&] { reader.read_block(0, 0); })}) {
        CHECK(error.find("LEVL: block 0 of 'w'") == 0);
        CHECK(error.find("bit depth 7 cannot hold the level") != std::string::npos);
    }
}

TEST_CASE("every byte of a file is charged to a layer") {
    const TemporaryFolder folder;
    const Model model = small_packed_model(5);
    for (const LevelStorage storage : kStorages) {
        const std::size_t length = encode_ebit(model, storage).bytes.size();
        const SizeLedger sizes = write_ebit(model, folder / "net.ebit", storage);
        CHECK(sizes.total() == static_cast<std::int64_t>(length));
        CHECK(std::filesystem::file_size(folder / "net.ebit") == length);
        CHECK(sizes.total(SizeCategory::header) == 64 + 5 * 32);
        CHECK(sizes.total(SizeCategory::float_parameters) == 4 * (4 * 4 + 5));
        for (std::size_t category = 0; category < kSizeCategories; ++category) {
            CHECK(sizes.total(static_cast<SizeCategory>(category)) >= 0);
        }
        const auto& layers = sizes.layers();
        const auto normalization = std::ranges::find(layers, "bn1", &SizeLedger::Layer::name);
        REQUIRE(normalization != layers.end());
        CHECK(normalization->bytes[static_cast<std::size_t>(SizeCategory::float_parameters)] == 64);
    }
    const SizeLedger fixed = encode_ebit(model, LevelStorage::fixed).sizes;
    const auto layer = std::ranges::find(fixed.layers(), "fc", &SizeLedger::Layer::name);
    const auto category = static_cast<std::size_t>(SizeCategory::kernel_levels);
    CHECK(layer->bytes[category] == 8 + 3);  // 15 and 5 levels of 4 bits
}

TEST_CASE("a read network computes what the written one does") {
    const Model model = small_packed_model(6);
    const Model read = round_trip(model, LevelStorage::entropy).model;
    Tensor image(Shape{2, 8, 8, 3});
    Random random({1});
    for (float& value : image.values()) value = static_cast<float>(random.normal());
    const Shape shape = image.shape();
    Graph expected = model.graph;
    Graph found = read.graph;
    expand_products(expected);
    expand_products(found);
    GraphExecutor written(expected, shape);
    GraphExecutor again(found, shape);
    CHECK(std::ranges::equal(written.run(image).values(), again.run(image).values()));
}

TEST_CASE("models that do not hang together are not written") {
    const TemporaryFolder folder;
    const auto error = [&](const Model& model) {
        const std::string sentence = error_of([&] { write_ebit(model, folder / "net.ebit", LevelStorage::entropy); });
        CHECK_FALSE(std::filesystem::exists(folder / "net.ebit"));
        return sentence;
    };
    const auto quantized = [] {
        return one_layer(random_quantized(Shape{4, 6}, {.axis = 1, .channels = 2, .bit_depth = 3}, 1));
    };
    CHECK(error(Model{}).find("has no input") != std::string::npos);
    Model model = quantized();
    model.graph.quantize_activation(model.graph.add_node("aside", Gemm{}, {0, 1}), {});
    model.graph.remove_unused_nodes();
    CHECK(round_trip(model, LevelStorage::fixed).model.graph.activations().empty());
    model = quantized();
    model.graph.parameter(1).quantized()->levels[5] = 4;
    CHECK(error(model).find("the level 4, which bit depth 3 cannot hold") != std::string::npos);
    model = quantized();
    model.graph.parameter(1).quantized()->blocks[1].step = 0.0F;
    CHECK(error(model).find("the step 0") != std::string::npos);
    model = quantized();
    model.graph.node(0).inputs[0] = 2;
    CHECK(error(model).find("which nothing before it outputs") != std::string::npos);
    model = quantized();
    model.classes = {"two\nlines"};
    CHECK(error(model).find("control character") != std::string::npos);
    model = quantized();
    model.graph.parameter(1).quantized()->shape = Shape{4, 7};
    CHECK(error(model).find("24 levels") != std::string::npos);
    model = one_layer(Tensor(Shape{4, 0}));
    CHECK(error(model).find("an extent of a shape is 0") != std::string::npos);
    model = quantized();
    model.graph.add_output(model.graph.add_node("bad", Conv{}, {0, 1}));
    CHECK(error(model).find("node 'bad' (Conv)") != std::string::npos);
}

TEST_CASE("quarter and eighth octaves are steps of one byte") {
    for (int position = 0; position < 256; ++position) CHECK(step_grid_position(grid_step(position)) == position);
    for (int quarter = -104; quarter <= 23; ++quarter) {
        const float step = std::exp2(0.25F * static_cast<float>(quarter));
        CHECK(step_grid_position(step) == 2 * quarter + 208);
    }
    for (const float step : {0.3F, 0.0F, -1.0F, 100.0F, 1e-9F}) CHECK_FALSE(step_grid_position(step).has_value());
}
