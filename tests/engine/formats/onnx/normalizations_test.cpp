#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <algorithm>
#include <cmath>
#include <functional>

using namespace eigenbit::internal;

namespace {

const Shape kImages{2, 4, 5, 6};
const Integers kOpenImages{0, 4, 5, 6};

using Together = std::function<bool(const Integers&, const Integers&)>;

/// (x − mean) / √(variance + epsilon) of the elements that are normalized together with that at an index.
double normalized(const Tensor& x, const Integers& i, const Together& together, double epsilon) {
    double sum = 0.0, squares = 0.0, count = 0.0;
    tensor_of(x.shape(), [&](const Integers& k) {
        if (together(i, k)) {
            const auto value = static_cast<double>(at(x, k));
            sum += value;
            squares += value * value;
            ++count;
        }
        return 0.0F;
    });
    const double mean = sum / count;
    return (static_cast<double>(at(x, i)) - mean) / std::sqrt(squares / count - mean * mean + epsilon);
}

std::int64_t nodes_of_normalization(const Graph& graph) {
    return std::ranges::count_if(graph.nodes(),
                                 [](const Node& node) { return std::holds_alternative<Normalization>(node.op); });
}

bool same_image(const Integers& i, const Integers& k) { return i[0] == k[0]; }

}  // namespace

TEST_CASE("LayerNormalization normalizes the axes from the given one on, of images and of other values") {
    for (const Shape& shape : {kImages, Shape{2, 5, 6}, Shape{3, 6}}) {
        for (int axis = 1; axis < shape.rank(); ++axis) {
            CAPTURE(to_string(shape));
            CAPTURE(axis);
            const Shape parameter{std::span(shape.begin() + axis, shape.end())};
            const Tensor scale = random_tensor(parameter, 1);
            const Tensor bias = random_tensor(parameter, 2);
            const auto together = [&](const Integers& i, const Integers& k) {
                return std::equal(i.begin(), i.begin() + axis, k.begin());
            };
            for (const bool has_bias : {false, true}) {
                OnnxModel model(17);
                model.input("x", Integers(shape.begin(), shape.end())).constant("s", scale).constant("b", bias);
                const OnnxModel::Names inputs = has_bias ? OnnxModel::Names{"x", "s", "b"} : OnnxModel::Names{"x", "s"};
                model.node("LayerNormalization", inputs, {"y"},
                           {{"axis", std::int64_t{axis - shape.rank()}}, {"epsilon", 0.01F}});
                model.output("y");
                CHECK(model.read().graph.nodes().size() == 1);
                CHECK(exported_and_read_again(model.read().graph).nodes().size() == 1);
                check_output(model, shape, shape, [&](const Tensor& x, const Integers& i) {
                    const Integers j(i.begin() + axis, i.end());
                    const auto y = static_cast<float>(normalized(x, i, together, 0.01));
                    return y * at(scale, j) + (has_bias ? at(bias, j) : 0.0F);
                });
            }
        }
    }
}

TEST_CASE("LayerNormalization outputs its statistics where they are read") {
    OnnxModel model(17);
    model.input("x", kOpenImages).constant("s", random_tensor({6}, 1)).output("m").output("d");
    model.node("LayerNormalization", {"x", "s"}, {"y", "m", "d"}, {{"epsilon", 0.01F}});
    const Graph graph = model.read().graph;
    const Tensor x = random_tensor(kImages, 3);
    Graph mean = graph;
    const Tensor means = tensor_of(Shape{2, 4, 5, 1}, [&](const Integers& i) {
        float sum = 0.0F;
        for (std::int64_t k = 0; k < 6; ++k) sum += at(x, {i[0], i[1], i[2], k}) / 6.0F;
        return sum;
    });
    CHECK(relative_error(run_onnx(graph, x), means) < 1e-6F);
    OnnxModel second(17);
    second.input("x", kOpenImages).constant("s", random_tensor({6}, 1)).output("d");
    second.node("LayerNormalization", {"x", "s"}, {"y", "m", "d"}, {{"epsilon", 0.01F}});
    check_output(second, kImages, {2, 4, 5, 1}, [&](const Tensor& values, const Integers& i) {
        const auto same_row = [](const Integers& a, const Integers& b) {
            return std::equal(a.begin(), a.begin() + 3, b.begin());
        };
        // The difference of two normalized values tells what both were divided by.
        const double difference = normalized(values, {i[0], i[1], i[2], 1}, same_row, 0.01)
                                  - normalized(values, {i[0], i[1], i[2], 0}, same_row, 0.01);
        return static_cast<float>(
            difference / static_cast<double>(at(values, {i[0], i[1], i[2], 1}) - at(values, {i[0], i[1], i[2], 0})));
    });
}

TEST_CASE("a layer normalization of values with channels last needs no transposes, as one node or spelled out") {
    const Tensor scale = random_tensor({4}, 1);
    const Tensor bias = random_tensor({4}, 2);
    const auto begin = [&](std::int64_t opset) {
        OnnxModel model(opset);
        model.input("x", kOpenImages).constant("s", scale).constant("b", bias).number("two", 2.0F).number("e", 0.01F);
        model.node("Transpose", {"x"}, {"t"}, {{"perm", Integers{0, 2, 3, 1}}});
        return model;
    };
    const auto end = [](OnnxModel model) {
        model.node("Transpose", {"n"}, {"u"}, {{"perm", Integers{0, 3, 1, 2}}}).node("Relu", {"u"}, {"y"}).output("y");
        return model;
    };
    OnnxModel whole = begin(17);
    whole.node("LayerNormalization", {"t", "s", "b"}, {"n"}, {{"epsilon", 0.01F}});
    OnnxModel spelled_out = begin(13);
    spelled_out.node("ReduceMean", {"t"}, {"m"}, {{"axes", Integers{-1}}}).node("Sub", {"t", "m"}, {"d"});
    spelled_out.node("Pow", {"d", "two"}, {"q"}).node("ReduceMean", {"q"}, {"v"}, {{"axes", Integers{-1}}});
    spelled_out.node("Add", {"v", "e"}, {"w"}).node("Sqrt", {"w"}, {"r"}).node("Div", {"d", "r"}, {"z"});
    spelled_out.node("Mul", {"z", "s"}, {"p"}).node("Add", {"p", "b"}, {"n"});
    for (const OnnxModel& model : {end(whole), end(spelled_out)}) {
        const Graph graph = model.read().graph;
        for (const Graph& each : {graph, exported_and_read_again(graph)}) {
            CHECK(each.nodes().size() == 2);
            CHECK(nodes_of_normalization(each) == 1);
        }
        check_output(model, kImages, kImages, [&](const Tensor& x, const Integers& i) {
            const auto same_pixel = [](const Integers& a, const Integers& b) {
                return a[0] == b[0] && a[2] == b[2] && a[3] == b[3];
            };
            const double y = normalized(x, i, same_pixel, 0.01) * static_cast<double>(scale[i[1]]);
            return std::max(static_cast<float>(y) + bias[i[1]], 0.0F);
        });
    }
}

TEST_CASE("a normalization whose value somebody else reads keeps its scale apart") {
    OnnxModel model;
    model.input("x", kOpenImages).number("two", 2.0F).number("e", 0.01F).constant("s", random_tensor({6}, 1));
    model.node("ReduceMean", {"x"}, {"m"}, {{"axes", Integers{-1}}}).node("Sub", {"x", "m"}, {"d"});
    model.node("Mul", {"d", "d"}, {"q"}).node("ReduceMean", {"q"}, {"v"}, {{"axes", Integers{-1}}});
    model.node("Add", {"e", "v"}, {"w"}).node("Sqrt", {"w"}, {"r"}).node("Div", {"d", "r"}, {"z"});
    model.node("Mul", {"z", "s"}, {"p"}).node("Add", {"p", "z"}, {"y"}).output("y");
    const Tensor scale = random_tensor({6}, 1);
    check_output(model, kImages, kImages, [&](const Tensor& x, const Integers& i) {
        const auto same_row = [](const Integers& a, const Integers& b) {
            return std::equal(a.begin(), a.begin() + 3, b.begin());
        };
        return static_cast<float>(normalized(x, i, same_row, 0.01)) * (1.0F + scale[i[3]]);
    });
}

TEST_CASE("InstanceNormalization normalizes every channel of every image") {
    for (const Shape& shape : {kImages, Shape{2, 4, 7}, Shape{2, 4, 3, 2, 2}}) {
        const Tensor scale = random_tensor({4}, 1);
        const Tensor bias = random_tensor({4}, 2);
        OnnxModel model(shape.rank() == 4 ? 7 : 21);
        model.input("x", Integers(shape.begin(), shape.end())).constant("s", scale).constant("b", bias).output("y");
        model.node("InstanceNormalization", {"x", "s", "b"}, {"y"}, {{"epsilon", 0.01F}});
        check_output(model, shape, shape, [&](const Tensor& x, const Integers& i) {
            const auto same_channel = [](const Integers& a, const Integers& b) { return a[0] == b[0] && a[1] == b[1]; };
            return static_cast<float>(normalized(x, i, same_channel, 0.01)) * scale[i[1]] + bias[i[1]];
        });
    }
    OnnxModel wrong;
    wrong.input("x", kOpenImages).constant("s", random_tensor({3}, 1)).constant("b", random_tensor({4}, 1)).output("y");
    CHECK(error_of([&] {
              wrong.node("InstanceNormalization", {"x", "s", "b"}, {"y"}).read();
          }).find("input 1 has shape (3), (4) was expected")
          != std::string::npos);
}

TEST_CASE("GroupNormalization of both opsets, and as PyTorch writes it, is one normalization") {
    const auto same_group = [](const Integers& a, const Integers& b) { return a[0] == b[0] && a[1] / 2 == b[1] / 2; };
    const auto check = [&](const OnnxModel& model, const Tensor& scale, const Tensor& bias,
                           const Shape& shape = kImages) {
        const Graph graph = model.read().graph;
        CHECK(nodes_of_normalization(graph) == 1);
        check_output(model, shape, shape, [&](const Tensor& x, const Integers& i) {
            const std::int64_t at_scale = scale.elements() == 4 ? i[1] : i[1] / 2;
            return static_cast<float>(normalized(x, i, same_group, 0.01)) * scale[at_scale] + bias[at_scale];
        });
    };
    for (const std::int64_t opset : {18, 21}) {
        const Shape parameter{opset == 18 ? 2 : 4};
        const Tensor scale = random_tensor(parameter, 1);
        const Tensor bias = random_tensor(parameter, 2);
        OnnxModel model(opset);
        model.input("x", kOpenImages).constant("s", scale).constant("b", bias).output("y");
        model.node("GroupNormalization", {"x", "s", "b"}, {"y"}, {{"num_groups", std::int64_t{2}}, {"epsilon", 0.01F}});
        CHECK(model.read().graph.nodes().size() == 1);
        check(model, scale, bias);
    }
    const Tensor scale = random_tensor({4, 1, 1}, 1);
    const Tensor bias = random_tensor({4, 1, 1}, 2);
    OnnxModel spelled_out;
    spelled_out.input("x", {0, 4, 0, 0}).constant("s", scale).constant("b", bias).integers("groups", {0, 2, -1});
    spelled_out.constant("one", Tensor(Shape{2}, std::array{1.0F, 1.0F})).constant("zero", Tensor(Shape{2}));
    spelled_out.node("Shape", {"x"}, {"shape"}).node("Reshape", {"x", "groups"}, {"g"});
    spelled_out.node("InstanceNormalization", {"g", "one", "zero"}, {"n"}, {{"epsilon", 0.01F}});
    spelled_out.node("Reshape", {"n", "shape"}, {"r"}).node("Mul", {"r", "s"}, {"m"}).node("Add", {"m", "b"}, {"y"});
    spelled_out.output("y");
    CHECK(spelled_out.read().graph.nodes().size() == 1);
    check(spelled_out, scale, bias);
    OnnxModel wrong(21);
    wrong.input("x", kOpenImages).constant("s", random_tensor({4}, 1)).output("y");
    CHECK(error_of([&] {
              wrong.node("GroupNormalization", {"x", "s", "s"}, {"y"}, {{"num_groups", std::int64_t{3}}}).read();
          }).find("attribute 'num_groups' is 3 for 4 channels")
          != std::string::npos);
}

namespace {

/// The element divided by 0.6 power of 2 + 0.5 · the mean of squares over so many channels, from some before it on.
float local_response(const Tensor& x, const Integers& i, std::int64_t size, std::int64_t before) {
    double squares = 0.0;
    for (std::int64_t c = i[1] - before; c < i[1] - before + size; ++c) {
        squares += std::pow(static_cast<double>(at(x, {i[0], c, i[2], i[3]})), 2.0);
    }
    return static_cast<float>(static_cast<double>(at(x, i))
                              / std::pow(2.0 + 0.5 / static_cast<double>(size) * squares, 0.6));
}

/// The same as PyTorch writes it: channels become the depth of volumes.
OnnxModel spelled_out_local_response(std::int64_t size) {
    OnnxModel model;
    model.input("x", {0, 4, 5, 6}).output("y");
    model.node("Mul", {"x", "x"}, {"square"}).integers("one", {1}).node("Unsqueeze", {"square", "one"}, {"volume"});
    model.integers("split", {0, 1, 4, 5, -1}).node("Reshape", {"volume", "split"}, {"flat"});
    model.integers("pads", {0, 0, size / 2, 0, 0, 0, 0, (size - 1) / 2, 0, 0})
        .node("Pad", {"flat", "pads"}, {"padded"});
    model.node("AveragePool", {"padded"}, {"mean"},
               {{"kernel_shape", Integers{size, 1, 1}}, {"strides", Integers{1, 1, 1}}});
    model.node("Squeeze", {"mean", "one"}, {"squeezed"}).integers("images", {0, 4, 5, 6});
    model.node("Reshape", {"squeezed", "images"}, {"means"}).number("alpha", 0.5F).number("bias", 2.0F);
    model.node("Mul", {"means", "alpha"}, {"scaled"}).node("Add", {"scaled", "bias"}, {"sum"}).number("beta", 0.6F);
    return model.node("Pow", {"sum", "beta"}, {"divisor"}).node("Div", {"x", "divisor"}, {"y"});
}

}  // namespace

TEST_CASE("LRN divides by the squares of the channels around") {
    for (const std::int64_t size : {3, 4}) {
        OnnxModel model(size == 3 ? 7 : 13);
        model.input("x", kOpenImages).output("y");
        model.node("LRN", {"x"}, {"y"}, {{"size", size}, {"alpha", 0.5F}, {"beta", 0.6F}, {"bias", 2.0F}});
        check_output(model, kImages, kImages,
                     [&](const Tensor& x, const Integers& i) { return local_response(x, i, size, (size - 1) / 2); });
    }
    OnnxModel rows;
    rows.input("x", {0, 4, 7}).output("y").node("LRN", {"x"}, {"y"}, {{"size", std::int64_t{1}}, {"alpha", 1.0F}});
    check_output(rows, {2, 4, 7}, {2, 4, 7}, [](const Tensor& x, const Integers& i) {
        return at(x, i) / std::pow(1.0F + at(x, i) * at(x, i), 0.75F);
    });
}

TEST_CASE("LRN that is spelled out is one operator, where its window is that of LRN") {
    for (const std::int64_t size : {3, 4}) {
        const OnnxModel model = spelled_out_local_response(size);
        check_output(model, {2, 4, 5, 6}, {2, 4, 5, 6},
                     [&](const Tensor& x, const Integers& i) { return local_response(x, i, size, size / 2); });
        const Graph graph = model.read().graph;
        const bool is_one =
            graph.nodes().size() == 1 && std::holds_alternative<LocalResponseNormalization>(graph.nodes().front().op);
        CHECK(is_one == (size == 3));  // of an even number of channels PyTorch takes one more before
    }
}

TEST_CASE("AveragePool of volumes is over the depth alone") {
    OnnxModel model;
    model.input("x", {0, 2, 7, 3, 4}).output("y");
    model.node(
        "AveragePool", {"x"}, {"y"},
        {{"kernel_shape", Integers{3, 1, 1}}, {"strides", Integers{2, 1, 1}}, {"pads", Integers{1, 0, 0, 1, 0, 0}}});
    const Tensor x = random_tensor({2, 2, 7, 3, 4}, 5);
    const Tensor expected = tensor_of({2, 2, 4, 3, 4}, [&](const Integers& i) {
        float sum = 0.0F;
        float count = 0.0F;
        for (std::int64_t d = std::max<std::int64_t>(2 * i[2] - 1, 0); d < std::min<std::int64_t>(2 * i[2] + 2, 7);
             ++d) {
            sum += at(x, {i[0], i[1], d, i[3], i[4]});
            ++count;
        }
        return sum / count;
    });
    CHECK(relative_error(run(model.read().graph, x), expected) < 1e-6F);

    OnnxModel over_rows;
    over_rows.input("x", {0, 2, 7, 3, 4}).output("y");
    over_rows.node("AveragePool", {"x"}, {"y"}, {{"kernel_shape", Integers{3, 3, 1}}});
    CHECK_THROWS_WITH_AS(over_rows.read(), doctest::Contains("AveragePool of three dimensions"), Error);
}

TEST_CASE("MeanVarianceNormalization takes its axes as they are") {
    OnnxModel by_channel(9);
    by_channel.input("x", {2, 4, 5, 6}).output("y").node("MeanVarianceNormalization", {"x"}, {"y"});
    check_output(by_channel, kImages, kImages, [](const Tensor& x, const Integers& i) {
        const auto same_channel = [](const Integers& a, const Integers& b) { return a[1] == b[1]; };
        return static_cast<float>(normalized(x, i, same_channel, 0.0));
    });
    OnnxModel by_image;
    by_image.input("x", kOpenImages).output("y");
    by_image.node("MeanVarianceNormalization", {"x"}, {"y"}, {{"axes", Integers{1, 2, 3}}});
    check_output(by_image, kImages, kImages, [](const Tensor& x, const Integers& i) {
        return static_cast<float>(normalized(x, i, same_image, 0.0));
    });
}

TEST_CASE("LpNormalization makes lengths 1, and leaves 0; GlobalLpPool is the length of a channel") {
    const auto length = [](const Tensor& x, const Together& together, const Integers& i, int p) {
        double sum = 0.0;
        tensor_of(x.shape(), [&](const Integers& k) {
            if (together(i, k)) sum += std::pow(std::abs(static_cast<double>(at(x, k))), p);
            return 0.0F;
        });
        return static_cast<float>(std::pow(sum, 1.0 / p));
    };
    for (const int p : {1, 2, 3}) {
        const OnnxModel::Attributes power{{"p", std::int64_t{p}}};
        OnnxModel pool;
        pool.input("x", {0, 4, 0, 0}).output("y").node("GlobalLpPool", {"x"}, {"y"}, power);
        check_output(pool, kImages, {2, 4, 1, 1}, [&](const Tensor& x, const Integers& i) {
            return length(
                x, [](const auto& a, const auto& b) { return a[0] == b[0] && a[1] == b[1]; }, i, p);
        });
        if (p == 3) continue;
        OnnxModel normalization;
        normalization.input("x", kOpenImages).output("y");
        normalization.node("LpNormalization", {"x"}, {"y"}, {{"p", std::int64_t{p}}, {"axis", std::int64_t{1}}});
        check_output(normalization, kImages, kImages, [&](const Tensor& x, const Integers& i) {
            const auto same_pixel = [](const Integers& a, const Integers& b) {
                return a[0] == b[0] && a[2] == b[2] && a[3] == b[3];
            };
            return at(x, i) / length(x, same_pixel, i, p);
        });
        const Tensor nothing(kImages);
        CHECK(same_bits(run_onnx(normalization.read().graph, nothing), nothing));
    }
}
