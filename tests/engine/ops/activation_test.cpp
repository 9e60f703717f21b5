#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

using Kind = Activation::Kind;

/// A function, what it is by its definition, and where its gradient is checked: from some point on.
struct Definition {
    Activation activation;
    double (*value)(double);
    float from = -4.0F;
};

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double softplus(double x) { return x > 30.0 ? x : std::log1p(std::exp(x)); }
double gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }

const std::vector<Definition> kDefinitions = {
    {{.kind = Kind::relu}, [](double x) { return std::max(x, 0.0); }},
    {{.kind = Kind::leaky_relu, .alpha = 0.25F}, [](double x) { return x < 0.0 ? 0.25 * x : x; }},
    {{.kind = Kind::leaky_relu, .alpha = -0.5F}, [](double x) { return x < 0.0 ? -0.5 * x : x; }},
    {{.kind = Kind::clip, .alpha = -0.5F, .beta = 0.703125F}, [](double x) { return std::clamp(x, -0.5, 0.703125); }},
    {{.kind = Kind::linear, .alpha = -1.5F, .beta = 0.25F}, [](double x) { return 0.25 - 1.5 * x; }},
    {{.kind = Kind::power, .alpha = 2.0F}, [](double x) { return x * x; }},
    {{.kind = Kind::power, .alpha = 3.0F}, [](double x) { return x * x * x; }},
    {{.kind = Kind::power, .alpha = 0.5F}, [](double x) { return std::sqrt(x); }, 0.5F},
    {{.kind = Kind::power, .alpha = -1.5F}, [](double x) { return std::pow(x, -1.5); }, 0.5F},
    {{.kind = Kind::elu, .alpha = 0.5F}, [](double x) { return x < 0.0 ? 0.5 * std::expm1(x) : x; }},
    {{.kind = Kind::selu, .alpha = 1.5F, .beta = 1.25F},
     [](double x) { return 1.25 * (x < 0.0 ? 1.5 * std::expm1(x) : x); }},
    {{.kind = Kind::celu, .alpha = 2.0F}, [](double x) { return x < 0.0 ? 2.0 * std::expm1(x / 2.0) : x; }},
    {{.kind = Kind::thresholded_relu, .alpha = 0.5F}, [](double x) { return x > 0.5 ? x : 0.0; }},
    {{.kind = Kind::sigmoid}, sigmoid},
    {{.kind = Kind::tanh}, [](double x) { return std::tanh(x); }},
    {{.kind = Kind::hard_sigmoid, .alpha = 0.25F, .beta = 0.5F},
     [](double x) { return std::clamp(0.25 * x + 0.5, 0.0, 1.0); }},
    {{.kind = Kind::hard_swish}, [](double x) { return x * std::clamp((x + 3.0) / 6.0, 0.0, 1.0); }},
    {{.kind = Kind::swish, .alpha = 1.0F}, [](double x) { return x * sigmoid(x); }},
    {{.kind = Kind::swish, .alpha = 1.5F}, [](double x) { return x * sigmoid(1.5 * x); }},
    {{.kind = Kind::mish}, [](double x) { return x * std::tanh(softplus(x)); }},
    {{.kind = Kind::gelu}, gelu},
    {{.kind = Kind::gelu_tanh},
     [](double x) { return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x))); }},
    {{.kind = Kind::softplus}, softplus},
    {{.kind = Kind::softsign}, [](double x) { return x / (1.0 + std::abs(x)); }},
    {{.kind = Kind::erf}, [](double x) { return std::erf(x); }},
    {{.kind = Kind::exp}, [](double x) { return std::exp(x); }},
    {{.kind = Kind::log}, [](double x) { return std::log(x); }, 0.5F},
    {{.kind = Kind::sqrt}, [](double x) { return std::sqrt(x); }, 0.5F},
    {{.kind = Kind::reciprocal}, [](double x) { return 1.0 / x; }, 0.5F},
    {{.kind = Kind::abs}, [](double x) { return std::abs(x); }},
    {{.kind = Kind::sign}, [](double x) { return x > 0.0   ? 1.0
                                                 : x < 0.0 ? -1.0
                                                           : 0.0; }},
    {{.kind = Kind::floor}, [](double x) { return std::floor(x); }},
    {{.kind = Kind::ceil}, [](double x) { return std::ceil(x); }},
    {{.kind = Kind::round}, [](double x) { return std::nearbyint(x); }},
    {{.kind = Kind::sin}, [](double x) { return std::sin(x); }},
    {{.kind = Kind::cos}, [](double x) { return std::cos(x); }},
};

/// Values no two of which are alike, none near 0, in the domain of the function.
Tensor arguments_of(const Definition& definition, const Shape& shape) {
    Tensor x = spaced_tensor(shape, 1);
    if (definition.from < 0.0F) return x;
    for (float& value : x.values()) value = definition.from + std::abs(value);
    return x;
}

Tensor upstream_of(const Tensor& x) {
    Tensor dy(x.shape());
    std::ranges::fill(dy.values(), 1.0F);
    return dy;
}

}  // namespace

TEST_CASE("activations have the values of their definitions") {
    std::vector<bool> seen(Activation::kKinds.size());
    for (const Definition& definition : kDefinitions) {
        const auto kind = static_cast<std::size_t>(definition.activation.kind);
        CAPTURE(Activation::kKinds[kind]);
        seen[kind] = true;
        Tensor x(Shape{12001});
        for (std::int64_t i = 0; i < x.elements(); ++i) x[i] = static_cast<float>(i - 6000) / 800.0F;
        if (definition.from > 0.0F) {
            for (float& value : x.values()) value += 8.0F;
        }
        const Tensor y = output_of(definition.activation, {x});
        double worst = 0.0;
        for (std::int64_t i = 0; i < x.elements(); ++i) {
            const double exact = definition.value(static_cast<double>(x[i]));
            // Where two parts of a function all but cancel each other, roundings of the parts are left.
            worst = std::max(worst, std::abs(static_cast<double>(y[i]) - exact) / (0.01 + std::abs(exact)));
        }
        CHECK(worst < 1e-6);
    }
    CHECK(std::ranges::count(seen, false) == 0);
}

TEST_CASE("rounding takes halves to the even neighbour, and the root of a negative number is none") {
    const Tensor x(Shape{6}, std::vector<float>{-2.5F, -1.5F, -0.5F, 0.5F, 1.5F, 2.5F});
    CHECK(same_bits(output_of(Activation{.kind = Kind::round}, {x}),
                    Tensor(Shape{6}, std::vector<float>{-2, -2, -0.0F, 0, 2, 2})));
    const Tensor root = output_of(Activation{.kind = Kind::sqrt}, {x});
    for (std::int64_t i = 0; i < 3; ++i) CHECK(std::isnan(root[i]));
}

TEST_CASE("functions that have limits reach them") {
    const Tensor x(Shape{2}, std::vector<float>{-1e30F, 1e30F});
    const auto values = [&](const Activation& activation) { return output_of(activation, {x}); };
    for (const Kind kind : {Kind::hard_swish, Kind::mish, Kind::gelu, Kind::gelu_tanh, Kind::softplus}) {
        CAPTURE(Activation::kKinds[static_cast<std::size_t>(kind)]);
        const Tensor y = values({.kind = kind, .alpha = 1.0F});
        CHECK(y[0] == 0.0F);
        CHECK(y[1] == 1e30F);
    }
    CHECK(values({.kind = Kind::swish, .alpha = 1.0F})[0] == 0.0F);
    CHECK(values({.kind = Kind::elu, .alpha = 2.0F})[0] == -2.0F);
    CHECK(values({.kind = Kind::erf})[0] == -1.0F);
    CHECK(values({.kind = Kind::erf})[1] == 1.0F);
    CHECK(values({.kind = Kind::exp})[0] == 0.0F);
    CHECK(std::isinf(values({.kind = Kind::exp})[1]));
}

TEST_CASE("a clip whose bounds are swapped gives the upper one, as in ONNX") {
    const Tensor x(Shape{3}, std::vector<float>{-3.0F, 0.0F, 3.0F});
    const Tensor y = output_of(Activation{.kind = Kind::clip, .alpha = 2.0F, .beta = 1.0F}, {x});
    for (const float value : y.values()) CHECK(value == 1.0F);
}

TEST_CASE("sigmoid and tanh of huge numbers are their limits, with gradient 0") {
    const Tensor x(Shape{2}, std::vector<float>{-1e30F, 1e30F});
    for (const Kind kind : {Kind::sigmoid, Kind::tanh}) {
        OperatorRun run{Activation{.kind = kind}, {x}};
        run.forward();
        CHECK(run.outputs[0][0] == (kind == Kind::tanh ? -1.0F : 0.0F));
        CHECK(run.outputs[0][1] == 1.0F);
        const Tensor dx = run.gradients({upstream_of(x)})[0];
        CHECK(dx[0] == 0.0F);
        CHECK(dx[1] == 0.0F);
    }
}

TEST_CASE("the gradient of relu at 0 is 0, that of a clip at its bounds passes") {
    const Tensor x(Shape{5}, std::vector<float>{-1.0F, -0.5F, 0.0F, 0.75F, 1.0F});
    const auto gradient = [&](const Activation& activation) {
        return OperatorRun{activation, {x}}.forward().gradients({upstream_of(x)})[0];
    };
    CHECK(same_bits(gradient({.kind = Kind::relu}), Tensor(Shape{5}, std::vector<float>{0, 0, 0, 1, 1})));
    CHECK(same_bits(gradient({.kind = Kind::clip, .alpha = -0.5F, .beta = 0.75F}),
                    Tensor(Shape{5}, std::vector<float>{0, 1, 1, 1, 0})));
}

TEST_CASE("activations pass not-a-number on") {
    const Tensor x(Shape{1}, std::vector<float>{std::numeric_limits<float>::quiet_NaN()});
    for (const Definition& definition : kDefinitions) CHECK(std::isnan(output_of(definition.activation, {x})[0]));
}

TEST_CASE("the gradients of activations are those of their values") {
    for (const Definition& definition : kDefinitions) {
        CAPTURE(Activation::kKinds[static_cast<std::size_t>(definition.activation.kind)]);
        for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{2, 3, 5, 3}, Shape{1, 2, 1, 3, 1, 2}}) {
            check_gradients({definition.activation, {arguments_of(definition, shape)}});
        }
    }
}

TEST_CASE("activations do not depend on the number of threads") {
    for (const Definition& definition : kDefinitions) {
        check_thread_independence({definition.activation, {random_tensor(Shape{3, 101, 251}, 1, 0.5F, 4.0F)}});
    }
}

TEST_CASE("an activation of nothing is nothing") {
    for (const Definition& definition : kDefinitions) {
        const Activation& activation = definition.activation;
        CHECK(output_of(activation, {Tensor(Shape{0, 4, 4, 3})}).shape() == Shape{0, 4, 4, 3});
        check_gradients({activation, {Tensor(Shape{0, 4, 4, 3})}});
    }
}

TEST_CASE("an activation refuses any other number of inputs than one") {
    const std::vector<Shape> two = {Shape{1}, Shape{1}};
    CHECK(error_of([&] { infer_shapes(Activation{}, two); }) == "Activation takes 1 input, not 2.");
    const std::vector<Shape> one = {Shape{1}};
    CHECK(error_of([&] { infer_shapes(Activation{.kind = Kind::celu}, one); }) == "A celu has the alpha 0.");
}
