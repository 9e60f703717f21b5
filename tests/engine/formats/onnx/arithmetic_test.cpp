#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <algorithm>
#include <cmath>
#include <functional>

using namespace eigenbit::internal;

namespace {

const Shape kImages{2, 4, 5, 6};
const Integers kOpenImages{0, 4, 5, 6};

/// The element of a constant that numpy's broadcasting pairs with this index.
float broadcast_at(const Tensor& constant, const Integers& i) {
    const int rank = constant.shape().rank();
    Integers index(static_cast<std::size_t>(rank));
    for (int axis = 0; axis < rank; ++axis) {
        const std::int64_t position = i[i.size() - static_cast<std::size_t>(rank - axis)];
        index[static_cast<std::size_t>(axis)] = constant.shape()[axis] == 1 ? 0 : position;
    }
    return at(constant, index);
}

void check_elementwise(const OnnxModel& model, const std::function<float(float)>& function) {
    check_output(model, kImages, kImages, [&](const Tensor& x, const Integers& i) { return function(at(x, i)); });
}

OnnxModel unary(const std::string& type, const OnnxModel::Attributes& attributes = {}, std::int64_t opset = 13) {
    OnnxModel model(opset);
    return model.input("x", kOpenImages).node(type, {"x"}, {"y"}, attributes).output("y");
}

}  // namespace

TEST_CASE("activation functions and negation are as ONNX defines them") {
    check_elementwise(unary("Relu"), [](float x) { return std::max(x, 0.0F); });
    check_elementwise(unary("LeakyRelu", {{"alpha", 0.2F}}), [](float x) { return x < 0.0F ? 0.2F * x : x; });
    check_elementwise(unary("LeakyRelu", {}, 9), [](float x) { return x < 0.0F ? 0.01F * x : x; });
    check_elementwise(unary("Sigmoid"), [](float x) { return 1.0F / (1.0F + std::exp(-x)); });
    check_elementwise(unary("Tanh"), [](float x) { return std::tanh(x); });
    check_elementwise(unary("Neg"), [](float x) { return -x; });
    OnnxModel root;
    root.input("x", kOpenImages).node("Relu", {"x"}, {"r"}).node("Sqrt", {"r"}, {"y"}).output("y");
    check_elementwise(root, [](float x) { return std::sqrt(std::max(x, 0.0F)); });
}

TEST_CASE("PRelu has one slope for all, or one for each channel, or else is made of other operators") {
    const auto model = [](const Integers& input, const Shape& slope) {
        OnnxModel result;
        result.input("x", input).constant("slope", random_tensor(slope, 3)).output("y");
        return result.node("PRelu", {"x", "slope"}, {"y"});
    };
    const auto check = [&](const Integers& input, const Shape& shape, const Shape& slope, bool is_one_node) {
        CAPTURE(to_string(slope));
        CHECK((model(input, slope).read().graph.nodes().size() == 1) == is_one_node);
        const Tensor slopes = random_tensor(slope, 3);
        check_output(model(input, slope), shape, shape, [&](const Tensor& x, const Integers& i) {
            return at(x, i) < 0.0F ? broadcast_at(slopes, i) * at(x, i) : at(x, i);
        });
    };
    for (const Shape& slope : {Shape{}, Shape{1}, Shape{1, 1, 1}, Shape{4, 1, 1}, Shape{1, 4, 1, 1}}) {
        check(kOpenImages, kImages, slope, true);
    }
    for (const Shape& slope : {Shape{1}, Shape{6}}) check({0, 6}, {3, 6}, slope, true);
    for (const Shape& slope : {Shape{6}, Shape{5, 1}, Shape{4, 5, 6}}) check(kOpenImages, kImages, slope, false);
    CHECK(error_of([&] {
              model(kOpenImages, {1, 1, 1, 4, 1, 1}).read();
          }).find("more dimensions")
          != std::string::npos);
    OnnxModel computed;
    computed.input("x", kOpenImages).node("Sin", {"x"}, {"slope"}).output("y");
    check_elementwise(computed.node("PRelu", {"x", "slope"}, {"y"}),
                      [](float x) { return x < 0.0F ? std::sin(x) * x : x; });
}

TEST_CASE("Clip has its limits in attributes or inputs, either of which may be absent") {
    check_elementwise(unary("Clip", {{"min", -0.25F}, {"max", 0.5F}}, 9),
                      [](float x) { return std::clamp(x, -0.25F, 0.5F); });
    check_elementwise(unary("Clip", {{"max", 0.5F}}, 10), [](float x) { return std::min(x, 0.5F); });
    OnnxModel both(11);
    both.input("x", kOpenImages).number("low", -0.25F).number("high", 0.5F).output("y");
    check_elementwise(both.node("Clip", {"x", "low", "high"}, {"y"}),
                      [](float x) { return std::clamp(x, -0.25F, 0.5F); });
    OnnxModel high;
    high.input("x", kOpenImages).number("high", 0.5F).output("y");
    check_elementwise(high.node("Clip", {"x", "", "high"}, {"y"}), [](float x) { return std::min(x, 0.5F); });
    OnnxModel low;
    low.input("x", kOpenImages).number("low", -0.25F).output("y");
    check_elementwise(low.node("Clip", {"x", "low"}, {"y"}), [](float x) { return std::max(x, -0.25F); });
}

TEST_CASE("constants broadcast against images as in ONNX's layout") {
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{6}, Shape{5, 6}, Shape{5, 1}, Shape{4, 1, 1}, Shape{1, 4, 1, 1},
                               Shape{4, 5, 6}, Shape{1, 1, 5, 1}, Shape{1, 1, 1, 1}, Shape{1, 4, 5, 6}}) {
        const Tensor constant = random_tensor(shape, 3, 0.5F, 1.5F);
        const auto check = [&](const std::string& type, const OnnxModel::Names& inputs, auto function) {
            OnnxModel model;
            model.input("x", kOpenImages).constant("c", constant).node(type, inputs, {"y"}).output("y");
            check_output(model, kImages, kImages, [&](const Tensor& x, const Integers& i) {
                return function(at(x, i), broadcast_at(constant, i));
            });
        };
        check("Add", {"x", "c"}, [](float x, float c) { return x + c; });
        check("Sub", {"c", "x"}, [](float x, float c) { return c - x; });
        check("Mul", {"c", "x"}, [](float x, float c) { return c * x; });
        check("Div", {"x", "c"}, [](float x, float c) { return x / c; });
    }
}

TEST_CASE("values of different rank broadcast against each other as in ONNX's layout") {
    OnnxModel model;  // (N, 4, 5, 6) · (4, 1, 1) from activations
    model.input("x", {2, 4, 5, 6}).output("y");
    model.node("ReduceMean", {"x"}, {"m"}, {{"axes", Integers{0, 2, 3}}, {"keepdims", std::int64_t{0}}});
    model.integers("axes", {1, 2}).node("Unsqueeze", {"m", "axes"}, {"u"}).node("Mul", {"x", "u"}, {"y"});
    check_output(model, kImages, kImages, [](const Tensor& x, const Integers& i) {
        float sum = 0.0F;
        tensor_of(kImages, [&](const Integers& k) {
            if (k[1] == i[1]) sum += at(x, k);
            return 0.0F;
        });
        return at(x, i) * sum / 60.0F;
    });
    OnnxModel wider;  // (N, 4) + (3, 1, 1)
    const Tensor constant = random_tensor({3, 1, 1}, 3);
    wider.input("x", {0, 4}).constant("c", constant).node("Add", {"x", "c"}, {"y"}).output("y");
    check_output(wider, {2, 4}, {3, 2, 4}, [&](const Tensor& x, const Integers& i) {
        return at(x, {i[1], i[2]}) + constant[i[0]];
    });
}

TEST_CASE("Pow takes real and integer exponents") {
    OnnxModel real;
    real.input("x", kOpenImages).number("e", 2.0F).node("Pow", {"x", "e"}, {"y"}).output("y");
    check_elementwise(real, [](float x) { return x * x; });
    OnnxModel integer;
    integer.input("x", kOpenImages).integer("e", 3).node("Pow", {"x", "e"}, {"y"}).output("y");
    check_elementwise(integer, [](float x) { return x * x * x; });
}

TEST_CASE("reductions go over ONNX's axes, given by an attribute or an input, and leave ONNX's order") {
    for (unsigned set = 0; set < 16; ++set) {
        Integers axes;
        for (std::int64_t axis = 0; axis < 4; ++axis) {
            if (((set >> axis) & 1U) != 0) axes.push_back(axis);
        }
        for (const bool keep : {false, true}) {
            std::vector<std::int64_t> kept;
            float terms = 1.0F;
            for (int axis = 0; axis < 4; ++axis) {
                const bool reduced = axes.empty() || std::ranges::find(axes, axis) != axes.end();
                if (reduced) terms *= static_cast<float>(kImages[axis]);
                if (!reduced || keep) kept.push_back(reduced ? 1 : kImages[axis]);
            }
            const auto sum = [&](const Tensor& x, const Integers& i) {
                float result = 0.0F;
                tensor_of(kImages, [&](const Integers& k) {
                    std::size_t position = 0;
                    bool matches = true;
                    for (int axis = 0; axis < 4; ++axis) {
                        const bool reduced = axes.empty() || std::ranges::find(axes, axis) != axes.end();
                        if (!reduced) matches = matches && i[position] == k[static_cast<std::size_t>(axis)];
                        if (!reduced || keep) ++position;
                    }
                    if (matches) result += at(x, k);
                    return 0.0F;
                });
                return result;
            };
            OnnxModel::Attributes attributes{{"keepdims", std::int64_t{keep}}};
            OnnxModel by_input;
            by_input.input("x", {2, 4, 5, 6}).integers("axes", axes).output("y");
            by_input.node("ReduceSum", {"x", "axes"}, {"y"}, attributes);
            const Shape shape{std::span<const std::int64_t>(kept)};
            check_output(by_input, kImages, shape, sum);
            if (!axes.empty()) attributes.emplace_back("axes", axes);
            OnnxModel by_attribute(11);
            by_attribute.input("x", {2, 4, 5, 6}).node("ReduceMean", {"x"}, {"y"}, attributes).output("y");
            check_output(by_attribute, kImages, shape,
                         [&](const Tensor& x, const Integers& i) { return sum(x, i) / terms; });
        }
    }
}
