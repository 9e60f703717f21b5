#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

#include <functional>

using namespace eigenbit::internal;

namespace {

/// By its definition, in double, element by element: which elements are normalized together is told by a number.
Tensor normalized(const Tensor& x, float epsilon, const std::function<std::int64_t(std::array<std::int64_t, 4>)>& set) {
    const Shape& shape = x.shape();
    const auto set_of = [&](std::int64_t i) {
        std::array<std::int64_t, 4> index{};
        for (int axis = 4; axis-- > 0; i /= shape[axis]) index[static_cast<std::size_t>(axis)] = i % shape[axis];
        return static_cast<std::size_t>(set(index));
    };
    const auto elements = static_cast<std::size_t>(x.elements());
    std::vector<double> counts(elements), means(elements), variances(elements);
    for (std::int64_t i = 0; i < x.elements(); ++i) counts[set_of(i)] += 1.0;
    for (std::int64_t i = 0; i < x.elements(); ++i) means[set_of(i)] += static_cast<double>(x[i]) / counts[set_of(i)];
    for (std::int64_t i = 0; i < x.elements(); ++i) {
        const double deviation = static_cast<double>(x[i]) - means[set_of(i)];
        variances[set_of(i)] += deviation * deviation / counts[set_of(i)];
    }
    Tensor y(shape);
    for (std::int64_t i = 0; i < x.elements(); ++i) {
        y[i] = static_cast<float>((static_cast<double>(x[i]) - means[set_of(i)])
                                  / std::sqrt(variances[set_of(i)] + static_cast<double>(epsilon)));
    }
    return y;
}

double largest_difference(const Tensor& a, const Tensor& b) {
    double worst = 0.0;
    for (std::int64_t i = 0; i < a.elements(); ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    }
    return worst;
}

struct Case {
    Normalization normalization;
    std::function<std::int64_t(std::array<std::int64_t, 4>)> set;  // for (2, 3, 5, 6)
};

const std::vector<Case> kCases = {
    {{.axes = {3}}, [](auto i) { return (i[0] * 3 + i[1]) * 5 + i[2]; }},
    {{.axes = {1, 2}}, [](auto i) { return i[0] * 6 + i[3]; }},
    {{.axes = {1, 2, 3}}, [](auto i) { return i[0]; }},
    {{.axes = {0, 1, 2}}, [](auto i) { return i[3]; }},
    {{.axes = {2}}, [](auto i) { return (i[0] * 3 + i[1]) * 6 + i[3]; }},
    {{.axes = {0, 1, 2, 3}}, [](auto) { return 0; }},
    {{.axes = {1, 2, 3}, .groups = 3}, [](auto i) { return i[0] * 3 + i[3] / 2; }},
    {{.axes = {1, 2, 3}, .groups = 6}, [](auto i) { return i[0] * 6 + i[3]; }},
    {{.axes = {3}, .groups = 2}, [](auto i) { return ((i[0] * 3 + i[1]) * 5 + i[2]) * 2 + i[3] / 3; }},
};

}  // namespace

TEST_CASE("normalizations have the values of their definition, of values far from 0 too") {
    for (const Case& each : kCases) {
        CAPTURE(each.normalization.axes.size());
        CAPTURE(each.normalization.groups);
        for (const float offset : {0.0F, 100.0F}) {
            Tensor x = random_tensor(Shape{2, 3, 5, 6}, 1);
            for (float& value : x.values()) value += offset;
            const Tensor expected = normalized(x, each.normalization.epsilon, each.set);
            CHECK(largest_difference(output_of(each.normalization, {x}), expected) < (offset == 0.0F ? 2e-6 : 1e-4));
            const Tensor scale = random_tensor(Shape{6}, 2);
            const Tensor bias = random_tensor(Shape{5, 1}, 3);
            Tensor affine = expected;
            for (std::int64_t i = 0; i < x.elements(); ++i) affine[i] = expected[i] * scale[i % 6] + bias[i / 6 % 5];
            CHECK(largest_difference(output_of(each.normalization, {x, scale, bias}), affine)
                  < (offset == 0.0F ? 2e-6 : 1e-4));
        }
    }
}

TEST_CASE("equal values are normalized to 0") {
    Tensor x(Shape{2, 3, 5, 6});
    std::ranges::fill(x.values(), 0.1F);
    for (const Case& each : kCases) {
        const Tensor y = output_of(each.normalization, {x});
        for (const float value : y.values()) REQUIRE(std::abs(value) < 1e-4F);
    }
}

TEST_CASE("the gradients of normalizations are those of their values") {
    for (const Case& each : kCases) {
        const Tensor x = random_tensor(Shape{2, 3, 5, 6}, 1, -2.0F, 2.0F);
        check_gradients({each.normalization, {x}});
        for (const Shape& parameter : {Shape{}, Shape{6}, Shape{5, 1}, Shape{3, 5, 6}, Shape{2, 1, 1, 6}}) {
            check_gradients({each.normalization, {x, random_tensor(parameter, 2), random_tensor(parameter, 3)}});
        }
        check_gradients({each.normalization, {x, random_tensor(Shape{6}, 2)}});
    }
    check_gradients({Normalization{.axes = {2}}, {Tensor(Shape{0, 2, 3}), random_tensor(Shape{3}, 2)}});
}

TEST_CASE("normalizations do not depend on the number of threads") {
    for (const Case& each : kCases) {
        check_thread_independence(
            {each.normalization,
             {random_tensor(Shape{3, 37, 41, 24}, 1), random_tensor(Shape{24}, 2), random_tensor(Shape{24}, 3)}});
    }
}

TEST_CASE("a normalization refuses axes, groups and parameters that do not fit") {
    const auto error = [](const Normalization& normalization, std::vector<Shape> shapes) {
        return error_of([&] { infer_shapes(normalization, shapes); });
    };
    CHECK(error({.axes = {1}}, {Shape{2, 3}, Shape{3}, Shape{}}).empty());
    CHECK(error({}, {Shape{2, 3}}) == "Normalization has the axes (), expected at least one, each once and rising.");
    CHECK(error({.axes = {2}}, {Shape{2, 3}})
          == "Normalization works on axis 2, which an input of shape (2, 3) does not have.");
    CHECK(error({.axes = {1}, .groups = 2}, {Shape{2, 3}})
          == "Normalization cannot cut the 3 channels of its input into 2 groups.");
    CHECK(error({.axes = {0}, .groups = 3}, {Shape{2, 3}})
          == "Normalization has 3 groups for the axes (0) of an input of shape (2, 3).");
    CHECK(error({.axes = {1}, .epsilon = -1.0F}, {Shape{2, 3}})
          == "Normalization has the epsilon -1, expected at least 0.");
    CHECK(error({.axes = {1}}, {Shape{1, 3}, Shape{2, 3}})
          == "Normalization has a parameter of shape (2, 3) for an input of shape (1, 3).");
}
