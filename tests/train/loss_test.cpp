#include "engine/base/random.h"
#include "tests/error_of.h"
#include "train/loss.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

using namespace eigenbit::internal;

namespace {

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
    Random random({seed});
    Tensor values(shape);
    for (float& value : values.values()) value = static_cast<float>(2.0 * random.normal());
    return values;
}

/// Central differences of `loss` in every element of `x` against `gradient`.
void check_gradient(Tensor x, const Tensor& gradient, const std::function<double(const Tensor&)>& loss) {
    constexpr float kStep = 1e-2F;
    for (std::int64_t i = 0; i < x.elements(); ++i) {
        const float centre = x[i];
        x[i] = centre + kStep;
        const double above = loss(x);
        x[i] = centre - kStep;
        const double below = loss(x);
        x[i] = centre;
        CHECK(gradient[i] == doctest::Approx((above - below) / (2.0 * kStep)).epsilon(1e-3).scale(0.1));
    }
}

}  // namespace

TEST_CASE("cross-entropy's gradient agrees with finite differences, with and without label smoothing") {
    const std::vector<int> labels{2, 0, 4};
    const Tensor logits = random_tensor(Shape{3, 5}, 1);
    for (const double smoothing : {0.0, 0.1}) {
        Tensor gradient(logits.shape());
        softmax_cross_entropy(logits, labels, smoothing, gradient);
        Tensor ignored(logits.shape());
        check_gradient(logits, gradient,
                       [&](const Tensor& x) { return softmax_cross_entropy(x, labels, smoothing, ignored); });
    }
}

TEST_CASE("cross-entropy of equal logits is the logarithm of the number of classes") {
    const std::vector<int> labels{3, 7};
    const Tensor logits(Shape{2, 10});
    Tensor gradient(logits.shape());
    CHECK(softmax_cross_entropy(logits, labels, 0.0, gradient) == doctest::Approx(std::log(10.0)));
    CHECK(softmax_cross_entropy(logits, labels, 0.1, gradient) == doctest::Approx(std::log(10.0)));
}

TEST_CASE("cross-entropy stays finite for logits far out of an exponential's range") {
    const std::vector<int> labels{0};
    const Tensor logits(Shape{1, 3}, std::vector<float>{1e4F, -1e4F, 9e3F});
    Tensor gradient(logits.shape());
    CHECK(softmax_cross_entropy(logits, labels, 0.0, gradient) == doctest::Approx(0.0));
    CHECK(softmax_cross_entropy(logits, std::vector<int>{1}, 0.0, gradient) == doctest::Approx(2e4));
    CHECK(gradient[1] == -1.0F);
}

TEST_CASE("distillation's gradient agrees with finite differences, at any temperature") {
    const Tensor logits = random_tensor(Shape{3, 5}, 1);
    const Tensor teacher = random_tensor(Shape{3, 5}, 4);
    for (const double temperature : {0.5, 1.0, 4.0}) {
        Tensor gradient(logits.shape());
        distillation(logits, teacher, temperature, gradient);
        Tensor ignored(logits.shape());
        check_gradient(logits, gradient,
                       [&](const Tensor& x) { return distillation(x, teacher, temperature, ignored); });
    }
}

TEST_CASE("distillation is 0 for scores that differ from the teacher's by a constant") {
    const Tensor teacher = random_tensor(Shape{3, 5}, 4);
    Tensor logits = teacher;
    for (float& logit : logits.values()) logit += 7.0F;
    Tensor gradient(logits.shape());
    CHECK(distillation(logits, teacher, 2.0, gradient) == doctest::Approx(0.0));
    logits[4] += 1.0F;
    CHECK(distillation(logits, teacher, 2.0, gradient) > 0.01);
}

TEST_CASE("mean squared error's gradient agrees with finite differences") {
    const Tensor output = random_tensor(Shape{2, 3, 3, 1}, 2);
    const Tensor target = random_tensor(Shape{2, 3, 3, 1}, 3);
    Tensor gradient(output.shape());
    mean_squared_error(output, target, gradient);
    Tensor ignored(output.shape());
    check_gradient(output, gradient, [&](const Tensor& x) { return mean_squared_error(x, target, ignored); });
}

TEST_CASE("labels and targets that do not fit the output are refused") {
    const Tensor logits(Shape{2, 3});
    Tensor gradient(logits.shape());
    CHECK(error_of([&] {
              softmax_cross_entropy(logits, std::vector<int>{0, 3}, 0.0, gradient);
          })
          == "A label is 3, but the network has 3 classes.");
    CHECK(error_of([&] { softmax_cross_entropy(logits, std::vector<int>{0}, 0.0, gradient); })
          == "The network outputs 2 images for 1 labels.");
    CHECK(error_of([&] {
              mean_squared_error(logits, Tensor(Shape{3, 2}), gradient);
          })
          == "The network outputs (2, 3), expected (3, 2).");
    CHECK(error_of([&] {
              distillation(logits, Tensor(Shape{3, 2}), 1.0, gradient);
          })
          == "The network outputs (2, 3), its teacher (3, 2).");
}
