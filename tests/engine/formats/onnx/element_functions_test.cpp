#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <algorithm>
#include <cmath>
#include <functional>

using namespace eigenbit::internal;

namespace {

const Shape kImages{2, 4, 5, 6};
const Integers kOpenImages{0, 4, 5, 6};

using Function = std::function<double(double)>;

/// Checks a model for numbers of −`range` … `range`, or of 0.1 … `range`; once more when exported and read again.
void check_function(const OnnxModel& model, const Function& function, float range = 4.0F, bool positive = false) {
    const Tensor x = random_tensor(kImages, 17, positive ? 0.1F : -range, range);
    Tensor y = x;
    for (float& value : y.values()) value = static_cast<float>(function(static_cast<double>(value)));
    const Graph graph = model.read().graph;
    CHECK(relative_error(run_onnx(graph, x), y) < 1e-6F);
    CHECK(relative_error(run_onnx(exported_and_read_again(graph), x), y) < 1e-6F);
}

OnnxModel unary(const std::string& type, const OnnxModel::Attributes& attributes = {}, std::int64_t opset = 13) {
    OnnxModel model(opset);
    return model.input("x", kOpenImages).node(type, {"x"}, {"y"}, attributes).output("y");
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// Whether a graph is nothing but this function, before and after it was exported.
void check_is(const OnnxModel& model, const Activation& function) {
    const Graph graph = model.read().graph;
    for (const Graph& each : {graph, exported_and_read_again(graph)}) {
        REQUIRE(each.nodes().size() == 1);
        REQUIRE(std::holds_alternative<Activation>(each.nodes()[0].op));
        CHECK(std::get<Activation>(each.nodes()[0].op) == function);
    }
}

using Kind = Activation::Kind;

}  // namespace

TEST_CASE("functions of single elements are as ONNX defines them, with their default and with given attributes") {
    check_function(unary("Abs"), [](double x) { return std::abs(x); });
    check_function(unary("Ceil"), [](double x) { return std::ceil(x); });
    check_function(unary("Celu"), [](double x) { return x < 0.0 ? std::expm1(x) : x; });
    check_function(unary("Celu", {{"alpha", 2.0F}}), [](double x) { return x < 0.0 ? 2.0 * std::expm1(x / 2.0) : x; });
    check_function(unary("Cos"), [](double x) { return std::cos(x); });
    check_function(unary("Elu", {}, 7), [](double x) { return x < 0.0 ? std::expm1(x) : x; });
    check_function(unary("Elu", {{"alpha", 0.5F}}, 21), [](double x) { return x < 0.0 ? 0.5 * std::expm1(x) : x; });
    check_function(unary("Erf", {}, 9), [](double x) { return std::erf(x); });
    check_function(unary("Exp"), [](double x) { return std::exp(x); });
    check_function(unary("Floor"), [](double x) { return std::floor(x); });
    check_function(unary("Gelu", {}, 20), [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); });
    check_function(unary("Gelu", {{"approximate", "tanh"}}, 20), [](double x) {
        return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
    });
    check_function(unary("HardSigmoid"), [](double x) { return std::clamp(0.2 * x + 0.5, 0.0, 1.0); });
    check_function(unary("HardSigmoid", {{"alpha", 0.5F}, {"beta", 0.25F}}),
                   [](double x) { return std::clamp(0.5 * x + 0.25, 0.0, 1.0); });
    check_function(unary("HardSwish", {}, 14), [](double x) { return x * std::clamp(x / 6.0 + 0.5, 0.0, 1.0); });
    check_function(
        unary("Log"), [](double x) { return std::log(x); }, 4.0F, true);
    check_function(unary("Mish", {}, 18), [](double x) { return x * std::tanh(std::log1p(std::exp(x))); });
    check_function(
        unary("Reciprocal"), [](double x) { return 1.0 / x; }, 4.0F, true);
    check_function(unary("Round", {}, 11), [](double x) { return std::nearbyint(x); });
    check_function(unary("Selu"),
                   [](double x) { return 1.05070098735548 * (x < 0.0 ? 1.67326324235437 * std::expm1(x) : x); });
    check_function(unary("Selu", {{"alpha", 1.5F}, {"gamma", 2.0F}}),
                   [](double x) { return 2.0 * (x < 0.0 ? 1.5 * std::expm1(x) : x); });
    check_function(unary("Sign", {}, 9), [](double x) { return x < 0.0 ? -1.0 : 1.0; });
    check_function(unary("Sin"), [](double x) { return std::sin(x); });
    check_function(unary("Softplus"), [](double x) { return std::log1p(std::exp(x)); });
    check_function(unary("Softsign"), [](double x) { return x / (1.0 + std::abs(x)); });
    check_function(
        unary("Sqrt"), [](double x) { return std::sqrt(x); }, 4.0F, true);
    check_function(unary("Swish", {{"alpha", 1.5F}}, 21), [](double x) { return x * sigmoid(1.5 * x); });
    check_function(unary("ThresholdedRelu", {}, 10), [](double x) { return x > 1.0 ? x : 0.0; });
    check_function(unary("ThresholdedRelu", {{"alpha", 0.5F}}, 10), [](double x) { return x > 0.5 ? x : 0.0; });
    CHECK(error_of([] {
              unary("Gelu", {{"approximate", "cubic"}}, 20).read();
          }).find("the approximation 'cubic' is not supported")
          != std::string::npos);
}

TEST_CASE("functions that exporters spell out are recognised by their values, in any order of factors") {
    const auto model = [](std::int64_t opset = 11) {
        OnnxModel result(opset);
        result.input("x", kOpenImages).number("3", 3.0F).number("6", 6.0F).number("1/6", 1.0F / 6.0F);
        result.number("0", 0.0F).number("1", 1.0F).number("1/2", 0.5F).number("root", 1.41421356F).output("y");
        return result;
    };
    const Activation hard_swish{.kind = Kind::hard_swish};
    check_is(unary("HardSwish", {}, 14), hard_swish);
    check_is(model().node("HardSigmoid", {"x"}, {"s"}, {{"alpha", 1.0F / 6.0F}}).node("Mul", {"s", "x"}, {"y"}),
             hard_swish);
    check_is(model()
                 .node("Add", {"x", "3"}, {"a"})
                 .node("Clip", {"a", "0", "6"}, {"c"})
                 .node("Mul", {"x", "c"}, {"m"})
                 .node("Div", {"m", "6"}, {"y"}),
             hard_swish);
    check_is(model()
                 .node("Add", {"3", "x"}, {"a"})
                 .node("Clip", {"a", "0", "6"}, {"c"})
                 .node("Mul", {"c", "1/6"}, {"m"})
                 .node("Mul", {"x", "m"}, {"y"}),
             hard_swish);
    check_is(model().node("Sigmoid", {"x"}, {"s"}).node("Mul", {"x", "s"}, {"y"}),
             {.kind = Kind::swish, .alpha = 1.0F});
    check_is(model().node("Softplus", {"x"}, {"s"}).node("Tanh", {"s"}, {"t"}).node("Mul", {"x", "t"}, {"y"}),
             {.kind = Kind::mish});
    check_is(model()
                 .node("Exp", {"x"}, {"e"})
                 .node("Add", {"e", "1"}, {"a"})
                 .node("Log", {"a"}, {"s"})
                 .node("Tanh", {"s"}, {"t"})
                 .node("Mul", {"t", "x"}, {"y"}),
             {.kind = Kind::mish});
    check_is(model()
                 .node("Div", {"x", "root"}, {"d"})
                 .node("Erf", {"d"}, {"e"})
                 .node("Add", {"e", "1"}, {"a"})
                 .node("Mul", {"x", "a"}, {"m"})
                 .node("Mul", {"m", "1/2"}, {"y"}),
             {.kind = Kind::gelu});
    check_is(model()
                 .node("Mul", {"x", "1/2"}, {"h"})
                 .node("Div", {"x", "root"}, {"d"})
                 .node("Erf", {"d"}, {"e"})
                 .node("Add", {"1", "e"}, {"a"})
                 .node("Mul", {"h", "a"}, {"y"}),
             {.kind = Kind::gelu});
    check_is(unary("Gelu", {{"approximate", "tanh"}}, 20), {.kind = Kind::gelu_tanh});
    check_is(unary("Swish", {{"alpha", 1.702F}}, 21), {.kind = Kind::swish, .alpha = 1.702F});
}

TEST_CASE("functions that differ from known ones, or are of two values, stay as they are") {
    OnnxModel scaled;
    scaled.input("x", kOpenImages).number("c", 1.01F).output("y");
    scaled.node("Sigmoid", {"x"}, {"s"}).node("Mul", {"x", "s"}, {"m"}).node("Mul", {"m", "c"}, {"y"});
    check_function(scaled, [](double x) { return static_cast<double>(1.01F) * x * sigmoid(x); });
    CHECK(scaled.read().graph.nodes().size() == 2);
    OnnxModel two;
    two.input("x", kOpenImages).node("Sin", {"x"}, {"z"}).output("y").output("s");
    two.node("Sigmoid", {"x"}, {"s"}).node("Mul", {"z", "s"}, {"y"});
    CHECK(two.read().graph.nodes().size() == 3);
    OnnxModel by_channel;
    by_channel.input("x", kOpenImages).constant("c", random_tensor({4, 1, 1}, 1)).output("y");
    by_channel.node("Mul", {"x", "c"}, {"m"}).node("Sigmoid", {"m"}, {"s"}).node("Mul", {"m", "s"}, {"y"});
    const Graph graph = by_channel.read().graph;
    REQUIRE(graph.nodes().size() == 2);
    CHECK(std::get<Activation>(graph.nodes()[1].op) == Activation{.kind = Kind::swish, .alpha = 1.0F});
}

TEST_CASE("Max, Min, Sum and Mean take any number of inputs, and a number makes a clip") {
    const Tensor channel = random_tensor({4, 1, 1}, 1);
    const auto model = [&](const std::string& type, const OnnxModel::Names& inputs) {
        OnnxModel result;
        result.input("x", kOpenImages).node("Sin", {"x"}, {"s"}).constant("c", channel).number("n", 0.25F).output("y");
        return result.node(type, inputs, {"y"});
    };
    const auto check = [&](const std::string& type, const OnnxModel::Names& inputs, auto function) {
        check_output(model(type, inputs), kImages, kImages, [&](const Tensor& x, const Integers& i) {
            return function(at(x, i), std::sin(at(x, i)), channel[i[1]]);
        });
    };
    check("Max", {"x", "s", "c"}, [](float x, float s, float c) { return std::max({x, s, c}); });
    check("Min", {"c", "s", "x"}, [](float x, float s, float c) { return std::min({x, s, c}); });
    check("Sum", {"x", "c", "s"}, [](float x, float s, float c) { return x + s + c; });
    check("Mean", {"x", "c", "s"}, [](float x, float s, float c) { return (x + s + c) / 3.0F; });
    for (const std::string type : {"Max", "Min", "Sum", "Mean"}) {
        check(type, {"s"}, [](float, float s, float) { return s; });
    }
    check("Max", {"x", "n"}, [](float x, float, float) { return std::max(x, 0.25F); });
    check("Min", {"n", "x"}, [](float x, float, float) { return std::min(x, 0.25F); });
    const Graph clip = model("Max", {"n", "x"}).read().graph;
    REQUIRE(clip.nodes().size() == 1);
    CHECK(std::get<Activation>(clip.nodes()[0].op).kind == Kind::clip);
    OnnxModel values(8);  // a constant of more dimensions than the value
    values.input("x", {0, 6}).constant("c", random_tensor({3, 1, 1}, 1)).node("Max", {"x", "c"}, {"y"}).output("y");
    const Tensor constants = random_tensor({3, 1, 1}, 1);
    check_output(values, {2, 6}, {3, 2, 6}, [&](const Tensor& x, const Integers& i) {
        return std::max(at(x, {i[1], i[2]}), constants[i[0]]);
    });
}

TEST_CASE("comparisons give 1 and 0, which are combined and choose") {
    const auto model = [](const std::string& type, const OnnxModel::Names& inputs) {
        OnnxModel result;
        result.input("x", kOpenImages).number("n", 0.25F).node("Abs", {"x"}, {"a"}).output("y");
        result.node(type, inputs, {"t"});
        return result;
    };
    const auto check = [&](const std::string& type, const OnnxModel::Names& inputs, auto function) {
        OnnxModel chosen = model(type, inputs);
        chosen.node("Where", {"t", "x", "n"}, {"y"});
        check_output(chosen, kImages, kImages, [&](const Tensor& x, const Integers& i) {
            return function(at(x, i), std::abs(at(x, i))) ? at(x, i) : 0.25F;
        });
        OnnxModel cast = model(type, inputs);
        cast.node("Not", {"t"}, {"f"}).node("Cast", {"f"}, {"y"}, {{"to", std::int64_t{onnx::TensorProto::FLOAT}}});
        check_output(cast, kImages, kImages, [&](const Tensor& x, const Integers& i) {
            return function(at(x, i), std::abs(at(x, i))) ? 0.0F : 1.0F;
        });
    };
    check("Equal", {"x", "a"}, [](float x, float a) { return x == a; });
    check("Less", {"x", "n"}, [](float x, float) { return x < 0.25F; });
    check("LessOrEqual", {"a", "x"}, [](float x, float a) { return a <= x; });
    check("Greater", {"n", "x"}, [](float x, float) { return x < 0.25F; });
    check("GreaterOrEqual", {"x", "a"}, [](float x, float a) { return x >= a; });
    OnnxModel both;
    both.input("x", kOpenImages).number("n", 0.25F).number("m", -0.25F).output("y");
    both.node("Less", {"x", "n"}, {"a"}).node("Greater", {"x", "m"}, {"b"}).node("And", {"a", "b"}, {"c"});
    both.node("Not", {"b"}, {"d"}).node("Or", {"c", "d"}, {"e"}).node("Where", {"e", "x", "n"}, {"y"});
    check_output(both, kImages, kImages, [](const Tensor& x, const Integers& i) { return std::min(at(x, i), 0.25F); });
    OnnxModel mask;  // a constant condition
    mask.input("x", kOpenImages).integers("c", {1, 0, 0, 1, 0, 1}).number("n", 0.25F).output("y");
    mask.node("Where", {"c", "x", "n"}, {"y"});
    check_output(mask, kImages, kImages, [](const Tensor& x, const Integers& i) {
        return i[3] == 0 || i[3] == 3 || i[3] == 5 ? at(x, i) : 0.25F;
    });
}

TEST_CASE("a constant exponent is none of the parameters, and a tensor of exponents is") {
    for (const float exponent : {2.0F, 3.0F, 0.5F, -1.0F, 1.7F}) {
        OnnxModel model;
        model.input("x", kOpenImages).number("e", exponent).node("Pow", {"x", "e"}, {"y"}).output("y");
        CHECK(model.read().graph.parameters().empty());
        check_function(
            model, [&](double x) { return std::pow(x, static_cast<double>(exponent)); }, 4.0F, true);
    }
    OnnxModel channels;
    channels.input("x", kOpenImages).constant("e", random_tensor({4, 1, 1}, 1)).output("y");
    channels.node("Abs", {"x"}, {"a"}).node("Pow", {"a", "e"}, {"y"});
    CHECK(channels.read().graph.parameters().size() == 1);
}

TEST_CASE("all reductions are as ONNX defines them, with axes as attribute or input, and none where none are given") {
    const auto reduced = [](const std::string& type, const std::vector<double>& values) {
        double sum = 0.0, magnitudes = 0.0, squares = 0.0, exponentials = 0.0, product = 1.0;
        for (const double value : values) {
            sum += value;
            magnitudes += std::abs(value);
            squares += value * value;
            exponentials += std::exp(value);
            product *= value;
        }
        if (type == "ReduceL1") return magnitudes;
        if (type == "ReduceL2") return std::sqrt(squares);
        if (type == "ReduceLogSum") return std::log(sum);
        if (type == "ReduceLogSumExp") return std::log(exponentials);
        if (type == "ReduceMax") return std::ranges::max(values);
        if (type == "ReduceMean") return sum / static_cast<double>(values.size());
        if (type == "ReduceMin") return std::ranges::min(values);
        if (type == "ReduceProd") return product;
        if (type == "ReduceSum") return sum;
        return squares;
    };
    const Tensor x = random_tensor(kImages, 17, 0.5F, 1.5F);
    for (const std::string type : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
                                   "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"}) {
        CAPTURE(type);
        const auto check = [&](const OnnxModel& model, const Integers& axes, bool keep) {
            std::vector<std::int64_t> extents;
            const auto is_reduced = [&](std::int64_t axis) {
                return std::ranges::any_of(axes, [&](std::int64_t each) { return (each + 4) % 4 == axis; });
            };
            for (int axis = 0; axis < 4; ++axis) {
                if (!is_reduced(axis)) extents.push_back(kImages[axis]);
                if (is_reduced(axis) && keep) extents.push_back(1);
            }
            const Tensor expected = tensor_of(Shape(extents), [&](const Integers& i) {
                std::vector<double> values;
                tensor_of(kImages, [&](const Integers& k) {
                    std::size_t position = 0;
                    bool matches = true;
                    for (int axis = 0; axis < 4; ++axis) {
                        if (!is_reduced(axis)) matches = matches && k[static_cast<std::size_t>(axis)] == i[position];
                        if (!is_reduced(axis) || keep) ++position;
                    }
                    if (matches) values.push_back(static_cast<double>(at(x, k)));
                    return 0.0F;
                });
                return static_cast<float>(reduced(type, values));
            });
            const Graph graph = model.read().graph;
            CHECK(relative_error(run_onnx(graph, x), expected) < 1e-5F);
            CHECK(relative_error(run_onnx(exported_and_read_again(graph), x), expected) < 1e-5F);
        };
        for (const Integers& axes : {Integers{1}, Integers{2, 3}, Integers{-1, 1}, Integers{0}, Integers{0, 1, 2, 3}}) {
            for (const bool keep : {false, true}) {
                const OnnxModel::Attributes keepdims{{"keepdims", std::int64_t{keep}}};
                OnnxModel by_attribute(type == "ReduceSum" ? 11 : 13);
                OnnxModel::Attributes attributes = keepdims;
                attributes.emplace_back("axes", axes);
                by_attribute.input("x", {2, 4, 5, 6}).node(type, {"x"}, {"y"}, attributes).output("y");
                check(by_attribute, axes, keep);
                OnnxModel by_input(18);
                by_input.input("x", {2, 4, 5, 6}).integers("axes", axes).output("y");
                check(by_input.node(type, {"x", "axes"}, {"y"}, keepdims), axes, keep);
            }
        }
        OnnxModel none(18);
        none.input("x", kOpenImages).output("y");
        check(none.node(type, {"x"}, {"y"}, {{"noop_with_empty_axes", std::int64_t{1}}}), {}, true);
    }
}

TEST_CASE("a sum of a sum divided by the number of terms is a mean that keeps ONNX's shape") {
    OnnxModel model;
    model.input("x", {0, 4, 5, 6}).integers("hw", {2, 3}).integers("c", {1}).number("n", 120.0F).output("y");
    model.node("ReduceSum", {"x", "hw"}, {"s"}, {{"keepdims", std::int64_t{1}}});
    model.node("ReduceSum", {"s", "c"}, {"t"}, {{"keepdims", std::int64_t{0}}}).node("Div", {"t", "n"}, {"y"});
    check_output(model, kImages, {2, 1, 1}, [](const Tensor& x, const Integers& i) {
        float sum = 0.0F;
        for (std::int64_t k = 0; k < 120; ++k) sum += x[i[0] * 120 + k];
        return sum / 120.0F;
    });
}

TEST_CASE("functions and reductions of constants are computed at import") {
    OnnxModel model;  // weights divided by their length, as weight normalization without folding leaves them
    const Tensor weight = random_tensor({3, 4, 1, 1}, 1);
    model.input("x", kOpenImages).constant("w", weight).output("y");
    model.node("ReduceL2", {"w"}, {"l"}, {{"axes", Integers{1, 2, 3}}, {"keepdims", std::int64_t{1}}});
    model.node("Div", {"w", "l"}, {"n"}).node("Abs", {"n"}, {"a"}).node("Sqrt", {"a"}, {"r"});
    model.node("Conv", {"x", "r"}, {"y"});
    CHECK(model.read().graph.nodes().size() == 1);
    check_output(model, kImages, {2, 3, 5, 6}, [&](const Tensor& x, const Integers& i) {
        double length = 0.0;
        for (std::int64_t c = 0; c < 4; ++c) length += std::pow(static_cast<double>(weight[i[1] * 4 + c]), 2.0);
        double sum = 0.0;
        for (std::int64_t c = 0; c < 4; ++c) {
            const double normal = std::abs(static_cast<double>(weight[i[1] * 4 + c])) / std::sqrt(length);
            sum += std::sqrt(normal) * static_cast<double>(at(x, {i[0], c, i[2], i[3]}));
        }
        return static_cast<float>(sum);
    });
}

TEST_CASE("LogSoftmax is the logarithm of Softmax on any axis, before opset 13 over all axes from the given one on") {
    for (int axis = 0; axis < 4; ++axis) {
        const auto check = [&](const OnnxModel& model,
                               const std::function<bool(const Integers&, const Integers&)>& is_with) {
            check_output(model, kImages, kImages, [&](const Tensor& x, const Integers& i) {
                double sum = 0.0;
                tensor_of(kImages, [&](const Integers& k) {
                    if (is_with(i, k)) sum += std::exp(static_cast<double>(at(x, k)));
                    return 0.0F;
                });
                return static_cast<float>(static_cast<double>(at(x, i)) - std::log(sum));
            });
        };
        OnnxModel one_axis;
        one_axis.input("x", {2, 4, 5, 6}).output("y");
        check(one_axis.node("LogSoftmax", {"x"}, {"y"}, {{"axis", std::int64_t{axis}}}),
              [&](Integers i, const Integers& k) {
                  i[static_cast<std::size_t>(axis)] = k[static_cast<std::size_t>(axis)];
                  return i == k;
              });
        if (axis == 0) continue;
        OnnxModel together(11);
        together.input("x", {2, 4, 5, 6}).output("y");
        check(together.node("LogSoftmax", {"x"}, {"y"}, {{"axis", std::int64_t{axis}}}),
              [&](const Integers& i, const Integers& k) { return std::equal(i.begin(), i.begin() + axis, k.begin()); });
    }
}

TEST_CASE("functions of values with channels last need no transposes of their own") {
    OnnxModel model;
    model.input("x", kOpenImages).constant("w", random_tensor({4, 4}, 1)).constant("b", random_tensor({4}, 2));
    model.node("Transpose", {"x"}, {"t"}, {{"perm", Integers{0, 2, 3, 1}}}).node("MatMul", {"t", "w"}, {"m"});
    model.node("Add", {"m", "b"}, {"a"}).node("Relu", {"a"}, {"r"}).node("MatMul", {"r", "w"}, {"n"});
    model.node("Mul", {"n", "b"}, {"s"}).node("Transpose", {"s"}, {"u"}, {{"perm", Integers{0, 3, 1, 2}}});
    model.node("Add", {"u", "x"}, {"y"}).output("y");
    const Graph graph = model.read().graph;
    CHECK(std::ranges::none_of(graph.nodes(),
                               [](const Node& node) { return std::holds_alternative<Transpose>(node.op); }));
    const Tensor weight = random_tensor({4, 4}, 1);
    const Tensor bias = random_tensor({4}, 2);
    check_output(model, kImages, kImages, [&](const Tensor& x, const Integers& i) {
        float result = 0.0F;
        for (std::int64_t k = 0; k < 4; ++k) {
            float hidden = bias[k];
            for (std::int64_t c = 0; c < 4; ++c) hidden += at(x, {i[0], c, i[2], i[3]}) * weight[c * 4 + k];
            result += std::max(hidden, 0.0F) * weight[k * 4 + i[1]];
        }
        return result * bias[i[1]] + at(x, i);
    });
}
