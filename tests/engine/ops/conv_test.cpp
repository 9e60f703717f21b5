#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

/// A convolution by its definition, in double.
std::vector<double> convolve(const Conv& conv, const Tensor& x, const Tensor& weight, const Tensor* bias,
                             const Shape& y) {
    const Shape& s = x.shape();
    const Shape& w = weight.shape();
    const std::int64_t group_outputs = w[0] / conv.groups;
    std::vector<double> result;
    for (std::int64_t n = 0; n < y[0]; ++n) {
        for (std::int64_t oy = 0; oy < y[1]; ++oy) {
            for (std::int64_t ox = 0; ox < y[2]; ++ox) {
                for (std::int64_t o = 0; o < w[0]; ++o) {
                    double sum = bias != nullptr ? static_cast<double>((*bias)[o]) : 0.0;
                    for (std::int64_t tap = 0; tap < w[1] * w[2]; ++tap) {
                        const std::int64_t row = oy * conv.stride[0] - conv.padding[0] + tap / w[2] * conv.dilation[0];
                        const std::int64_t column =
                            ox * conv.stride[1] - conv.padding[1] + tap % w[2] * conv.dilation[1];
                        if (row < 0 || row >= s[1] || column < 0 || column >= s[2]) continue;
                        const std::int64_t first = ((n * s[1] + row) * s[2] + column) * s[3] + o / group_outputs * w[3];
                        for (std::int64_t i = 0; i < w[3]; ++i) {
                            sum += static_cast<double>(x[first + i])
                                   * static_cast<double>(weight[(o * w[1] * w[2] + tap) * w[3] + i]);
                        }
                    }
                    result.push_back(sum);
                }
            }
        }
    }
    return result;
}

struct Example {
    Conv conv;
    Shape x;
    Shape weight;
};

const std::vector<Example> kExamples = {
    {{}, Shape{1, 1, 1, 1}, Shape{1, 1, 1, 1}},
    {{}, Shape{2, 3, 4, 5}, Shape{7, 1, 1, 5}},
    {{.padding = {1, 1, 1, 1}}, Shape{2, 5, 4, 3}, Shape{6, 3, 3, 3}},
    {{.stride = {2, 1}, .padding = {0, 2, 1, 0}}, Shape{1, 6, 5, 2}, Shape{3, 3, 2, 2}},
    {{.stride = {2, 3}, .dilation = {2, 1}, .padding = {3, 0, 1, 2}}, Shape{2, 7, 8, 3}, Shape{2, 3, 4, 3}},
    {{.padding = {1, 1, 1, 1}, .groups = 5}, Shape{1, 4, 5, 5}, Shape{5, 3, 3, 1}},
    {{.stride = {2, 2}, .padding = {1, 0, 0, 1}, .groups = 2}, Shape{2, 5, 5, 4}, Shape{6, 2, 2, 2}},
    {{.groups = 3}, Shape{1, 3, 3, 6}, Shape{9, 3, 3, 2}},
    {{.padding = {2, 2, 2, 2}}, Shape{1, 1, 1, 2}, Shape{3, 5, 5, 2}},
    {{.padding = {1, 1, 1, 1}}, Shape{0, 4, 4, 3}, Shape{2, 3, 3, 3}},
};

std::vector<Tensor> inputs_of(const Example& example, bool biased) {
    std::vector<Tensor> inputs = {random_tensor(example.x, 1), random_tensor(example.weight, 2)};
    if (biased) inputs.push_back(random_tensor(Shape{example.weight[0]}, 3));
    return inputs;
}

const Example kWide{{.padding = {1, 1, 1, 1}}, Shape{3, 15, 14, 17}, Shape{20, 3, 3, 17}};

}  // namespace

TEST_CASE("a convolution of a small image has the values done by hand") {
    Tensor x(Shape{1, 3, 3, 1});
    std::iota(x.values().begin(), x.values().end(), 1.0F);
    const Tensor weight(Shape{1, 2, 2, 1}, std::vector<float>{1, 10, 100, 1000});
    CHECK(same_bits(output_of(Conv{}, {x, weight}),
                    Tensor(Shape{1, 2, 2, 1}, std::vector<float>{5421, 6532, 8754, 9865})));
}

TEST_CASE("convolutions are the sums of their definition") {
    for (const Example& example : kExamples) {
        for (const bool biased : {false, true}) {
            const std::vector<Tensor> inputs = inputs_of(example, biased);
            const Tensor y = output_of(example.conv, inputs);
            const std::vector<double> expected =
                convolve(example.conv, inputs[0], inputs[1], biased ? &inputs[2] : nullptr, y.shape());
            double worst = 0.0;
            for (std::int64_t i = 0; i < y.elements(); ++i) {
                worst = std::max(worst, std::abs(static_cast<double>(y[i]) - expected[static_cast<std::size_t>(i)]));
            }
            CHECK(worst < 1e-5);
        }
    }
}

TEST_CASE("the gradients of convolutions are those of their values") {
    for (const Example& example : kExamples) {
        for (const bool biased : {false, true}) check_gradients({example.conv, inputs_of(example, biased)});
    }
}

TEST_CASE("the gradients of wide convolutions in training, which Winograd computes, are those of their values") {
    for (const bool biased : {false, true}) {
        OperatorRun run{kWide.conv, inputs_of(kWide, biased)};
        run.training = true;
        check_gradients(run);
        check_thread_independence(run);
    }
}

TEST_CASE("gains scale the output channels of a convolution, but not its bias, and have gradients") {
    for (const Example& example : kExamples) {
        std::vector<Tensor> inputs = inputs_of(example, true);
        inputs.push_back(random_tensor(Shape{example.weight[0]}, 4, 0.5F, 2.0F));
        std::vector<Tensor> scaled = inputs_of(example, true);
        for (std::int64_t i = 0; i < scaled[1].elements(); ++i) {
            scaled[1][i] *= inputs[3][i / example.weight.elements(1, 4)];
        }
        CHECK(same_bits(output_of(example.conv, inputs), output_of(example.conv, scaled)));
        check_gradients({example.conv, inputs});
    }
}

TEST_CASE("convolutions do not depend on the number of threads") {
    const Example dense{{.stride = {1, 2}, .padding = {1, 0, 1, 1}}, Shape{5, 23, 21, 24}, Shape{40, 3, 3, 24}};
    const Example depthwise{{.padding = {1, 1, 1, 1}, .groups = 24}, Shape{5, 23, 21, 24}, Shape{24, 3, 3, 1}};
    for (const Example& example : {dense, depthwise}) {
        check_thread_independence({example.conv, inputs_of(example, true)});
    }
}

TEST_CASE("a convolution refuses shapes that do not fit") {
    const auto refusal = [](const Conv& conv, std::vector<Shape> shapes) {
        return error_of([&] { infer_shapes(conv, shapes); });
    };
    const Shape x{1, 4, 4, 6};
    CHECK(refusal({}, {x}) == "Conv takes 2 to 4 inputs, not 1.");
    CHECK(refusal({}, {x, Shape{2, 3, 3, 5}}) == "Weights (2, 3, 3, 5) in 1 groups do not fit an input of 6 channels.");
    CHECK(refusal({.groups = 2}, {x, Shape{3, 3, 3, 3}})
          == "Weights (3, 3, 3, 3) in 2 groups do not fit an input of 6 channels.");
    CHECK(refusal({}, {x, Shape{2, 3, 3, 6}, Shape{3}}) == "The bias has shape (3), expected (2).");
    CHECK(refusal({}, {x, Shape{2, 3, 3, 6}, Shape{2}, Shape{1}}) == "The gain has shape (1), expected (2).");
    CHECK(refusal({}, {x, Shape{2, 5, 3, 6}}) == "The kernel covers 5 pixels but the padded image has only 4.");
    CHECK_FALSE(refusal({.stride = {0, 1}}, {x, Shape{2, 3, 3, 6}}).empty());
    CHECK_FALSE(refusal({.groups = 0}, {x, Shape{2, 3, 3, 6}}).empty());
    CHECK_FALSE(refusal({.padding = {0, -1, 0, 0}}, {x, Shape{2, 3, 3, 6}}).empty());
}
