#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

Tensor matrix(std::int64_t rows, std::int64_t columns, const std::vector<float>& values) {
    return Tensor(Shape{rows, columns}, values);
}

std::int64_t cost(const Operator& op, std::vector<Shape> shapes) {
    return multiply_accumulates(op, shapes, infer_shapes(op, shapes));
}

void check_close(const Tensor& actual, const std::vector<double>& expected) {
    REQUIRE(actual.elements() == static_cast<std::int64_t>(expected.size()));
    double worst = 0.0;
    for (std::int64_t i = 0; i < actual.elements(); ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(actual[i]) - expected[static_cast<std::size_t>(i)]));
    }
    CHECK(worst < 1e-4);
}

}  // namespace

TEST_CASE("a fully-connected layer multiplies by its transposed weights and adds its bias") {
    const Tensor x = matrix(2, 3, {1, 2, 3, 4, 5, 6});
    const Tensor weight = matrix(2, 3, {1, 0, -1, 2, 1, 0});
    const Tensor bias(Shape{2}, std::vector<float>{10, 20});
    CHECK(same_bits(output_of(Gemm{}, {x, weight}), matrix(2, 2, {-2, 4, -2, 13})));
    CHECK(same_bits(output_of(Gemm{}, {x, weight, bias}), matrix(2, 2, {8, 24, 8, 33})));
    const Tensor row(Shape{3}, std::vector<float>{1, 2, 3});
    CHECK(same_bits(output_of(Gemm{}, {row, weight, bias}), Tensor(Shape{2}, std::vector<float>{8, 24})));
}

TEST_CASE("fully-connected layers of every size are sums of products") {
    for (const auto& [rows, inputs, outputs] :
         std::vector<std::array<std::int64_t, 3>>{{1, 1, 1}, {1, 300, 517}, {2, 7, 300}, {300, 5, 3}, {257, 33, 513}}) {
        const Tensor x = random_tensor(Shape{rows, inputs}, 1);
        const Tensor weight = random_tensor(Shape{outputs, inputs}, 2);
        const Tensor bias = random_tensor(Shape{outputs}, 3);
        std::vector<double> expected;
        for (std::int64_t row = 0; row < rows; ++row) {
            for (std::int64_t o = 0; o < outputs; ++o) {
                auto sum = static_cast<double>(bias[o]);
                for (std::int64_t i = 0; i < inputs; ++i) {
                    sum += static_cast<double>(x[row * inputs + i]) * static_cast<double>(weight[o * inputs + i]);
                }
                expected.push_back(sum);
            }
        }
        check_close(output_of(Gemm{}, {x, weight, bias}), expected);
    }
}

TEST_CASE("matmul multiplies matrices and broadcasts what stands before them") {
    const Tensor a = matrix(2, 2, {1, 2, 3, 4});
    const Tensor b = matrix(2, 3, {1, 0, 2, 0, 1, 3});
    CHECK(same_bits(output_of(MatMul{}, {a, b}), matrix(2, 3, {1, 2, 8, 3, 4, 18})));

    const Tensor left = random_tensor(Shape{3, 1, 2, 4}, 1);
    const Tensor right = random_tensor(Shape{5, 4, 3}, 2);
    std::vector<double> expected;
    for (std::int64_t i = 0; i < 3; ++i) {
        for (std::int64_t j = 0; j < 5; ++j) {
            for (std::int64_t m = 0; m < 2; ++m) {
                for (std::int64_t n = 0; n < 3; ++n) {
                    double sum = 0.0;
                    for (std::int64_t k = 0; k < 4; ++k) {
                        sum += static_cast<double>(left[(i * 2 + m) * 4 + k])
                               * static_cast<double>(right[(j * 4 + k) * 3 + n]);
                    }
                    expected.push_back(sum);
                }
            }
        }
    }
    const Tensor y = output_of(MatMul{}, {left, right});
    CHECK(y.shape() == Shape{3, 5, 2, 3});
    check_close(y, expected);
}

TEST_CASE("the gradients of products are those of their values") {
    const auto layer = [](const Shape& x, std::int64_t outputs, bool biased) {
        std::vector<Tensor> inputs = {random_tensor(x, 1), random_tensor(Shape{outputs, x.back()}, 2)};
        if (biased) inputs.push_back(random_tensor(Shape{outputs}, 3));
        check_gradients({Gemm{}, inputs});
    };
    for (const bool biased : {false, true}) {
        layer(Shape{1}, 1, biased);
        layer(Shape{5}, 3, biased);
        layer(Shape{1, 7}, 4, biased);
        layer(Shape{6, 5}, 7, biased);
        layer(Shape{2, 3, 2, 5}, 3, biased);
        layer(Shape{3, 270}, 260, biased);
        layer(Shape{0, 5}, 3, biased);
    }
    const auto product = [](const Shape& a, const Shape& b) {
        check_gradients({MatMul{}, {random_tensor(a, 4), random_tensor(b, 5)}});
    };
    product(Shape{1, 1}, Shape{1, 1});
    product(Shape{3, 5}, Shape{5, 2});
    product(Shape{2, 3, 4, 5}, Shape{2, 3, 5, 2});
    product(Shape{2, 3, 4}, Shape{4, 2});
    product(Shape{3, 4}, Shape{2, 4, 2});
    product(Shape{3, 1, 2, 4}, Shape{2, 4, 3});
    product(Shape{2, 1, 1, 3, 2}, Shape{1, 3, 2, 2, 1});
    product(Shape{0, 3, 4}, Shape{4, 2});
}

TEST_CASE("a product over nothing is 0") {
    const Tensor y = output_of(MatMul{}, {Tensor(Shape{2, 3, 0}), Tensor(Shape{0, 4})});
    CHECK(y.shape() == Shape{2, 3, 4});
    for (const float value : y.values()) CHECK(value == 0.0F);
    CHECK(output_of(Gemm{}, {Tensor(Shape{0, 3}), Tensor(Shape{2, 3})}).shape() == Shape{0, 2});
}

TEST_CASE("products do not depend on the number of threads") {
    check_thread_independence(
        {Gemm{}, {random_tensor(Shape{300, 270}, 1), random_tensor(Shape{530, 270}, 2), random_tensor(Shape{530}, 3)}});
    check_thread_independence(
        {MatMul{}, {random_tensor(Shape{3, 1, 90, 70}, 4), random_tensor(Shape{1, 5, 70, 80}, 5)}});
}

TEST_CASE("a product costs one multiplication for every term") {
    CHECK(cost(Gemm{}, {Shape{7, 3}, Shape{5, 3}}) == 7 * 5 * 3);
    CHECK(cost(MatMul{}, {Shape{2, 7, 3}, Shape{3, 5}}) == 2 * 7 * 5 * 3);
    CHECK(cost(Conv{.groups = 2}, {Shape{1, 5, 5, 4}, Shape{6, 3, 3, 2}}) == 3 * 3 * 6 * 3 * 3 * 2);
    CHECK(cost(Arithmetic{}, {Shape{7, 3}, Shape{7, 3}}) == 0);
}

TEST_CASE("products refuse shapes that do not fit") {
    CHECK(refusal(Gemm{}, {Shape{2, 3}}) == "Gemm takes 2 to 4 inputs, not 1.");
    CHECK(refusal(Gemm{}, {Shape{2, 3}, Shape{4}})
          == "A fully-connected layer takes weights (outputs, inputs), not (4).");
    CHECK(refusal(Gemm{}, {Shape{2, 0}, Shape{4, 0}})
          == "A fully-connected layer takes weights (outputs, inputs), not (4, 0).");
    CHECK(refusal(Gemm{}, {Shape{2, 3}, Shape{4, 5}}) == "Weights (4, 5) do not fit an input of shape (2, 3).");
    CHECK(refusal(Gemm{}, {Shape{}, Shape{4, 5}}) == "Weights (4, 5) do not fit an input of shape ().");
    CHECK(refusal(Gemm{}, {Shape{2, 3}, Shape{4, 3}, Shape{3}}) == "The bias has shape (3), expected (4).");
    CHECK(refusal(MatMul{}, {Shape{2, 3}, Shape{4, 5}})
          == "MatMul cannot multiply matrices of shapes (2, 3) and (4, 5).");
    CHECK(refusal(MatMul{}, {Shape{3}, Shape{3, 5}}) == "MatMul cannot multiply matrices of shapes (3) and (3, 5).");
    CHECK(refusal(MatMul{}, {Shape{2, 2, 3}, Shape{3, 3, 5}}) == "MatMul cannot combine the shapes (2) and (3).");
}
