#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

using Kind = Arithmetic::Kind;

constexpr Kind kSmooth[] = {Kind::add, Kind::subtract, Kind::multiply, Kind::divide, Kind::power};
constexpr Kind kAll[] = {Kind::add,     Kind::subtract, Kind::multiply, Kind::divide, Kind::power,
                         Kind::maximum, Kind::minimum,  Kind::equal,    Kind::less,   Kind::less_or_equal};

double value(Kind kind, double a, double b) {
    switch (kind) {
    case Kind::add:
        return a + b;
    case Kind::subtract:
        return a - b;
    case Kind::multiply:
        return a * b;
    case Kind::divide:
        return a / b;
    case Kind::power:
        return std::pow(a, b);
    case Kind::maximum:
        return std::max(a, b);
    case Kind::minimum:
        return std::min(a, b);
    case Kind::equal:
        return a == b;
    case Kind::less:
        return a < b;
    case Kind::less_or_equal:
        return a <= b;
    }
    return 0.0;
}

/// The element of a tensor that broadcasting shows at a position of a shape, found digit by digit.
float shown(const Tensor& x, const Shape& shape, std::int64_t position) {
    std::int64_t index = 0;
    std::int64_t stride = 1;
    for (int axis = shape.rank() - 1, own = x.shape().rank() - 1; own >= 0; --axis, --own) {
        if (x.shape()[own] != 1) index += position % shape[axis] * stride;
        stride *= x.shape()[own];
        position /= shape[axis];
    }
    return x[index];
}

struct Pair {
    Shape a;
    Shape b;
    Shape result;
};

const std::vector<Pair> kPairs = {
    {Shape{}, Shape{}, Shape{}},
    {Shape{1}, Shape{}, Shape{1}},
    {Shape{7}, Shape{7}, Shape{7}},
    {Shape{2, 3, 4, 5}, Shape{2, 3, 4, 5}, Shape{2, 3, 4, 5}},
    {Shape{2, 3, 4, 5}, Shape{}, Shape{2, 3, 4, 5}},
    {Shape{2, 3, 4, 5}, Shape{5}, Shape{2, 3, 4, 5}},
    {Shape{2, 3, 4, 5}, Shape{1, 1, 1, 5}, Shape{2, 3, 4, 5}},
    {Shape{2, 3, 4, 5}, Shape{2, 1, 1, 5}, Shape{2, 3, 4, 5}},
    {Shape{2, 3, 4, 5}, Shape{2, 3, 4, 1}, Shape{2, 3, 4, 5}},
    {Shape{2, 3, 4, 5}, Shape{4, 1}, Shape{2, 3, 4, 5}},
    {Shape{1, 3, 1}, Shape{2, 1, 5}, Shape{2, 3, 5}},
    {Shape{3, 1, 2, 1, 3, 1}, Shape{1, 2, 1, 3, 1, 2}, Shape{3, 2, 2, 3, 3, 2}},
};

}  // namespace

TEST_CASE("arithmetic broadcasts as numpy does") {
    for (const Pair& pair : kPairs) {
        for (const bool swapped : {false, true}) {
            const Tensor a = random_tensor(swapped ? pair.b : pair.a, 1, 0.5F, 2.0F);
            const Tensor b = random_tensor(swapped ? pair.a : pair.b, 2, 0.5F, 2.0F);
            for (const Kind kind : kAll) {
                const Tensor y = output_of(Arithmetic{kind}, {a, b});
                REQUIRE(y.shape() == pair.result);
                for (std::int64_t i = 0; i < y.elements(); ++i) {
                    const auto left = static_cast<double>(shown(a, y.shape(), i));
                    const auto right = static_cast<double>(shown(b, y.shape(), i));
                    REQUIRE(static_cast<double>(y[i]) == doctest::Approx(value(kind, left, right)).epsilon(1e-6));
                }
            }
        }
    }
}

TEST_CASE("the gradients of arithmetic are those of its values, summed where an input repeats") {
    for (const Pair& pair : kPairs) {
        for (const Kind kind : kSmooth) {
            const Tensor a = random_tensor(pair.a, 3, 0.5F, 1.5F);
            const Tensor b = random_tensor(pair.b, 4, 0.5F, 1.5F);
            check_gradients({Arithmetic{kind}, {a, b}});
            check_gradients({Arithmetic{kind}, {b, a}});
        }
        for (const Kind kind : {Kind::maximum, Kind::minimum, Kind::equal, Kind::less, Kind::less_or_equal}) {
            Tensor b = spaced_tensor(pair.b, 4, 0.2F);  // never near an a
            for (float& value : b.values()) value += 0.1F;
            check_gradients({Arithmetic{kind}, {spaced_tensor(pair.a, 3, 0.2F), b}});
            check_gradients({Arithmetic{kind}, {b, spaced_tensor(pair.a, 3, 0.2F)}});
        }
    }
}

TEST_CASE("comparisons and extrema of equal numbers, and of what is not a number") {
    const float nan = std::nanf("");
    const Tensor a(Shape{5}, std::vector<float>{1, 2, 3, nan, 3});
    const Tensor b(Shape{5}, std::vector<float>{2, 2, 2, 3, nan});
    const auto values = [&](Kind kind) { return output_of(Arithmetic{kind}, {a, b}); };
    CHECK(same_bits(values(Kind::equal), Tensor(Shape{5}, std::vector<float>{0, 1, 0, 0, 0})));
    CHECK(same_bits(values(Kind::less), Tensor(Shape{5}, std::vector<float>{1, 0, 0, 0, 0})));
    CHECK(same_bits(values(Kind::less_or_equal), Tensor(Shape{5}, std::vector<float>{1, 1, 0, 0, 0})));
    for (const Kind kind : {Kind::maximum, Kind::minimum}) {
        for (const std::int64_t i : {3, 4}) CHECK(std::isnan(values(kind)[i]));
        OperatorRun run{Arithmetic{kind}, {Tensor(Shape{1}, std::array{2.0F}), Tensor(Shape{1}, std::array{2.0F})}};
        for (const Tensor& gradient : run.forward().gradients({Tensor(Shape{1}, std::array{3.0F})})) {
            CHECK(gradient[0] == 1.5F);
        }
    }
}

TEST_CASE("gradients are summed accurately where one number meets many") {
    const std::int64_t count = 300'000;
    Tensor upstream(Shape{count});
    std::ranges::fill(upstream.values(), 0.1F);
    OperatorRun run{Arithmetic{Kind::add}, {random_tensor(Shape{count}, 5), Tensor(Shape{1})}};
    const Tensor db = run.forward().gradients({upstream})[1];
    CHECK(static_cast<double>(db[0]) == doctest::Approx(static_cast<double>(0.1F) * count).epsilon(1e-7));
}

TEST_CASE("powers have finite gradients at base 0 and none for the exponent of a base that is not positive") {
    const Tensor a(Shape{5}, std::vector<float>{0.0F, 0.0F, 0.0F, -2.0F, 2.0F});
    const Tensor b(Shape{5}, std::vector<float>{0.5F, 0.0F, 2.0F, 3.0F, 3.0F});
    OperatorRun run{Arithmetic{Kind::power}, {a, b}};
    run.forward();
    CHECK(same_bits(run.outputs[0], Tensor(Shape{5}, std::vector<float>{0, 1, 0, -8, 8})));
    const auto gradients = run.gradients({Tensor(Shape{5}, std::vector<float>{0, 1, 1, 1, 1})});
    CHECK(same_bits(gradients[0], Tensor(Shape{5}, std::vector<float>{0, 0, 0, 12, 12})));
    for (std::int64_t i = 0; i < 4; ++i) CHECK(gradients[1][i] == 0.0F);
    CHECK(static_cast<double>(gradients[1][4]) == doctest::Approx(8.0 * std::log(2.0)));
}

TEST_CASE("one tensor in both places gets both gradients") {
    const Tensor x = random_tensor(Shape{3, 4}, 6);
    OperatorRun run{Arithmetic{Kind::multiply}, {x, x}};
    run.forward();
    Tensor dx(x.shape());
    const Tensor dy = random_tensor(x.shape(), 7);
    const std::vector<ConstView> inputs = {x, x};
    const std::vector<ConstView> outputs = {run.outputs[0]};
    const std::vector<ConstView> upstream = {dy};
    const std::vector<View> gradients = {dx, dx};
    backward(run.op, {.inputs = inputs,
                      .outputs = outputs,
                      .saved = {},
                      .output_gradients = upstream,
                      .input_gradients = gradients});
    for (std::int64_t i = 0; i < x.elements(); ++i) {
        CHECK(static_cast<double>(dx[i]) == doctest::Approx(static_cast<double>(2.0F * x[i] * dy[i])).epsilon(1e-6));
    }
}

TEST_CASE("arithmetic does not depend on the number of threads") {
    const Shape image{5, 37, 41, 24};
    for (const Shape& other :
         {image, Shape{24}, Shape{5, 1, 1, 24}, Shape{5, 37, 41, 1}, Shape{}, Shape{1, 37, 41, 24}, Shape{37, 1, 1}}) {
        for (const Kind kind : kAll) {
            check_thread_independence(
                {Arithmetic{kind}, {random_tensor(image, 8, 0.5F, 2.0F), random_tensor(other, 9, 0.5F, 2.0F)}});
        }
    }
}

TEST_CASE("arithmetic on a batch of no images gives none, and no gradients") {
    for (const Kind kind : kAll) {
        check_gradients({Arithmetic{kind}, {Tensor(Shape{0, 3, 3, 2}), random_tensor(Shape{2}, 10, 1.0F, 2.0F)}});
        CHECK(output_of(Arithmetic{kind}, {Tensor(Shape{0, 2}), Tensor(Shape{1, 2})}).shape() == Shape{0, 2});
    }
}

TEST_CASE("arithmetic refuses shapes that do not broadcast") {
    const auto refusal = [](std::vector<Shape> shapes) {
        return error_of([&] { infer_shapes(Arithmetic{}, shapes); });
    };
    CHECK(refusal({Shape{2, 3}, Shape{2}}) == "Arithmetic cannot combine the shapes (2, 3) and (2).");
    CHECK(refusal({Shape{0, 3}, Shape{2, 3}}) == "Arithmetic cannot combine the shapes (0, 3) and (2, 3).");
    CHECK(refusal({Shape{2}}) == "Arithmetic takes 2 inputs, not 1.");
    CHECK(refusal({Shape{1 << 20, 1}, Shape{1, 1 << 21}}) == "A tensor of shape (1048576, 2097152) is too large.");
}
