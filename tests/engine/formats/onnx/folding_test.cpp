#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

const Shape kImages{2, 4, 5, 6};

Tensor crop(const Tensor& x, std::int64_t height, std::int64_t width) {
    return tensor_of({2, 4, height, width}, [&](const Integers& i) { return at(x, i); });
}

float image_mean(const Tensor& x, const Integers& i) {
    float sum = 0.0F;
    for (std::int64_t pixel = 0; pixel < x.shape().elements(2, 4); ++pixel) {
        sum += x[(i[0] * x.shape()[1] + i[1]) * x.shape().elements(2, 4) + pixel];
    }
    return sum / static_cast<float>(x.shape().elements(2, 4));
}

/// A model that computes the height times the width of x as a real number "pixels".
OnnxModel with_pixel_count(const Integers& extents) {
    OnnxModel model;
    model.input("x", extents).node("Shape", {"x"}, {"shape"}).integer("two", 2).integer("three", 3);
    model.node("Gather", {"shape", "two"}, {"height"}).node("Gather", {"shape", "three"}, {"width"});
    model.node("Mul", {"height", "width"}, {"product"});
    return model.node("Cast", {"product"}, {"pixels"}, {{"to", std::int64_t{onnx::TensorProto::FLOAT}}});
}

}  // namespace

TEST_CASE("a sum over images divided by their computed size becomes a mean, for any size") {
    OnnxModel model = with_pixel_count({0, 4, 0, 0});
    model.integers("columns", {3}).integers("rows", {2}).node("ReduceSum", {"x", "columns"}, {"s"});
    model.node("ReduceSum", {"s", "rows"}, {"t"}).node("Div", {"t", "pixels"}, {"y"}).output("y");
    const Graph graph = model.read().graph;
    CHECK(graph.nodes().size() == 1);
    CHECK(to_string(graph.inputs().front().shape) == "(0, 0, 0, 4)");
    const Tensor x = random_tensor(kImages, 1);
    for (const Tensor& image : {x, crop(x, 3, 4)}) {
        const Tensor expected = tensor_of({2, 4, 1, 1}, [&](const Integers& i) { return image_mean(image, i); });
        CHECK(relative_error(run_onnx(graph, image), expected) < 1e-5F);
    }
}

TEST_CASE("a network that depends on an open image size needs it given, and keeps it") {
    OnnxModel model = with_pixel_count({0, 4, 0, 0});
    model.node("Mul", {"x", "pixels"}, {"y"}).output("y");
    const std::string error = error_of([&] { model.read(); });
    CHECK(error.find("node 'Mul_y' (Mul)") != std::string::npos);
    CHECK(error.find("leaves the image size open") != std::string::npos);
    const Graph graph = model.read({.height = 5, .width = 6}).graph;
    CHECK(to_string(graph.inputs().front().shape) == "(0, 5, 6, 4)");
    const Tensor x = random_tensor(kImages, 1);
    const Tensor expected = tensor_of(kImages, [&](const Integers& i) { return 30.0F * at(x, i); });
    CHECK(relative_error(run_onnx(graph, x), expected) < 1e-6F);
    CHECK_THROWS_AS(model.read({.height = -5, .width = 6}), Error);
}

TEST_CASE("padding computed from the remainder of an image's size fixes the size") {
    OnnxModel model;
    model.input("x", {0, 4, 0, 6})
        .node("Shape", {"x"}, {"shape"})
        .integer("two", 2)
        .integers("zeros", {0, 0, 0, 0, 0, 0});
    model.integer("eight", 8).node("Gather", {"shape", "two"}, {"height"}).node("Neg", {"height"}, {"negative"});
    model.node("Mod", {"negative", "eight"}, {"missing"}).integers("axes", {0}).integers("zero", {0});
    model.node("Unsqueeze", {"missing", "axes"}, {"list"}).output("y");
    model.node("Concat", {"zeros", "list", "zero"}, {"pads"}, {{"axis", std::int64_t{0}}});
    model.node("Pad", {"x", "pads"}, {"y"});
    CHECK_THROWS_AS(model.read(), Error);
    const Graph graph = model.read({.height = 16}).graph;
    CHECK(to_string(graph.inputs().front().shape) == "(0, 16, 6, 4)");
}

TEST_CASE("a reshape to the batch read from the shape leaves the batch free") {
    for (const std::int64_t opset : {std::int64_t{11}, std::int64_t{13}}) {
        OnnxModel model(opset);
        model.input("x", {0, 4, 5, 6}).node("Shape", {"x"}, {"shape"}).integer("zero", 0).integers("rest", {-1});
        model.node("Gather", {"shape", "zero"}, {"batch"}).integers("axes", {0}).output("y");
        if (opset < 13) {
            model.node("Unsqueeze", {"batch"}, {"list"}, {{"axes", Integers{0}}});
        } else {
            model.node("Unsqueeze", {"batch", "axes"}, {"list"});
        }
        model.node("Concat", {"list", "rest"}, {"target"}, {{"axis", std::int64_t{0}}});
        model.node("Reshape", {"x", "target"}, {"y"});
        const Graph graph = model.read().graph;
        for (const std::int64_t images : {1, 3}) {
            CHECK(to_string(run(graph, Tensor(Shape{images, 5, 6, 4})).shape()) == fmt::format("({}, 120)", images));
        }
    }
}

TEST_CASE("attention over the pixels of images of any size is imported") {
    OnnxModel model;
    model.input("x", {0, 4, 0, 0}).integers("target", {0, 4, -1}).node("Reshape", {"x", "target"}, {"q"});
    model.node("Transpose", {"q"}, {"k"}, {{"perm", Integers{0, 2, 1}}}).node("MatMul", {"q", "k"}, {"y"}).output("y");
    const Graph graph = model.read().graph;
    const Tensor x = random_tensor(kImages, 1);
    for (const Tensor& image : {x, crop(x, 3, 4)}) {
        const std::int64_t pixels = image.shape().elements(2, 4);
        const Tensor expected = tensor_of({2, 4, 4}, [&](const Integers& i) {
            float sum = 0.0F;
            for (std::int64_t p = 0; p < pixels; ++p) {
                sum += image[(i[0] * 4 + i[1]) * pixels + p] * image[(i[0] * 4 + i[2]) * pixels + p];
            }
            return sum;
        });
        CHECK(relative_error(run_onnx(graph, image), expected) < 1e-5F);
    }
}

TEST_CASE("arithmetic on constants is evaluated at import") {
    // Every operator feeds the shape or the values of what is added to x (2 columns).
    const auto check = [](OnnxModel model, const std::array<float, 2>& added) {
        model.input("x", {0, 2}).node("Add", {"x", "c"}, {"y"}).output("y");
        CHECK(model.read().graph.nodes().size() == 1);
        check_output(model, {3, 2}, {3, 2}, [&](const Tensor& x, const Integers& i) {
            return at(x, i) + added[static_cast<std::size_t>(i[1])];
        });
    };
    const OnnxModel::Attributes to_real{{"to", std::int64_t{onnx::TensorProto::FLOAT}}};
    check(OnnxModel()
              .integer("a", 3)
              .integer("b", 9)
              .integer("d", 4)
              .node("Range", {"a", "b", "d"}, {"r"})
              .node("Cast", {"r"}, {"c"}, to_real),
          {3.0F, 7.0F});
    check(OnnxModel().number("a", 0.5F).number("b", 3.1F).number("d", 2.0F).node("Range", {"a", "b", "d"}, {"c"}),
          {0.5F, 2.5F});
    check(OnnxModel()
              .constant("a", Tensor(Shape{1}, std::array{4.0F}))
              .integers("n", {2})
              .node("Tile", {"a", "n"}, {"c"}),
          {4.0F, 4.0F});
    check(OnnxModel()
              .integers("a", {-7, 7})
              .integer("b", 2)
              .node("Div", {"a", "b"}, {"r"})
              .node("Cast", {"r"}, {"c"}, to_real),
          {-3.0F, 3.0F});
    check(OnnxModel()
              .integers("a", {-7, 7})
              .integer("b", 3)
              .node("Mod", {"a", "b"}, {"r"})
              .node("Cast", {"r"}, {"c"}, to_real),
          {2.0F, 1.0F});
    check(OnnxModel().constant("a", Tensor(Shape{2}, std::array{1.5F, -1.5F})).node("Floor", {"a"}, {"c"}),
          {1.0F, -2.0F});
    check(OnnxModel().constant("a", Tensor(Shape{2}, std::array{1.5F, -1.5F})).node("Ceil", {"a"}, {"c"}),
          {2.0F, -1.0F});
    check(OnnxModel()
              .integers("a", {1, 5})
              .integers("b", {1, 6})
              .node("Equal", {"a", "b"}, {"e"})
              .number("t", 8.0F)
              .number("f", 9.0F)
              .node("Where", {"e", "t", "f"}, {"c"}),
          {8.0F, 9.0F});
    check(OnnxModel()
              .integers("s", {1, 2})
              .node("ConstantOfShape", {"s"}, {"z"})
              .number("a", 4.0F)
              .node("Sub", {"z", "a"}, {"c"}),
          {-4.0F, -4.0F});
    check(OnnxModel()
              .number("a", 4.0F)
              .integers("s", {1, 2})
              .node("Expand", {"a", "s"}, {"e"})
              .node("Mul", {"e", "e"}, {"c"}),
          {16.0F, 16.0F});
    check(OnnxModel()
              .constant("a", Tensor(Shape{2, 2}, std::array{1.0F, 2.0F, 3.0F, 4.0F}))
              .integers("b", {1})
              .integers("e", {100})
              .node("Slice", {"a", "b", "e"}, {"c"}),
          {3.0F, 4.0F});
    check(OnnxModel()
              .constant("a", Tensor(Shape{2, 2}, std::array{1.0F, 2.0F, 3.0F, 4.0F}))
              .node("Transpose", {"a"}, {"t"})
              .integer("i", -1)
              .node("Gather", {"t", "i"}, {"c"}),
          {2.0F, 4.0F});
    check(OnnxModel()
              .constant("a", Tensor(Shape{4}, std::array{1.0F, 2.0F, 3.0F, 4.0F}))
              .integers("s", {2, -1})
              .node("Reshape", {"a", "s"}, {"r"})
              .integers("b", {-1})
              .integers("e", {-100})
              .integers("ax", {0})
              .integers("st", {-1})
              .node("Slice", {"r", "b", "e", "ax", "st"}, {"t"})
              .integer("i", 0)
              .node("Gather", {"t", "i"}, {"c"}),
          {3.0F, 4.0F});
    check(OnnxModel()
              .integers("a", {1, 2})
              .node("Squeeze", {"a"}, {"b"})
              .node("Size", {"b"}, {"n"})
              .node("Mul", {"n", "b"}, {"m"})
              .node("Identity", {"m"}, {"i"})
              .node("Cast", {"i"}, {"c"}, to_real),
          {2.0F, 4.0F});
    check(OnnxModel()
              .constant("a", Tensor(Shape{2, 2}, std::array{1.0F, 2.0F, 3.0F, 4.0F}))
              .integers("i", {2, 2}, {1, 0, 0, -1})
              .node("GatherND", {"a", "i"}, {"c"}),
          {3.0F, 2.0F});
}

TEST_CASE("constant levels are dequantized by one scale, by channel and by block, and constant matrices multiplied") {
    const auto added = [](OnnxModel model) {
        const Graph graph = model.input("x", {0, 4}).node("Add", {"x", "c"}, {"y"}).output("y").read().graph;
        const Tensor y = run(graph, Tensor(Shape{1, 4}));
        return std::vector<float>(y.values().begin(), y.values().end());
    };
    const auto list = [](std::vector<float> values, const Shape& shape) {
        Tensor result(shape);
        std::ranges::copy(values, result.data());
        return result;
    };
    using Values = std::vector<float>;
    const auto levels = [] { return OnnxModel(21).integers("q", {1, -2, 3, 7}); };
    CHECK(added(levels().number("s", 0.5F).node("DequantizeLinear", {"q", "s"}, {"c"}))
          == Values{0.5F, -1, 1.5F, 3.5F});
    CHECK(added(levels().number("s", 0.5F).integer("z", 1).node("DequantizeLinear", {"q", "s", "z"}, {"c"}))
          == Values{0, -1.5F, 1, 3});
    const Tensor scales = list({1, 2, 3, 4}, {4});
    CHECK(added(levels().constant("s", scales).node("DequantizeLinear", {"q", "s"}, {"c"}, {{"axis", std::int64_t{0}}}))
          == Values{1, -4, 9, 28});
    const OnnxModel::Attributes blocked{{"axis", std::int64_t{0}}, {"block_size", std::int64_t{3}}};
    CHECK(added(levels().constant("s", list({1, 10}, {2})).node("DequantizeLinear", {"q", "s"}, {"c"}, blocked))
          == Values{1, -2, 3, 70});
    const std::string error = error_of([&] {
        added(levels()
                  .constant("s", list({1, 2, 3}, {3}))
                  .node("DequantizeLinear", {"q", "s"}, {"c"}, {{"axis", std::int64_t{0}}}));
    });
    CHECK(error.find("one value for each of 4 channels") != std::string::npos);

    // A stack of two matrices (1 × 2) times one (2 × 2).
    OnnxModel product;
    product.constant("a", list({1, 2, 3, 4}, {2, 1, 2})).constant("b", list({1, 10, 100, 1000}, {2, 2}));
    product.node("MatMul", {"a", "b"}, {"p"}).integers("shape", {1, 4}).node("Reshape", {"p", "shape"}, {"c"});
    CHECK(added(product) == Values{201, 2010, 403, 4030});
}

TEST_CASE("a constant may be half or double precision, in raw bytes or as a list") {
    const auto check = [](const std::function<void(onnx::TensorProto&)>& fill) {
        OnnxModel model;
        model.input("x", {0, 2}).node("Add", {"x", "c"}, {"y"}).output("y");
        auto& tensor = *model.proto.mutable_graph()->add_initializer();
        tensor.set_name("c");
        tensor.add_dims(2);
        fill(tensor);
        check_output(model, {3, 2}, {3, 2},
                     [](const Tensor& x, const Integers& i) { return at(x, i) + (i[1] == 0 ? 1.5F : -0.25F); });
    };
    const std::array<std::uint16_t, 2> halves{0x3E00, 0xB400};
    const std::array<double, 2> doubles{1.5, -0.25};
    const std::array<std::uint16_t, 2> bfloats{0x3FC0, 0xBE80};
    check([&](auto& tensor) {
        tensor.set_data_type(onnx::TensorProto::FLOAT16);
        tensor.set_raw_data(halves.data(), sizeof halves);
    });
    check([&](auto& tensor) {
        tensor.set_data_type(onnx::TensorProto::FLOAT16);
        for (const auto half : halves) tensor.add_int32_data(half);
    });
    check([&](auto& tensor) {
        tensor.set_data_type(onnx::TensorProto::BFLOAT16);
        tensor.set_raw_data(bfloats.data(), sizeof bfloats);
    });
    check([&](auto& tensor) {
        tensor.set_data_type(onnx::TensorProto::DOUBLE);
        tensor.set_raw_data(doubles.data(), sizeof doubles);
    });
    check([&](auto& tensor) {
        tensor.set_data_type(onnx::TensorProto::DOUBLE);
        for (const double value : doubles) tensor.add_double_data(value);
    });
    check([&](auto& tensor) {
        tensor.set_data_type(onnx::TensorProto::FLOAT);
        tensor.add_float_data(1.5F);
        tensor.add_float_data(-0.25F);
    });
}

TEST_CASE("weights that are standardized before each use are folded into a layer") {
    const Tensor weight = random_tensor({4, 3, 3, 3}, 1);
    const auto model_of = [&](const OnnxModel::Attributes& attributes) {
        OnnxModel model;
        model.input("x", {0, 3, 8, 8}).constant("w", weight).constant("scale", random_tensor({4}, 2));
        model.constant("shift", random_tensor({4}, 3)).integers("rows", {1, 4, 27}).integers("kernel", {4, 3, 3, 3});
        model.integers("axes", {0, 2}).node("Reshape", {"w", "rows"}, {"r"});
        model.node("ReduceMean", {"r", "axes"}, {"mean"}, {{"keepdims", std::int64_t{0}}});
        model.constant("variance", Tensor(Shape{4}, std::array{1.0F, 2.0F, 0.5F, 0.1F}));
        model.node("BatchNormalization", {"r", "scale", "shift", "mean", "variance"}, {"n"}, attributes);
        model.node("Reshape", {"n", "kernel"}, {"standardized"}).node("Conv", {"x", "standardized"}, {"y"});
        return model.output("y");
    };
    const Graph graph = model_of({}).read().graph;
    REQUIRE(graph.nodes().size() == 1);
    const Tensor& found = graph.parameter(graph.nodes().front().inputs[1]).values();  // (O, H, W, I)
    const Tensor scale = random_tensor({4}, 2);
    const Tensor shift = random_tensor({4}, 3);
    const std::array variance{1.0, 2.0, 0.5, 0.1};
    for (std::int64_t o = 0; o < 4; ++o) {
        double mean = 0.0;
        for (std::int64_t i = 0; i < 27; ++i) mean += weight[o * 27 + i] / 27.0;
        for (std::int64_t tap = 0; tap < 9; ++tap) {
            for (std::int64_t c = 0; c < 3; ++c) {
                const double centred = weight[o * 27 + c * 9 + tap] - mean;
                const double deviation = std::sqrt(variance[static_cast<std::size_t>(o)] + 1e-5);
                CHECK(found[(o * 9 + tap) * 3 + c] == doctest::Approx(scale[o] * centred / deviation + shift[o]));
            }
        }
    }
    const std::string error = error_of([&] { model_of({{"training_mode", std::int64_t{1}}}).read(); });
    CHECK(error.find("statistics of their own") != std::string::npos);
}
