#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

/// 0 and other numbers.
Tensor conditions(const Shape& shape) {
    Tensor result = random_tensor(shape, 1);
    for (float& value : result.values()) value = value < 0.0F ? 0.0F : value;
    return result;
}

}  // namespace

TEST_CASE("a selection is the first input where the condition is not 0, else the second") {
    const Tensor condition(Shape{2, 1}, std::vector<float>{0, -3});
    const Tensor first(Shape{2, 2}, std::vector<float>{1, 2, 3, 4});
    const Tensor second(Shape{2}, std::vector<float>{5, std::nanf("")});
    const Tensor y = output_of(Select{}, {condition, first, second});
    CHECK(y[0] == 5.0F);
    CHECK(std::isnan(y[1]));
    CHECK(y[2] == 3.0F);
    CHECK(y[3] == 4.0F);
}

TEST_CASE("the gradients of selections are those of their values") {
    const std::vector<std::array<Shape, 3>> shapes = {{Shape{}, Shape{}, Shape{}},
                                                      {Shape{2, 3, 4, 5}, Shape{2, 3, 4, 5}, Shape{2, 3, 4, 5}},
                                                      {Shape{2, 3, 4, 5}, Shape{}, Shape{5}},
                                                      {Shape{2, 1, 1, 5}, Shape{2, 3, 4, 5}, Shape{4, 1}},
                                                      {Shape{4, 1}, Shape{2, 1, 1, 5}, Shape{1, 3, 1, 1}}};
    for (const auto& [condition, first, second] : shapes) {
        const OperatorRun run{Select{}, {conditions(condition), random_tensor(first, 2), random_tensor(second, 3)}};
        GradientCheck check(run);
        check.input(1);
        check.input(2);
    }
    check_thread_independence({Select{}, {conditions({37, 41, 24}), random_tensor({24}, 2), random_tensor({}, 3)}});
}

TEST_CASE("a selection refuses shapes that do not broadcast") {
    const std::vector<Shape> shapes = {Shape{2}, Shape{3}, Shape{3}};
    CHECK(error_of([&] { infer_shapes(Select{}, shapes); }) == "Select cannot combine the shapes (2) and (3).");
}
