#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

using Kind = Activation::Kind;

const std::vector<Activation> kAll = {
    {.kind = Kind::relu},
    {.kind = Kind::leaky_relu, .slope = 0.2F},
    {.kind = Kind::leaky_relu, .slope = -0.5F},
    {.kind = Kind::clip, .low = -0.5F, .high = 0.7F},
    {.kind = Kind::sigmoid},
    {.kind = Kind::tanh},
};

Tensor upstream_of(const Tensor& x) {
    Tensor dy(x.shape());
    std::ranges::fill(dy.values(), 1.0F);
    return dy;
}

}  // namespace

TEST_CASE("activations have the values of their definitions") {
    const Tensor x(Shape{5}, std::vector<float>{-2.0F, -0.25F, 0.0F, 0.5F, 8.0F});
    const auto values = [&](const Activation& activation) { return output_of(activation, {x}); };
    CHECK(same_bits(values({.kind = Kind::relu}), Tensor(Shape{5}, std::vector<float>{0, 0, 0, 0.5F, 8})));
    CHECK(same_bits(values({.kind = Kind::leaky_relu, .slope = 0.5F}),
                    Tensor(Shape{5}, std::vector<float>{-1, -0.125F, 0, 0.5F, 8})));
    CHECK(same_bits(values({.kind = Kind::clip, .low = 0.0F, .high = 6.0F}),
                    Tensor(Shape{5}, std::vector<float>{0, 0, 0, 0.5F, 6})));
    const Tensor sigmoid = values({.kind = Kind::sigmoid});
    const Tensor tangent = values({.kind = Kind::tanh});
    for (std::int64_t i = 0; i < 5; ++i) {
        const auto exact = static_cast<double>(x[i]);
        CHECK(static_cast<double>(sigmoid[i]) == doctest::Approx(1.0 / (1.0 + std::exp(-exact))).epsilon(1e-6));
        CHECK(static_cast<double>(tangent[i]) == doctest::Approx(std::tanh(exact)).epsilon(1e-6));
    }
}

TEST_CASE("a clip whose bounds are swapped gives the upper one, as in ONNX") {
    const Tensor x(Shape{3}, std::vector<float>{-3.0F, 0.0F, 3.0F});
    const Tensor y = output_of(Activation{.kind = Kind::clip, .low = 2.0F, .high = 1.0F}, {x});
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
    CHECK(same_bits(gradient({.kind = Kind::clip, .low = -0.5F, .high = 0.75F}),
                    Tensor(Shape{5}, std::vector<float>{0, 1, 1, 1, 0})));
}

TEST_CASE("activations pass not-a-number on") {
    const Tensor x(Shape{1}, std::vector<float>{std::numeric_limits<float>::quiet_NaN()});
    for (const Activation& activation : kAll) CHECK(std::isnan(output_of(activation, {x})[0]));
}

TEST_CASE("the gradients of activations are those of their values") {
    for (const Activation& activation : kAll) {
        for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{2, 3, 5, 3}, Shape{1, 2, 1, 3, 1, 2}}) {
            check_gradients({activation, {spaced_tensor(shape, 1)}});
        }
    }
}

TEST_CASE("activations do not depend on the number of threads") {
    for (const Activation& activation : kAll) {
        check_thread_independence({activation, {random_tensor(Shape{3, 101, 251}, 1)}});
    }
}

TEST_CASE("an activation of nothing is nothing") {
    for (const Activation& activation : kAll) {
        CHECK(output_of(activation, {Tensor(Shape{0, 4, 4, 3})}).shape() == Shape{0, 4, 4, 3});
        check_gradients({activation, {Tensor(Shape{0, 4, 4, 3})}});
    }
}

TEST_CASE("an activation refuses any other number of inputs than one") {
    const std::vector<Shape> two = {Shape{1}, Shape{1}};
    CHECK(error_of([&] { infer_shapes(Activation{}, two); }) == "Activation takes 1 input, not 2.");
}
