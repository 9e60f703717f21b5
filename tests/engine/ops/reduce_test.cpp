#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

/// Combines the elements of a tensor along some axes in double, one by one: with what comes of those before it.
template <typename Combine>
std::vector<double> combined(const Tensor& x, const std::vector<int>& axes, double of_nothing, Combine combine) {
    const Shape& shape = x.shape();
    std::int64_t kept = 1;
    std::array<std::int64_t, Shape::kMaxRank> strides{};
    for (int axis = shape.rank(); axis-- > 0;) {
        if (std::ranges::find(axes, axis) != axes.end()) continue;
        strides[static_cast<std::size_t>(axis)] = kept;
        kept *= shape[axis];
    }
    std::vector<double> result(static_cast<std::size_t>(kept), of_nothing);
    for (std::int64_t i = 0; i < x.elements(); ++i) {
        std::int64_t rest = i;
        std::int64_t target = 0;
        for (int axis = shape.rank(); axis-- > 0;) {
            target += rest % shape[axis] * strides[static_cast<std::size_t>(axis)];
            rest /= shape[axis];
        }
        double& value = result[static_cast<std::size_t>(target)];
        value = combine(value, static_cast<double>(x[i]));
    }
    return result;
}

std::vector<double> sums(const Tensor& x, const std::vector<int>& axes) {
    return combined(x, axes, 0.0, std::plus<>());
}

using Kind = Reduce::Kind;
constexpr Kind kAll[] = {Kind::sum, Kind::mean, Kind::maximum,    Kind::minimum, Kind::product,
                         Kind::l1,  Kind::l2,   Kind::sum_square, Kind::log_sum, Kind::log_sum_exp};

std::vector<double> expected(Kind kind, const Tensor& x, const std::vector<int>& axes) {
    const auto all = [&](double of_nothing, auto combine) { return combined(x, axes, of_nothing, combine); };
    const auto transformed = [](std::vector<double> values, auto function) {
        std::ranges::transform(values, values.begin(), function);
        return values;
    };
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const auto add_square = [](double sum, double value) { return sum + value * value; };
    switch (kind) {
    case Kind::sum:
        return sums(x, axes);
    case Kind::mean: {
        const std::vector<double> totals = sums(x, axes);
        return transformed(totals, [&](double sum) {
            return sum * static_cast<double>(totals.size()) / static_cast<double>(x.elements());
        });
    }
    case Kind::maximum:
        return all(-kInfinity, [](double a, double b) { return std::max(a, b); });
    case Kind::minimum:
        return all(kInfinity, [](double a, double b) { return std::min(a, b); });
    case Kind::product:
        return all(1.0, std::multiplies<>());
    case Kind::l1:
        return all(0.0, [](double sum, double value) { return sum + std::abs(value); });
    case Kind::l2:
        return transformed(all(0.0, add_square), [](double sum) { return std::sqrt(sum); });
    case Kind::sum_square:
        return all(0.0, add_square);
    case Kind::log_sum:
        return transformed(sums(x, axes), [](double sum) { return std::log(sum); });
    case Kind::log_sum_exp:
        return transformed(all(0.0, [](double sum, double value) { return sum + std::exp(value); }),
                           [](double sum) { return std::log(sum); });
    }
    return {};
}

const std::vector<std::vector<int>> kAxes = {{},     {0},    {1},    {2},       {3},       {0, 1},      {1, 2},
                                             {2, 3}, {0, 2}, {1, 3}, {0, 1, 2}, {0, 2, 3}, {0, 1, 2, 3}};

}  // namespace

TEST_CASE("sums and means have the values done by hand") {
    const Tensor x(Shape{2, 3}, std::vector<float>{1, 2, 3, 4, 5, 9});
    const auto reduce = [&](Reduce::Kind kind, std::vector<int> axes, bool keep) {
        return output_of(Reduce{kind, std::move(axes), keep}, {x});
    };
    CHECK(same_bits(reduce(Reduce::Kind::sum, {0}, true), Tensor(Shape{1, 3}, std::vector<float>{5, 7, 12})));
    CHECK(same_bits(reduce(Reduce::Kind::mean, {1}, false), Tensor(Shape{2}, std::vector<float>{2, 6})));
    CHECK(same_bits(reduce(Reduce::Kind::mean, {0, 1}, false), Tensor(Shape{}, std::vector<float>{4})));
    CHECK(same_bits(reduce(Reduce::Kind::sum, {}, true), x));
}

TEST_CASE("a sum over any axes is that of the elements") {
    for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{9, 8, 7, 64}, Shape{130, 5, 3, 33}, Shape{3, 1, 1, 20011}}) {
        const Tensor x = random_tensor(shape, 1, 0.0F, 1.0F);
        for (const std::vector<int>& axes : kAxes) {
            const Tensor y = output_of(Reduce{Reduce::Kind::sum, axes}, {x});
            const std::vector<double> expected = sums(x, axes);
            REQUIRE(y.elements() == static_cast<std::int64_t>(expected.size()));
            double worst = 0.0;
            for (std::int64_t i = 0; i < y.elements(); ++i) {
                const double exact = expected[static_cast<std::size_t>(i)];
                worst = std::max(worst, std::abs(static_cast<double>(y[i]) - exact) / std::max(exact, 1.0));
            }
            CHECK(worst < 1e-6);
        }
    }
}

TEST_CASE("all reductions over any axes are those of the elements") {
    for (const Kind kind : kAll) {
        CAPTURE(Reduce::kKinds[static_cast<std::size_t>(kind)]);
        for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{1, 37, 41, 19}}) {
            const bool is_large = shape.elements() > 1000;
            const bool is_product = kind == Kind::product;
            const Tensor x = is_product && is_large  ? random_tensor(shape, 1, 0.99F, 1.01F)
                             : kind == Kind::log_sum ? random_tensor(shape, 1, 0.5F, 2.0F)
                                                     : random_tensor(shape, 1, -2.0F, 2.0F);
            for (const std::vector<int>& axes : kAxes) {
                const Tensor y = output_of(Reduce{kind, axes}, {x});
                const std::vector<double> values = expected(kind, x, axes);
                REQUIRE(y.elements() == static_cast<std::int64_t>(values.size()));
                double worst = 0.0;
                for (std::int64_t i = 0; i < y.elements(); ++i) {
                    const double exact = values[static_cast<std::size_t>(i)];
                    worst =
                        std::max(worst, std::abs(static_cast<double>(y[i]) - exact) / std::max(std::abs(exact), 1.0));
                }
                CHECK(worst < 1e-6);
            }
        }
    }
}

TEST_CASE("reductions of huge and of infinite numbers") {
    const float infinity = std::numeric_limits<float>::infinity();
    const Tensor x(Shape{3, 2}, std::vector<float>{1000, 1000, -1000, -1000, -infinity, -infinity});
    const Tensor y = output_of(Reduce{Kind::log_sum_exp, {1}, false}, {x});
    CHECK(y[0] == doctest::Approx(1000.0 + std::log(2.0)));
    CHECK(y[1] == doctest::Approx(-1000.0 + std::log(2.0)));
    CHECK(y[2] == -infinity);
    CHECK(output_of(Reduce{Kind::maximum, {1}, false}, {x})[2] == -infinity);
    const Tensor none(Shape{1, 2}, std::vector<float>{1.0F, std::nanf("")});
    for (const Kind kind : kAll) CHECK(std::isnan(output_of(Reduce{kind, {1}}, {none})[0]));
}

TEST_CASE("equal extrema share the gradient, and so do factors that are 0") {
    const Tensor x(Shape{2, 3}, std::vector<float>{2, 1, 2, 0, 3, 5});
    const auto gradient = [&](Kind kind, const Tensor& input) {
        OperatorRun run{Reduce{kind, {1}}, {input}};
        return run.forward().gradients({Tensor(Shape{2, 1}, std::vector<float>{1, 1})})[0];
    };
    CHECK(same_bits(gradient(Kind::maximum, x), Tensor(Shape{2, 3}, std::vector<float>{0.5F, 0, 0.5F, 0, 0, 1})));
    CHECK(same_bits(gradient(Kind::product, x), Tensor(Shape{2, 3}, std::vector<float>{2, 4, 2, 15, 0, 0})));
    const Tensor zeros(Shape{2, 3}, std::vector<float>{0, 0, 2, 0, 0, 0});
    for (const Kind kind : {Kind::product, Kind::l1, Kind::l2}) {
        const Tensor dx = gradient(kind, zeros);
        CHECK(dx[0] == 0.0F);
        CHECK(dx[3] == 0.0F);
    }
}

TEST_CASE("the extrema of bytes are those of their numbers") {
    const std::vector<std::uint8_t> bytes{3, 200, 7, 255, 0, 9};
    const BasicView<const std::uint8_t> x{Shape{2, 3}, bytes.data()};
    for (const Kind kind : {Kind::maximum, Kind::minimum}) {
        for (const int axis : {0, 1}) {
            const Reduce reduce{kind, {axis}};
            std::vector<std::uint8_t> result(axis == 0 ? 3 : 2);
            const BasicView<std::uint8_t> y{infer_shapes(reduce, std::span(&x.shape, 1)).front(), result.data()};
            forward(reduce, ByteForwardArguments{.inputs = {&x, 1}, .outputs = {&y, 1}});
            const std::vector<std::uint8_t> expected_bytes =
                kind == Kind::maximum
                    ? (axis == 0 ? std::vector<std::uint8_t>{255, 200, 9} : std::vector<std::uint8_t>{200, 255})
                    : (axis == 0 ? std::vector<std::uint8_t>{3, 0, 7} : std::vector<std::uint8_t>{3, 0});
            CHECK(result == expected_bytes);
        }
    }
}

TEST_CASE("the mean of a large image of equal pixels is that pixel, reduced") {
    const Tensor x(Shape{1, 224, 224, 3}, std::vector<float>(224 * 224 * 3, 0.7F));
    for (const std::vector<int>& axes : {std::vector<int>{1, 2}, {1, 2, 3}}) {
        const Tensor y = output_of(Reduce{Reduce::Kind::mean, axes}, {x});
        for (const float mean : y.values()) CHECK(mean == doctest::Approx(0.7F).epsilon(1e-6));
    }
}

TEST_CASE("reduced axes stay with extent 1 or go") {
    const auto shape = [](const Reduce& reduce) { return infer_shapes(reduce, std::vector{Shape{2, 3, 4, 5}})[0]; };
    CHECK(shape({.axes = {1, 2}, .keep_axes = true}) == Shape{2, 1, 1, 5});
    CHECK(shape({.axes = {1, 2}, .keep_axes = false}) == Shape{2, 5});
    CHECK(shape({.axes = {0, 1, 2, 3}, .keep_axes = false}) == Shape{});
}

TEST_CASE("the gradients of reductions are those of their values") {
    for (const Kind kind : kAll) {
        CAPTURE(Reduce::kKinds[static_cast<std::size_t>(kind)]);
        const auto values = [&](const Shape& shape, std::uint64_t seed) {
            if (kind == Kind::log_sum) return random_tensor(shape, seed, 0.5F, 2.0F);
            if (kind == Kind::product) return random_tensor(shape, seed, 0.9F, 1.1F);
            if (kind == Kind::sum || kind == Kind::mean || kind == Kind::log_sum_exp) return random_tensor(shape, seed);
            return spaced_tensor(shape, seed);
        };
        for (const bool keep : {false, true}) {
            for (const std::vector<int>& axes : kAxes) {
                check_gradients({Reduce{kind, axes, keep}, {values(Shape{2, 3, 4, 5}, 2)}}, 0.01);
                check_gradients({Reduce{kind, axes, keep}, {values(Shape{1, 1, 1, 1}, 3)}}, 0.01);
                if (kind == Kind::sum || kind == Kind::mean) {
                    check_gradients({Reduce{kind, axes, keep}, {Tensor(Shape{0, 2, 2, 3})}});
                }
            }
        }
    }
}

TEST_CASE("reductions do not depend on the number of threads") {
    for (const std::vector<int>& axes : kAxes) {
        for (const Kind kind : kAll) {
            check_thread_independence(
                {Reduce{.kind = kind, .axes = axes}, {random_tensor(Shape{13, 21, 19, 23}, 4, 0.9F, 1.1F)}});
        }
    }
}

TEST_CASE("a reduction refuses axes that are not there, and such as do not rise") {
    const auto refusal = [](std::vector<int> axes) {
        return error_of([&] { infer_shapes(Reduce{.axes = std::move(axes)}, std::vector{Shape{2, 3}}); });
    };
    CHECK(refusal({2}) == "Reduce works on axis 2, which an input of shape (2, 3) does not have.");
    CHECK(refusal({-1}) == "Reduce works on axis -1, which an input of shape (2, 3) does not have.");
    CHECK(refusal({1, 0}) == "Reduce has the axes (1, 0), expected each once and rising.");
    CHECK(refusal({1, 1}) == "Reduce has the axes (1, 1), expected each once and rising.");
}
