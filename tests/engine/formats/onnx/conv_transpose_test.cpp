#include "engine/graph/layer_view.h"
#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <algorithm>

using namespace eigenbit::internal;

namespace {

struct Along {
    std::int64_t stride = 1;
    std::int64_t dilation = 1;
    std::int64_t begin = 0;  // of the padding
};

/// Σ over all x[i] · w[k] with i · stride + k · dilation − begin = the output's position, in every group.
float transposed_convolution(const Tensor& x, const Tensor& w, const Integers& at_output, std::int64_t groups,
                             const std::array<Along, 2>& axes) {
    const std::int64_t inputs = x.shape()[1] / groups;
    const std::int64_t outputs = w.shape()[1];
    const std::int64_t group = at_output[1] / outputs;
    float sum = 0.0F;
    for (std::int64_t c = group * inputs; c < (group + 1) * inputs; ++c) {
        for (std::int64_t iy = 0; iy < x.shape()[2]; ++iy) {
            for (std::int64_t ix = 0; ix < x.shape()[3]; ++ix) {
                const std::int64_t dy = at_output[2] + axes[0].begin - iy * axes[0].stride;
                const std::int64_t dx = at_output[3] + axes[1].begin - ix * axes[1].stride;
                if (dy % axes[0].dilation != 0 || dx % axes[1].dilation != 0) continue;
                sum += at(x, {at_output[0], c, iy, ix})
                       * at(w, {c, at_output[1] % outputs, dy / axes[0].dilation, dx / axes[1].dilation});
            }
        }
    }
    return sum;
}

OnnxModel model_of(const Shape& weights, const OnnxModel::Attributes& attributes, bool bias = true) {
    OnnxModel model;
    model.input("x", {0, weights[0], 0, 0}).output("y").constant("w", random_tensor(weights, 1));
    std::vector<std::string> inputs{"x", "w"};
    if (bias) {
        std::int64_t groups = 1;
        for (const auto& [name, value] : attributes) {
            if (name == "group") groups = std::get<std::int64_t>(value);
        }
        model.constant("b", random_tensor({weights[1] * groups}, 2));
        inputs.push_back("b");
    }
    model.node("ConvTranspose", inputs, {"y"}, attributes);
    return model;
}

template <typename Operation>
std::int64_t count(const Graph& graph) {
    return std::ranges::count_if(graph.nodes(),
                                 [](const Node& node) { return std::holds_alternative<Operation>(node.op); });
}

}  // namespace

TEST_CASE("ConvTranspose is what ONNX defines, for every stride, kernel, dilation, padding and group") {
    Random random({1});
    for (int trial = 0; trial < 60; ++trial) {
        const std::int64_t groups = 1 + random.below(2);
        const Shape weights{groups * (1 + random.below(2)), 1 + random.below(2), 1 + random.below(5),
                            1 + random.below(5)};
        const Shape x{2, weights[0], 2 + random.below(3), 2 + random.below(3)};
        std::array<Along, 2> axes;
        Integers strides, dilations, begins, ends, more;
        Shape y{2, weights[1] * groups, 0, 0};
        for (int axis = 0; axis < 2; ++axis) {
            Along& a = axes[static_cast<std::size_t>(axis)];
            a.stride = 1 + random.below(4);
            a.dilation = 1 + random.below(2);
            a.begin = random.below(4);
            strides.push_back(a.stride);
            dilations.push_back(a.dilation);
            begins.push_back(a.begin);
            ends.push_back(random.below(3));
            more.push_back(random.below(a.stride));
            y[axis + 2] = (x[axis + 2] - 1) * a.stride + (weights[axis + 2] - 1) * a.dilation + 1 - a.begin
                          - ends.back() + more.back();
        }
        if (y[2] < 1 || y[3] < 1) continue;
        Integers pads = begins;
        pads.insert(pads.end(), ends.begin(), ends.end());
        const OnnxModel model = model_of(weights, {{"strides", strides},
                                                   {"dilations", dilations},
                                                   {"pads", pads},
                                                   {"output_padding", more},
                                                   {"group", groups}});
        const Tensor w = random_tensor(weights, 1);
        const Tensor b = random_tensor({weights[1] * groups}, 2);
        check_output(model, x, y, [&](const Tensor& input, const Integers& i) {
            return transposed_convolution(input, w, i, groups, axes) + b[i[1]];
        });
    }
}

TEST_CASE("ConvTranspose takes its padding from auto_pad and output_shape") {
    const Shape weights{2, 3, 3, 4};
    const Tensor w = random_tensor(weights, 1);
    const auto check = [&](const OnnxModel::Attributes& attributes, const Shape& y, const std::array<Along, 2>& axes) {
        check_output(model_of(weights, attributes, false), {2, 2, 4, 5}, y,
                     [&](const Tensor& x, const Integers& i) { return transposed_convolution(x, w, i, 1, axes); });
    };
    const Integers strides{2, 3};
    check({{"strides", strides}, {"auto_pad", "VALID"}}, {2, 3, 9, 16}, {{{2, 1, 0}, {3, 1, 0}}});
    // 9 and 16 pixels are reached, 8 and 15 wanted.
    check({{"strides", strides}, {"auto_pad", "SAME_UPPER"}}, {2, 3, 8, 15}, {{{2, 1, 0}, {3, 1, 0}}});
    check({{"strides", strides}, {"auto_pad", "SAME_LOWER"}}, {2, 3, 8, 15}, {{{2, 1, 1}, {3, 1, 1}}});
    OnnxModel model = model_of(weights, {{"strides", strides}, {"output_shape", Integers{6, 15}}}, false);
    const Graph graph = model.read({.height = 4, .width = 5}).graph;
    const Tensor x = random_tensor({2, 2, 4, 5}, 3);
    const Tensor y = tensor_of({2, 3, 6, 15}, [&](const Integers& i) {
        return transposed_convolution(x, w, i, 1, {{{2, 1, 2}, {3, 1, 1}}});
    });
    CHECK(relative_error(run_onnx(graph, x), y) < 1e-5F);
    CHECK(error_of([&] { model.read(); }).find("what it cuts off depends on the image size") != std::string::npos);
}

TEST_CASE("a transposed convolution with what follows it is one layer, whose channels become pixels") {
    OnnxModel model;
    model.input("x", {0, 4, 0, 0}).output("y").constant("w", random_tensor({4, 3, 4, 4}, 1));
    model.constant("b", random_tensor({1, 3, 1, 1}, 2));
    for (const char* name : {"scale", "shift", "mean"}) model.constant(name, random_tensor({3}, 3));
    model.constant("variance", random_tensor({3}, 4, 0.5F, 1.5F));
    model.node("ConvTranspose", {"x", "w"}, {"c"}, {{"strides", Integers{2, 2}}, {"pads", Integers{1, 1, 1, 1}}});
    model.node("Add", {"c", "b"}, {"a"});
    model.node("BatchNormalization", {"a", "scale", "shift", "mean", "variance"}, {"n"}).node("Relu", {"n"}, {"y"});
    const Graph graph = model.read().graph;
    std::string types;
    for (const Node& node : graph.nodes()) types += std::string(type_name(node.op)) + " ";
    CHECK(types == "Conv BatchNormalization Activation DepthToSpace Slice ");
    CHECK(layers_of(graph).front().bias.has_value());
    const Tensor w = random_tensor({4, 3, 4, 4}, 1);
    const Tensor b = random_tensor({1, 3, 1, 1}, 2);
    const Tensor s = random_tensor({3}, 3);
    const Tensor v = random_tensor({3}, 4, 0.5F, 1.5F);
    check_output(model, {2, 4, 3, 5}, {2, 3, 6, 10}, [&](const Tensor& x, const Integers& i) {
        const float sum = transposed_convolution(x, w, i, 1, {{{2, 1, 1}, {2, 1, 1}}}) + b[i[1]];
        return std::max(0.0F, (sum - s[i[1]]) / std::sqrt(v[i[1]] + 1e-5F) * s[i[1]] + s[i[1]]);
    });
}

TEST_CASE("kernels as large as their stride need no border, and one of stride 1 no blocks") {
    const Graph blocks = model_of({4, 3, 2, 2}, {{"strides", Integers{2, 2}}}).read().graph;
    CHECK(blocks.nodes().size() == 2);
    CHECK(to_string(layers_of(blocks).front().weight_shape) == "(12, 1, 1, 4)");
    const Graph plain = model_of({4, 3, 3, 3}, {{"pads", Integers{1, 1, 1, 1}}}).read().graph;
    CHECK(plain.nodes().size() == 1);
    CHECK(to_string(layers_of(plain).front().weight_shape) == "(3, 3, 3, 4)");
    CHECK(
        count<Slice>(model_of({4, 3, 4, 4}, {{"strides", Integers{2, 2}}, {"pads", Integers{1, 1, 1, 1}}}).read().graph)
        == 1);
}

TEST_CASE("transposed convolutions that do not fit are refused by name") {
    const auto error = [](const OnnxModel& model) { return error_of([&] { model.read(); }); };
    const auto refuses = [&](const OnnxModel& model, const std::string& reason) {
        CHECK_MESSAGE(error(model).find(reason) != std::string::npos, error(model));
    };
    refuses(model_of({4, 3, 3, 3}, {{"group", std::int64_t{3}}}, false), "weights (4, 3, 3, 3) cannot be in 3 groups");
    refuses(model_of({4, 3, 3, 3}, {{"kernel_shape", Integers{2, 2}}}),
            "'kernel_shape' does not fit weights (4, 3, 3, 3)");
    refuses(model_of({4, 3, 3, 3}, {{"output_padding", Integers{-1, 0}}}), "'output_padding' has the value -1");
    OnnxModel computed;
    computed.input("x", {0, 4, 5, 5}).output("y").node("Relu", {"x"}, {"w"});
    computed.node("ConvTranspose", {"x", "w"}, {"y"});
    refuses(computed, "its weights are computed by the network; a constant was expected");
    OnnxModel bias;
    bias.input("x", {0, 4, 5, 5}).output("y").constant("w", random_tensor({4, 3, 3, 3}, 1));
    bias.constant("b", random_tensor({4}, 2)).node("ConvTranspose", {"x", "w", "b"}, {"y"});
    refuses(bias, "the bias has shape (4), (3) was expected");
}
