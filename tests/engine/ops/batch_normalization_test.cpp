#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

OperatorRun normalization(const Shape& shape, bool training) {
    const Shape channels{shape.back()};
    return {BatchNormalization{},
            {random_tensor(shape, 1, -2.0F, 3.0F), random_tensor(channels, 2, 0.5F, 2.0F), random_tensor(channels, 3),
             random_tensor(channels, 4), random_tensor(channels, 5, 0.5F, 2.0F)},
            training};
}

/// Mean and biased variance of a channel, in double and in two passes.
std::pair<double, double> statistics(const Tensor& x, std::int64_t channel) {
    const std::int64_t channels = x.shape().back();
    const std::int64_t rows = x.elements() / channels;
    double mean = 0.0;
    for (std::int64_t row = 0; row < rows; ++row) mean += static_cast<double>(x[row * channels + channel]);
    mean /= static_cast<double>(rows);
    double variance = 0.0;
    for (std::int64_t row = 0; row < rows; ++row) {
        const double deviation = static_cast<double>(x[row * channels + channel]) - mean;
        variance += deviation * deviation;
    }
    return {mean, variance / static_cast<double>(rows)};
}

const std::vector<Shape> kShapes = {Shape{1},          Shape{5, 1},        Shape{2, 3},
                                    Shape{2, 3, 2, 5}, Shape{3, 5, 7, 17}, Shape{2, 2, 2, 2, 2, 3}};

}  // namespace

TEST_CASE("batch normalization has the value of its formula for numbers done by hand") {
    const Tensor x(Shape{2, 2}, std::vector<float>{1, 10, 3, 30});
    const auto vector = [](float first, float second) { return Tensor(Shape{2}, std::vector<float>{first, second}); };
    OperatorRun run{BatchNormalization{.epsilon = 0.0F}, {x, vector(2, 3), vector(5, 7), vector(1, 20), vector(4, 25)}};
    run.forward();
    CHECK(same_bits(run.outputs[0], Tensor(Shape{2, 2}, std::vector<float>{5, 1, 7, 13})));
    run.training = true;
    run.forward();
    CHECK(same_bits(run.outputs[0], Tensor(Shape{2, 2}, std::vector<float>{3, 4, 7, 10})));
    CHECK(same_bits(run.saved, Tensor(Shape{2, 2}, std::vector<float>{2, 20, 1, 100})));
}

TEST_CASE("batch statistics are right to 1e-5 for data far from 0") {
    for (const Shape& shape : {Shape{16, 33, 31, 7}, Shape{64, 8, 8, 64}, Shape{3, 3, 3, 700}, Shape{4099, 1}}) {
        Tensor x(shape);
        Random random({7});
        for (float& value : x.values()) value = static_cast<float>(100.0 + random.normal());
        x[0] = 0.0F;  // a value unlike the rest, where a sum of differences would start from
        OperatorRun run = normalization(shape, true);
        run.inputs[0] = x;
        run.forward();
        const std::int64_t channels = shape.back();
        double worst = 0.0;
        for (std::int64_t c = 0; c < channels; ++c) {
            const auto [mean, variance] = statistics(x, c);
            worst = std::max(worst, std::abs(static_cast<double>(run.saved[c]) - mean));
            worst = std::max(worst, std::abs(static_cast<double>(run.saved[channels + c]) / variance - 1.0));
        }
        CHECK(worst < 1e-5);
    }
}

TEST_CASE("a channel that never changes has variance 0 and gives the bias") {
    OperatorRun run = normalization(Shape{50, 9}, true);
    std::ranges::fill(run.inputs[0].values(), 123.456F);
    run.forward();
    for (std::int64_t i = 0; i < 450; ++i) CHECK(run.outputs[0][i] == run.inputs[2][i % 9]);
    for (std::int64_t c = 0; c < 9; ++c) CHECK(run.saved[9 + c] == 0.0F);
}

TEST_CASE("normalized channels have the mean and variance that bias and scale say") {
    for (const Shape& shape : {Shape{7, 11, 13, 3}, Shape{4, 16, 16, 40}}) {
        OperatorRun run = normalization(shape, true);
        run.forward();
        for (std::int64_t c = 0; c < shape.back(); ++c) {
            const auto [mean, variance] = statistics(run.outputs[0], c);
            const auto scale = static_cast<double>(run.inputs[1][c]);
            CHECK(std::abs(mean - static_cast<double>(run.inputs[2][c])) < 1e-5);
            CHECK(variance == doctest::Approx(scale * scale).epsilon(1e-4));
        }
    }
}

TEST_CASE("the gradients of batch normalization in training go through the batch's statistics") {
    for (const Shape& shape : {Shape{5, 1}, Shape{4, 3}, Shape{2, 3, 2, 5}, Shape{3, 5, 7, 17}}) {
        check_gradients(normalization(shape, true), 0.01);
    }
}

TEST_CASE("the gradients of batch normalization with running statistics are those of its values") {
    for (const Shape& shape : kShapes) check_gradients(normalization(shape, false));
}

TEST_CASE("a batch of one row, normalized by itself, is the bias and passes no gradient to its input") {
    OperatorRun run = normalization(Shape{1, 3}, true);
    run.forward();
    CHECK(same_bits(run.outputs[0], Tensor(Shape{1, 3}, run.inputs[2].values())));
    const auto gradients = run.gradients({random_tensor(Shape{1, 3}, 6)});
    for (const float g : gradients[0].values()) CHECK(g == 0.0F);
}

TEST_CASE("batch normalization does not depend on the number of threads") {
    for (const Shape& shape :
         {Shape{8, 33, 31, 3}, Shape{8, 33, 31, 17}, Shape{16, 16, 16, 64}, Shape{3, 5, 7, 1500}}) {
        for (const bool training : {false, true}) check_thread_independence(normalization(shape, training));
    }
}

TEST_CASE("a batch of no images has no statistics and no gradients, and no not-a-numbers") {
    for (const bool training : {false, true}) {
        OperatorRun run = normalization(Shape{0, 4, 4, 3}, training);
        run.forward();
        for (const float value : run.saved.values()) CHECK(value == 0.0F);
        for (const Tensor& gradient : run.gradients({Tensor(Shape{0, 4, 4, 3})})) {
            for (const float g : gradient.values()) CHECK(g == 0.0F);
        }
    }
}

TEST_CASE("batch normalization refuses parameters that do not fit") {
    const auto refusal = [](std::vector<Shape> shapes, float epsilon = 1e-5F) {
        return error_of([&] { infer_shapes(BatchNormalization{epsilon}, shapes); });
    };
    const Shape c{3};
    CHECK(refusal({Shape{2, 3}, c, c, c, c}).empty());
    CHECK(refusal({Shape{2, 3}, c, c, c}) == "BatchNormalization takes 5 inputs, not 4.");
    CHECK(refusal({Shape{2, 3}, c, c, Shape{4}, c})
          == "BatchNormalization has a parameter of shape (4), expected (3).");
    CHECK(refusal({Shape{2, 0}, c, c, c, c}) == "BatchNormalization has no channels in its input (2, 0).");
    CHECK(refusal({Shape{}, c, c, c, c}) == "BatchNormalization has no channels in its input ().");
    CHECK(refusal({Shape{2, 3}, c, c, c, c}, -1.0F) == "BatchNormalization has the epsilon -1, expected at least 0.");
}
