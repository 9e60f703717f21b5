#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

TEST_CASE("softmax has the values done by hand") {
    const Tensor x(Shape{2, 2}, std::vector<float>{0.0F, std::log(3.0F), std::log(4.0F), 0.0F});
    const auto expect = [&](int axis, const std::vector<double>& values) {
        const Tensor y = output_of(Softmax{axis}, {x});
        for (std::size_t i = 0; i < 4; ++i) {
            CHECK(static_cast<double>(y[static_cast<std::int64_t>(i)]) == doctest::Approx(values[i]).epsilon(1e-6));
        }
    };
    expect(1, {0.25, 0.75, 0.8, 0.2});
    expect(0, {0.2, 0.75, 0.8, 0.25});
}

TEST_CASE("softmax of huge numbers is finite and sums to 1") {
    Tensor x(Shape{1, 3}, std::vector<float>{1e30F, 1e30F, -1e30F});
    CHECK(same_bits(output_of(Softmax{1}, {x}), Tensor(x.shape(), std::vector<float>{0.5F, 0.5F, 0.0F})));
    const Tensor y = output_of(Softmax{1}, {random_tensor(Shape{20, 1000}, 1, -50.0F, 50.0F)});
    for (std::int64_t row = 0; row < 20; ++row) {
        double sum = 0.0;
        for (std::int64_t i = 0; i < 1000; ++i) sum += static_cast<double>(y[row * 1000 + i]);
        CHECK(sum == doctest::Approx(1.0).epsilon(1e-6));
    }
}

TEST_CASE("its logarithm is that of its values, of huge numbers too") {
    for (int axis = 0; axis < 3; ++axis) {
        const Tensor x = random_tensor(Shape{4, 5, 6}, 7, -8.0F, 8.0F);
        const Tensor probabilities = output_of(Softmax{axis}, {x});
        const Tensor logarithms = output_of(Softmax{axis, true}, {x});
        for (std::int64_t i = 0; i < x.elements(); ++i) {
            CHECK(logarithms[i] == doctest::Approx(std::log(probabilities[i])).epsilon(1e-5));
        }
    }
    const Tensor huge(Shape{1, 3}, std::vector<float>{1e30F, 0.0F, -1e30F});
    CHECK(same_bits(output_of(Softmax{1, true}, {huge}), Tensor(Shape{1, 3}, std::vector<float>{0, -1e30F, -2e30F})));
}

TEST_CASE("the gradients of softmax are those of its values, along every axis") {
    for (int axis = 0; axis < 4; ++axis) {
        for (const bool logarithm : {false, true}) {
            check_gradients({Softmax{axis, logarithm}, {random_tensor(Shape{2, 3, 4, 5}, 2, -2.0F, 2.0F)}});
            check_gradients({Softmax{axis, logarithm}, {random_tensor(Shape{1, 1, 1, 1}, 3)}});
            check_gradients({Softmax{axis, logarithm}, {Tensor(Shape{0, 1, 2, 3})}});
        }
    }
    check_gradients({Softmax{0}, {random_tensor(Shape{7}, 4)}});
}

TEST_CASE("softmax of lines side by side, however many and long, is that of lines one after the other") {
    for (const bool logarithm : {false, true}) {
        for (const auto& [count, columns] :
             {std::pair<std::int64_t, std::int64_t>{5, 3}, {16, 700}, {5000, 2}, {1, 9}}) {
            const Tensor x = random_tensor(Shape{2, count, columns}, 5, -3.0F, 3.0F);
            const Tensor lines = output_of(Transpose{{0, 2, 1}}, {x});
            const Tensor expected = output_of(Transpose{{0, 2, 1}}, {output_of(Softmax{2, logarithm}, {lines})});
            CHECK(same_bits(output_of(Softmax{1, logarithm}, {x}), expected));
        }
    }
}

TEST_CASE("softmax does not depend on the number of threads") {
    for (int axis = 0; axis < 3; ++axis) {
        check_thread_independence({Softmax{axis}, {random_tensor(Shape{61, 43, 37}, 5, -3.0F, 3.0F)}});
    }
}

TEST_CASE("softmax refuses an axis that is not there") {
    const auto refusal = [](int axis) {
        return error_of([&] { infer_shapes(Softmax{axis}, std::vector{Shape{2, 3}}); });
    };
    CHECK(refusal(2) == "Softmax works on axis 2, which an input of shape (2, 3) does not have.");
    CHECK(refusal(-1) == "Softmax works on axis -1, which an input of shape (2, 3) does not have.");
}
