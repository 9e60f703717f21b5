#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

const std::vector<LocalResponseNormalization> kAll = {{.size = 5, .alpha = 0.5F, .beta = 0.75F, .bias = 1.0F},
                                                      {.size = 3, .alpha = 1.0F, .beta = 0.5F, .bias = 2.0F},
                                                      {.size = 4, .alpha = 0.25F, .beta = 1.5F, .bias = 1.5F},
                                                      {.size = 1, .alpha = 1.0F, .beta = 0.75F, .bias = 1.0F},
                                                      {.size = 40, .alpha = 1.0F, .beta = 0.75F, .bias = 1.0F}};

}  // namespace

TEST_CASE("local response normalizations divide by what ONNX says") {
    for (const LocalResponseNormalization& op : kAll) {
        CAPTURE(op.size);
        for (const Shape& shape : {Shape{3, 7}, Shape{2, 3, 2, 9}, Shape{4}, Shape{2, 1}}) {
            const Tensor x = random_tensor(shape, 1, -2.0F, 2.0F);
            const Tensor y = output_of(op, {x});
            const std::int64_t channels = shape.back();
            for (std::int64_t i = 0; i < x.elements(); ++i) {
                const std::int64_t c = i % channels;
                double squares = 0.0;
                const std::int64_t last = std::min(channels - 1, c + op.size / 2);
                for (std::int64_t k = std::max<std::int64_t>(0, c - (op.size - 1) / 2); k <= last; ++k) {
                    squares += static_cast<double>(x[i - c + k]) * static_cast<double>(x[i - c + k]);
                }
                const double base = static_cast<double>(op.bias)
                                    + static_cast<double>(op.alpha) / static_cast<double>(op.size) * squares;
                const double expected = static_cast<double>(x[i]) / std::pow(base, static_cast<double>(op.beta));
                REQUIRE(static_cast<double>(y[i]) == doctest::Approx(expected).epsilon(1e-5));
            }
        }
    }
}

TEST_CASE("the gradients of local response normalizations are those of their values") {
    for (const LocalResponseNormalization& op : kAll) {
        check_gradients({op, {random_tensor(Shape{2, 3, 2, 9}, 1, -2.0F, 2.0F)}});
        check_gradients({op, {random_tensor(Shape{3}, 1, -2.0F, 2.0F)}});
        check_gradients({op, {Tensor(Shape{0, 3})}});
        check_thread_independence({op, {random_tensor(Shape{3, 37, 41, 24}, 1)}});
    }
}

TEST_CASE("a local response normalization refuses what has no channels, and sizes below 1") {
    const auto error = [](const LocalResponseNormalization& op, const Shape& shape) {
        return error_of([&] { infer_shapes(op, std::span(&shape, 1)); });
    };
    CHECK(error({}, Shape{}) == "LocalResponseNormalization has no channels in its input ().");
    CHECK(error({.size = 0}, Shape{3}) == "LocalResponseNormalization has the size 0, expected at least 1.");
}
