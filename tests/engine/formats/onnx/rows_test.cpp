#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <algorithm>

using namespace eigenbit::internal;

namespace {

const Shape kRows{2, 4, 9};

OnnxModel rows() {
    OnnxModel model;
    model.input("x", {0, 4, 9}).output("y");
    return model;
}

std::string types(const Graph& graph) {
    std::string result;
    for (const Node& node : graph.nodes()) result += std::string(type_name(node.op)) + " ";
    return result;
}

float convolve(const Tensor& x, const Tensor& w, const Integers& i, std::int64_t stride, std::int64_t begin) {
    float sum = 0.0F;
    for (std::int64_t c = 0; c < w.shape()[1]; ++c) {
        for (std::int64_t k = 0; k < w.shape()[2]; ++k) {
            sum += at(w, {i[1], c, k}) * at(x, {i[0], c, i[2] * stride + k - begin});
        }
    }
    return sum;
}

}  // namespace

TEST_CASE("one-dimensional convolutions and pools are those of images of height 1") {
    const Tensor w = random_tensor({3, 4, 3}, 1);
    OnnxModel conv = rows();
    conv.constant("w", w).node("Conv", {"x", "w"}, {"y"}, {{"strides", Integers{2}}, {"pads", Integers{1, 2}}});
    check_output(conv, kRows, {2, 3, 5}, [&](const Tensor& x, const Integers& i) { return convolve(x, w, i, 2, 1); });

    OnnxModel largest = rows();
    largest.node("MaxPool", {"x"}, {"y"}, {{"kernel_shape", Integers{3}}, {"strides", Integers{2}}});
    check_output(largest, kRows, {2, 4, 4}, [&](const Tensor& x, const Integers& i) {
        return std::max(
            {at(x, {i[0], i[1], 2 * i[2]}), at(x, {i[0], i[1], 2 * i[2] + 1}), at(x, {i[0], i[1], 2 * i[2] + 2})});
    });

    OnnxModel mean = rows();
    mean.node("AveragePool", {"x"}, {"y"}, {{"kernel_shape", Integers{2}}, {"auto_pad", "SAME_UPPER"}});
    check_output(mean, kRows, {2, 4, 9}, [&](const Tensor& x, const Integers& i) {
        if (i[2] == 8) return at(x, i);
        return (at(x, i) + at(x, {i[0], i[1], i[2] + 1})) / 2.0F;
    });

    OnnxModel global = rows();
    global.node("GlobalAveragePool", {"x"}, {"m"}).node("Sub", {"x", "m"}, {"y"});
    check_output(global, kRows, kRows, [&](const Tensor& x, const Integers& i) {
        float sum = 0.0F;
        for (std::int64_t k = 0; k < 9; ++k) sum += at(x, {i[0], i[1], k});
        return at(x, i) - sum / 9.0F;
    });

    OnnxModel larger = rows();
    larger.constant("scales", Tensor(Shape{3}, std::vector<float>{1, 1, 2}));
    larger.node("Resize", {"x", "", "scales"}, {"y"},
                {{"nearest_mode", "floor"}, {"coordinate_transformation_mode", "asymmetric"}});
    check_output(larger, kRows, {2, 4, 18}, [&](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1], i[2] / 2});
    });

    const Tensor t = random_tensor({4, 3, 4}, 2);
    OnnxModel transposed = rows();
    transposed.constant("t", t).node("ConvTranspose", {"x", "t"}, {"y"},
                                     {{"strides", Integers{2}}, {"pads", Integers{1, 1}}});
    check_output(transposed, kRows, {2, 3, 18}, [&](const Tensor& x, const Integers& i) {
        float sum = 0.0F;
        for (std::int64_t c = 0; c < 4; ++c) {
            for (std::int64_t k = 0; k < 9; ++k) sum += at(x, {i[0], c, k}) * at(t, {c, i[1], i[2] + 1 - 2 * k});
        }
        return sum;
    });
}

TEST_CASE("layers of a one-dimensional network follow each other without a change of layout") {
    const Tensor w = random_tensor({4, 4, 3}, 1);
    OnnxModel model = rows();
    model.constant("w", w).constant("v", random_tensor({4, 1, 1}, 2)).constant("factor", random_tensor({1, 4, 1}, 3));
    for (const char* name : {"scale", "shift", "mean"}) model.constant(name, random_tensor({4}, 3));
    model.constant("variance", random_tensor({4}, 4, 0.5F, 1.5F));
    model.node("Conv", {"x", "w"}, {"a"}, {{"pads", Integers{1, 1}}});
    model.node("BatchNormalization", {"a", "scale", "shift", "mean", "variance"}, {"b"}).node("Relu", {"b"}, {"c"});
    model.node("Conv", {"c", "v"}, {"d"}, {{"group", std::int64_t{4}}}).node("Add", {"d", "b"}, {"e"});
    model.node("Mul", {"e", "factor"}, {"f"}).node("Concat", {"f", "c"}, {"g"}, {{"axis", std::int64_t{1}}});
    model.node("GlobalAveragePool", {"g"}, {"h"}).node("Flatten", {"h"}, {"y"});
    const Graph graph = model.read().graph;
    CHECK(types(graph)
          == "Reshape Transpose Conv BatchNormalization Activation Conv Arithmetic Arithmetic Concat Reduce Reshape ");
    const Tensor x = random_tensor(kRows, 5);
    CHECK(relative_error(run_onnx(exported_and_read_again(graph), x), run_onnx(graph, x)) < 1e-6F);
}

TEST_CASE("attention over channels convolves them as a row") {
    const Tensor w = random_tensor({1, 1, 3}, 1);
    OnnxModel model;
    model.input("x", {0, 6, 0, 0}).output("y").constant("w", w);
    model.node("GlobalAveragePool", {"x"}, {"m"}).integers("last", {-1});
    model.node("Squeeze", {"m", "last"}, {"s"}).node("Transpose", {"s"}, {"t"}, {{"perm", Integers{0, 2, 1}}});
    model.node("Conv", {"t", "w"}, {"c"}, {{"pads", Integers{1, 1}}});
    model.node("Transpose", {"c"}, {"u"}, {{"perm", Integers{0, 2, 1}}}).node("Unsqueeze", {"u", "last"}, {"v"});
    model.node("Sigmoid", {"v"}, {"g"}).node("Mul", {"x", "g"}, {"y"});
    check_output(model, {2, 6, 3, 5}, {2, 6, 3, 5}, [&](const Tensor& x, const Integers& i) {
        const auto mean = [&](std::int64_t c) {
            float sum = 0.0F;
            for (std::int64_t k = 0; k < 15; ++k) sum += at(x, {i[0], c, k / 5, k % 5});
            return sum / 15.0F;
        };
        float sum = 0.0F;
        for (std::int64_t k = 0; k < 3; ++k) sum += w[k] * mean(i[1] + k - 1);
        return at(x, i) / (1.0F + std::exp(-sum));
    });
    CHECK(types(model.read().graph) == "Reduce Reshape Conv Activation Reshape Arithmetic ");
}

TEST_CASE("rows are sliced, split, padded and gathered along ONNX's axes") {
    const auto with = [](OnnxModel model, const std::string& type, const OnnxModel::Names& more,
                         const OnnxModel::Attributes& attributes = {}) {
        model.constant("v", random_tensor({4, 1, 1}, 2));
        model.node("Conv", {"x", "v"}, {"c"}, {{"group", std::int64_t{4}}});
        OnnxModel::Names inputs{"c"};
        inputs.insert(inputs.end(), more.begin(), more.end());
        model.node(type, inputs, {"y"}, attributes);
        return model;
    };
    const Tensor v = random_tensor({4, 1, 1}, 2);
    const auto value = [&](const Tensor& x, const Integers& i) { return at(x, i) * at(v, {i[1], 0, 0}); };
    OnnxModel slice = rows();
    slice.integers("starts", {1, 8}).integers("ends", {3, 0}).integers("axes", {1, 2}).integers("steps", {1, -2});
    check_output(with(slice, "Slice", {"starts", "ends", "axes", "steps"}), kRows, {2, 2, 4},
                 [&](const Tensor& x, const Integers& i) {
                     return value(x, {i[0], i[1] + 1, 8 - 2 * i[2]});
                 });
    OnnxModel pad = rows();
    pad.integers("pads", {0, 1, 2, 0, 0, -3});
    check_output(with(pad, "Pad", {"pads"}), kRows, {2, 5, 8}, [&](const Tensor& x, const Integers& i) {
        return value(x, {i[0], i[1] - 1, i[2] - 2});
    });
    OnnxModel gather = rows();
    gather.integers("positions", {3, 0, 0});
    check_output(with(gather, "Gather", {"positions"}, {{"axis", std::int64_t{1}}}), kRows, {2, 3, 9},
                 [&](const Tensor& x, const Integers& i) {
                     return value(x, {i[0], i[1] == 0 ? 3 : 0, i[2]});
                 });
}
