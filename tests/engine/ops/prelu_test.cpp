#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

TEST_CASE("a parametric ReLU multiplies what is negative by its channel's slope") {
    const Tensor x(Shape{2, 3}, std::vector<float>{-1.0F, -2.0F, 3.0F, 0.0F, 2.0F, -4.0F});
    const Tensor slopes(Shape{3}, std::vector<float>{0.5F, -1.0F, 0.25F});
    CHECK(same_bits(output_of(PRelu{}, {x, slopes}), Tensor(Shape{2, 3}, std::vector<float>{-0.5F, 2, 3, 0, 2, -1})));
    const Tensor slope(Shape{1}, std::vector<float>{0.5F});
    CHECK(same_bits(output_of(PRelu{}, {x, slope}), Tensor(Shape{2, 3}, std::vector<float>{-0.5F, -1, 3, 0, 2, -2})));
    CHECK(std::isnan(output_of(PRelu{}, {Tensor(Shape{1}, std::array{std::nanf("")}), slope})[0]));
}

TEST_CASE("the gradients of parametric ReLUs are those of their values") {
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{2, 3, 5, 3}, Shape{1, 2, 1, 3, 1, 2}}) {
        check_gradients({PRelu{}, {spaced_tensor(shape, 1), random_tensor(Shape{}, 2)}});
        check_gradients({PRelu{}, {spaced_tensor(shape, 1), random_tensor(Shape{1}, 2)}});
        if (shape.rank() == 0) continue;
        check_gradients({PRelu{}, {spaced_tensor(shape, 1), random_tensor(Shape{shape.back()}, 2)}});
    }
}

TEST_CASE("parametric ReLUs do not depend on the number of threads") {
    check_thread_independence({PRelu{}, {random_tensor(Shape{3, 101, 251}, 1), random_tensor(Shape{251}, 2)}});
    check_thread_independence({PRelu{}, {random_tensor(Shape{3, 101, 251}, 1), random_tensor(Shape{1}, 2)}});
}

TEST_CASE("a parametric ReLU of nothing is nothing, and has no gradient") {
    check_gradients({PRelu{}, {Tensor(Shape{0, 4, 4, 3}), random_tensor(Shape{3}, 2)}});
}

TEST_CASE("a parametric ReLU refuses slopes that are not those of its channels") {
    const auto error = [](std::vector<Shape> shapes) { return error_of([&] { infer_shapes(PRelu{}, shapes); }); };
    CHECK(error({Shape{2, 4, 5, 6}, Shape{6}}).empty());
    CHECK(error({Shape{2, 4, 5, 6}, Shape{5}})
          == "PRelu has a slope of shape (5) for an input of shape (2, 4, 5, 6), expected one number, or one for each "
             "channel.");
    CHECK_FALSE(error({Shape{2, 6}, Shape{2, 6}}).empty());
    CHECK_FALSE(error({Shape{2, 6}, Shape{1, 1, 1}}).empty());
    CHECK_FALSE(error({Shape{}, Shape{2}}).empty());
    CHECK(error({Shape{2}}) == "PRelu takes 2 inputs, not 1.");
}
