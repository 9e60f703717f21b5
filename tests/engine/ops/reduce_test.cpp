#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

/// Sums a tensor over some axes in double, element by element.
std::vector<double> sums(const Tensor& x, const std::vector<int>& axes) {
    const Shape& shape = x.shape();
    std::int64_t kept = 1;
    std::array<std::int64_t, Shape::kMaxRank> strides{};
    for (int axis = shape.rank(); axis-- > 0;) {
        if (std::ranges::find(axes, axis) != axes.end()) continue;
        strides[static_cast<std::size_t>(axis)] = kept;
        kept *= shape[axis];
    }
    std::vector<double> result(static_cast<std::size_t>(kept));
    for (std::int64_t i = 0; i < x.elements(); ++i) {
        std::int64_t rest = i;
        std::int64_t target = 0;
        for (int axis = shape.rank(); axis-- > 0;) {
            target += rest % shape[axis] * strides[static_cast<std::size_t>(axis)];
            rest /= shape[axis];
        }
        result[static_cast<std::size_t>(target)] += static_cast<double>(x[i]);
    }
    return result;
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
    for (const auto kind : {Reduce::Kind::sum, Reduce::Kind::mean}) {
        for (const bool keep : {false, true}) {
            for (const std::vector<int>& axes : kAxes) {
                check_gradients({Reduce{kind, axes, keep}, {random_tensor(Shape{2, 3, 4, 5}, 2)}});
                check_gradients({Reduce{kind, axes, keep}, {random_tensor(Shape{1, 1, 1, 1}, 3)}});
                check_gradients({Reduce{kind, axes, keep}, {Tensor(Shape{0, 2, 2, 3})}});
            }
        }
    }
}

TEST_CASE("reductions do not depend on the number of threads") {
    for (const std::vector<int>& axes : kAxes) {
        check_thread_independence({Reduce{.axes = axes}, {random_tensor(Shape{13, 21, 19, 23}, 4)}});
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
