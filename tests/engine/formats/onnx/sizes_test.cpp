#include "engine/base/warning.h"
#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

namespace {

std::string input_of(const Model& model) { return to_string(model.graph.inputs().front().shape); }

/// A network that halves images three times and puts them together with what they were before: their sides must be
/// multiples of 8.
OnnxModel u_net() {
    OnnxModel model;
    model.input("x", {0, 3, 0, 0}).constant("w", random_tensor({12, 3, 3, 3}, 1)).output("y");
    model.node("Conv", {"x", "w"}, {"c"}, {{"pads", Integers{1, 1, 1, 1}}});
    const Integers two{2, 2};
    model.node("MaxPool", {"c"}, {"p1"}, {{"kernel_shape", two}, {"strides", two}});
    model.node("MaxPool", {"p1"}, {"p2"}, {{"kernel_shape", two}, {"strides", two}});
    model.node("MaxPool", {"p2"}, {"p3"}, {{"kernel_shape", two}, {"strides", two}});
    model.constant("v", random_tensor({48, 12, 1, 1}, 2)).node("Conv", {"p3", "v"}, {"d"});
    model.node("DepthToSpace", {"d"}, {"u2"}, {{"blocksize", std::int64_t{2}}});
    return model.node("Concat", {"u2", "p2"}, {"y"}, {{"axis", std::int64_t{1}}});
}

/// The rows of a matrix, from images of 4 channels that a convolution of this stride and padding makes.
OnnxModel flattening(std::int64_t columns, std::int64_t stride, std::int64_t pad) {
    OnnxModel model;
    model.input("x", {0, 3, 0, 0}).constant("w", random_tensor({4, 3, 3, 3}, 1));
    model.constant("fc", random_tensor({columns, 5}, 2)).output("y");
    model.node("Conv", {"x", "w"}, {"c"}, {{"pads", Integers(4, pad)}, {"strides", Integers(2, stride)}});
    return model.node("Flatten", {"c"}, {"f"}).node("MatMul", {"f", "fc"}, {"y"});
}

}  // namespace

TEST_CASE("networks that take only multiples of some size leave the size open") {
    const Graph graph = u_net().read().graph;
    CHECK(to_string(graph.inputs().front().shape) == "(0, 0, 0, 3)");
    for (const Shape& shape : {Shape{1, 16, 24, 3}, Shape{2, 40, 8, 3}}) CHECK_NOTHROW(infer_shapes(graph, shape));
    CHECK_THROWS_AS(infer_shapes(graph, Shape{1, 20, 24, 3}), Error);
}

TEST_CASE("what depends on the size other than by what the network takes is not taken for free of it") {
    // Images are padded to a multiple of 8: none at the sizes at which this would look the same.
    OnnxModel model;
    model.input("x", {0, 3, 0, 0}).integers("hw", {2, 3}).integers("eight", {8}).integers("none", {0, 0, 0, 0, 0, 0});
    model.integers("zero", {0}).node("Shape", {"x"}, {"s"}).node("Gather", {"s", "hw"}, {"size"});
    model.node("Mod", {"size", "eight"}, {"rest"})
        .node("Concat", {"none", "rest"}, {"pads"}, {{"axis", std::int64_t{0}}});
    model.node("Pad", {"x", "pads"}, {"p"}).node("Relu", {"p"}, {"y"}).output("y");
    CHECK(error_of([&] { model.read(); }).find("--size HxW gives another") != std::string::npos);
    CHECK(input_of(model.read({.height = 20, .width = 24})) == "(0, 20, 24, 3)");
}

TEST_CASE("channel shuffles leave the image size open") {
    OnnxModel model;  // 6 channels in 2 groups of 3 become 3 of 2, as PyTorch writes it with shapes that are open
    model.input("x", {0, 6, 0, 0})
        .integers("groups", {2, 3})
        .integers("six", {6})
        .integers("n", {0})
        .integers("hw", {2, 3});
    model.node("Shape", {"x"}, {"s"})
        .node("Gather", {"s", "n"}, {"sn"})
        .node("Gather", {"s", "hw"}, {"shw"})
        .output("y");
    const OnnxModel::Attributes first{{"axis", std::int64_t{0}}};
    model.node("Concat", {"sn", "groups", "shw"}, {"five"}, first)
        .node("Concat", {"sn", "six", "shw"}, {"four"}, first);
    model.node("Reshape", {"x", "five"}, {"a"}).node("Transpose", {"a"}, {"b"}, {{"perm", Integers{0, 2, 1, 3, 4}}});
    model.node("Reshape", {"b", "four"}, {"c"}).node("Relu", {"c"}, {"y"});
    CHECK(input_of(model.read()) == "(0, 0, 0, 6)");
    for (const Shape& shape : {Shape{2, 6, 5, 7}, Shape{1, 6, 8, 3}}) {
        check_output(model, shape, shape, [](const Tensor& x, const Integers& i) {
            return std::max(at(x, {i[0], i[1] % 2 * 3 + i[1] / 2, i[2], i[3]}), 0.0F);
        });
    }
}

TEST_CASE("an open size is the one that a fully-connected layer's weights fix") {
    CHECK(input_of(flattening(4 * 16 * 16, 1, 1).read()) == "(0, 16, 16, 3)");
    CHECK(input_of(flattening(4 * 7 * 7, 2, 1).read()) == "(0, 14, 14, 3)");
    CHECK(input_of(flattening(4 * 7 * 7, 2, 0).read()) == "(0, 15, 15, 3)");
    CHECK(input_of(flattening(4 * 2 * 2, 32, 1).read()) == "(0, 64, 64, 3)");
    CHECK(input_of(flattening(4 * 7 * 7, 2, 1).read({.height = 13, .width = 14})) == "(0, 13, 14, 3)");
    const std::string error = error_of([&] { flattening(4 * 7 * 7, 2, 1).read({.height = 20, .width = 14}); });
    CHECK(error.find("node 'MatMul_y' (MatMul): weights (5, 196) do not fit images of (10, 7, 4)")
          != std::string::npos);
    // 143 pixels are 13 × 11 or 11 × 13; 13 of them 13 × 1, which is no image.
    CHECK(input_of(flattening(4 * 13 * 11, 1, 1).read()) == "(0, 13, 11, 3)");
    CHECK(error_of([&] { flattening(4 * 13, 1, 1).read(); }).find("--size HxW") != std::string::npos);
}

TEST_CASE("a Reshape that writes down a batch of 1 makes a network for batches of 1, and says so") {
    OnnxModel model;
    model.input("x", {0, 3, 4, 5}).integers("s", {1, 60}).constant("w", random_tensor({60, 5}, 1)).output("y");
    model.node("Reshape", {"x", "s"}, {"f"}).node("MatMul", {"f", "w"}, {"y"});
    const Model network = model.read();
    CHECK(network.metadata.at("batch").find("made for batches of 1") != std::string::npos);
    // Several images are computed as if one by one.
    const Tensor x = random_tensor({3, 3, 4, 5}, 2);
    const Tensor all = run_onnx(network.graph, x);
    for (std::int64_t i = 0; i < 3; ++i) {
        CHECK(relative_error(run_onnx(network.graph, Tensor(x.view().slice(i, i + 1))),
                             Tensor(all.view().slice(i, i + 1)))
              < 1e-6F);
    }

    OnnxModel fixed;  // images of a batch are mixed: it cannot be free
    fixed.input("x", {0, 3, 4, 5}).integers("s", {1, 3, 4, 5}).number("c", 1.0F).output("y");
    fixed.node("Transpose", {"x"}, {"t"}, {{"perm", Integers{1, 0, 2, 3}}}).node("Reshape", {"t", "s"}, {"r"});
    CHECK(input_of(fixed.node("Relu", {"r"}, {"y"}).read()) == "(1, 4, 5, 3)");
}

TEST_CASE("inputs kept as NHWC are seen through what treats all elements alike") {
    const Tensor mean = random_tensor({3}, 4);
    const Tensor scale = random_tensor({1, 1, 5, 1}, 5);
    for (const std::int64_t opset : {9, 13}) {
        OnnxModel model(opset);
        model.input("x", {0, 4, 5, 3}).constant("mean", mean).constant("scale", scale).number("one", 1.0F).output("y");
        model.node("Identity", {"x"}, {"a"}).node("Sub", {"a", "mean"}, {"b"}).node("Mul", {"scale", "b"}, {"c"});
        model.node("Add", {"c", "one"}, {"d"})
            .node("Cast", {"d"}, {"e"}, {{"to", std::int64_t{onnx::TensorProto::FLOAT}}});
        const Integers pads{0, 1, 0, 0, 0, 2, 1, 0};
        if (opset < 11) {
            model.node("Pad", {"e"}, {"p"}, {{"pads", pads}});
        } else {
            model.integers("pads", pads).node("Pad", {"e", "pads"}, {"p"});
        }
        model.node("Transpose", {"p"}, {"t"}, {{"perm", Integers{0, 3, 1, 2}}}).node("Relu", {"t"}, {"y"});
        const Graph graph = model.read().graph;
        CHECK(to_string(graph.inputs().front().shape) == "(0, 4, 5, 3)");
        const Tensor x = random_tensor({2, 4, 5, 3}, 6);
        const Tensor y = run(graph, x);
        CHECK(y.shape() == Shape{2, 7, 6, 3});
        const Tensor expected = tensor_of({2, 7, 6, 3}, [&](const Integers& i) {
            const std::int64_t row = i[1] - 1;
            const std::int64_t column = i[2];
            if (row < 0 || row >= 4 || column >= 5) return 0.0F;
            return std::max((at(x, {i[0], row, column, i[3]}) - mean[i[3]]) * scale[column] + 1.0F, 0.0F);
        });
        CHECK(relative_error(y, expected) < 1e-6F);
    }

    OnnxModel grey;  // of one channel, a reshape does the same
    grey.input("x", {0, 4, 5, 1}).number("half", 0.5F).integers("s", {-1, 1, 4, 5}).node("Mul", {"x", "half"}, {"m"});
    grey.node("Reshape", {"m", "s"}, {"r"}).node("Relu", {"r"}, {"y"}).output("y");
    CHECK(input_of(grey.read()) == "(0, 4, 5, 1)");

    OnnxModel both;  // something else reads it as NCHW
    both.input("x", {0, 4, 5, 3}).node("Neg", {"x"}, {"n"}).output("y").output("z");
    both.node("Transpose", {"n"}, {"y"}, {{"perm", Integers{0, 3, 1, 2}}}).node("GlobalAveragePool", {"n"}, {"z"});
    CHECK(input_of(both.read()) == "(0, 5, 3, 4)");
}

TEST_CASE("images of integers that are cast at once are as good as real ones") {
    OnnxModel model;
    model.input("x", {0, 3, 4, 5}).node("Relu", {"c"}, {"y"}).output("y");
    model.node("Cast", {"x"}, {"c"}, {{"to", std::int64_t{onnx::TensorProto::FLOAT}}});
    auto& type = *model.proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::UINT8);
    CHECK(input_of(model.read()) == "(0, 4, 5, 3)");
}
