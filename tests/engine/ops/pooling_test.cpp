#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

#include <fmt/format.h>

#include <optional>

using namespace eigenbit::internal;

namespace {

MaxPool random_max_pool(Random& random) {
    MaxPool pool;
    for (std::size_t axis = 0; axis < 2; ++axis) {
        pool.kernel[axis] = 1 + random.below(4);
        pool.stride[axis] = 1 + random.below(3);
        pool.dilation[axis] = 1 + random.below(2);
        pool.padding[axis] = random.below(pool.kernel[axis]);
        pool.padding[axis + 2] = random.below(pool.kernel[axis]);
    }
    pool.ceil_mode = random.coin();
    return pool;
}

AveragePool random_average_pool(Random& random) {
    const MaxPool pool = random_max_pool(random);
    return {.kernel = pool.kernel,
            .stride = pool.stride,
            .padding = pool.padding,
            .ceil_mode = pool.ceil_mode,
            .count_padding = random.coin(),
            .dilation = pool.dilation};
}

Shape random_image(Random& random) {
    return Shape{1 + random.below(2), 1 + random.below(7), 1 + random.below(7), 1 + random.below(5)};
}

/// Pixel (y, x) of an image, if it lies inside.
std::optional<float> pixel(const Tensor& images, std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t c) {
    const Shape& s = images.shape();
    if (y < 0 || y >= s[1] || x < 0 || x >= s[2]) return std::nullopt;
    return images[((n * s[1] + y) * s[2] + x) * s[3] + c];
}

/// Calls visit(n, oy, ox, c) for all positions of an output, in the order in which they lie.
template <typename Visit>
void for_each_position(const Shape& s, Visit visit) {
    for (std::int64_t n = 0; n < s[0]; ++n) {
        for (std::int64_t y = 0; y < s[1]; ++y) {
            for (std::int64_t x = 0; x < s[2]; ++x) {
                for (std::int64_t c = 0; c < s[3]; ++c) visit(n, y, x, c);
            }
        }
    }
}

bool fits(const Operator& op, const Shape& image) {
    return error_of([&] { infer_shapes(op, std::vector{image}); }).empty();
}

Tensor image_1_to(std::int64_t height, std::int64_t width) {
    Tensor image(Shape{1, height, width, 1});
    std::iota(image.values().begin(), image.values().end(), 1.0F);
    return image;
}

}  // namespace

TEST_CASE("pools of a small image have the values done by hand") {
    const Tensor x = image_1_to(3, 3);  // 1 2 3 / 4 5 6 / 7 8 9
    const auto expect = [&](const Operator& op, const Shape& shape, const std::vector<float>& values) {
        CHECK(same_bits(output_of(op, {x}), Tensor(shape, values)));
    };
    expect(MaxPool{.kernel = {2, 2}}, Shape{1, 2, 2, 1}, {5, 6, 8, 9});
    expect(MaxPool{.kernel = {2, 2}, .stride = {2, 2}}, Shape{1, 1, 1, 1}, {5});
    expect(MaxPool{.kernel = {2, 2}, .stride = {2, 2}, .ceil_mode = true}, Shape{1, 2, 2, 1}, {5, 6, 8, 9});
    expect(MaxPool{.kernel = {2, 2}, .dilation = {2, 2}}, Shape{1, 1, 1, 1}, {9});
    expect(MaxPool{.kernel = {3, 1}, .stride = {2, 1}, .padding = {1, 0, 1, 0}}, Shape{1, 2, 3, 1}, {4, 5, 6, 7, 8, 9});
    expect(AveragePool{.kernel = {2, 2}}, Shape{1, 2, 2, 1}, {3, 4, 6, 7});
    // The window at the corner covers 1 pixel of the image, and 4 of the image and its padding.
    expect(AveragePool{.kernel = {2, 2}, .stride = {2, 2}, .padding = {1, 1, 0, 0}}, Shape{1, 2, 2, 1},
           {1, 2.5F, 5.5F, 7});
    expect(AveragePool{.kernel = {2, 2}, .stride = {2, 2}, .padding = {1, 1, 0, 0}, .count_padding = true},
           Shape{1, 2, 2, 1}, {0.25F, 1.25F, 2.75F, 7});
    // The last windows reach beyond the image and its padding of none: what lies there counts in no case.
    expect(AveragePool{.kernel = {2, 2}, .stride = {2, 2}, .ceil_mode = true, .count_padding = true}, Shape{1, 2, 2, 1},
           {3, 4.5F, 7.5F, 9});
}

TEST_CASE("the padding never wins a maximum") {
    Tensor x(Shape{1, 2, 2, 3});
    std::ranges::fill(x.values(), -5.0F);
    const Tensor y = output_of(MaxPool{.kernel = {3, 3}, .padding = {1, 1, 1, 1}}, {x});
    for (const float value : y.values()) CHECK(value == -5.0F);
}

TEST_CASE("in ceil mode a last window must start before the padding after the image") {
    const auto extent = [](std::int64_t image, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
        const MaxPool pool{
            .kernel = {kernel, 1}, .stride = {stride, 1}, .padding = {padding, 0, padding, 0}, .ceil_mode = true};
        return infer_shapes(pool, std::vector{Shape{1, image, 1, 1}})[0][1];
    };
    CHECK(extent(4, 3, 2, 0) == 2);
    CHECK(extent(5, 3, 2, 0) == 2);
    CHECK(extent(5, 2, 3, 1) == 2);  // 3 windows would start at -1, 2 and 5: the last one in the padding
    CHECK(extent(112, 3, 2, 0) == 56);
    CHECK(extent(112, 3, 2, 1) == 57);
    CHECK(extent(3, 4, 2, 0) == 1);  // the only window is cut off
}

TEST_CASE("max pools are the largest pixel of every window") {
    Random random({1});
    for (int trial = 0; trial < 200; ++trial) {
        const MaxPool pool = random_max_pool(random);
        const Shape image = random_image(random);
        if (!fits(pool, image)) continue;
        const Tensor x = random_tensor(image, static_cast<std::uint64_t>(trial));
        const Tensor y = output_of(pool, {x});
        std::int64_t i = 0;
        for_each_position(y.shape(), [&](std::int64_t n, std::int64_t oy, std::int64_t ox, std::int64_t c) {
            std::optional<float> largest;
            for (std::int64_t ky = 0; ky < pool.kernel[0]; ++ky) {
                for (std::int64_t kx = 0; kx < pool.kernel[1]; ++kx) {
                    const auto value = pixel(x, n, oy * pool.stride[0] - pool.padding[0] + ky * pool.dilation[0],
                                             ox * pool.stride[1] - pool.padding[1] + kx * pool.dilation[1], c);
                    if (value && (!largest || *value > *largest)) largest = value;
                }
            }
            REQUIRE(largest == y[i++]);
        });
    }
}

TEST_CASE("average pools are the mean of what every window covers") {
    Random random({2});
    for (int trial = 0; trial < 200; ++trial) {
        const AveragePool pool = random_average_pool(random);
        const Shape image = random_image(random);
        if (!fits(pool, image)) continue;
        const Tensor x = random_tensor(image, static_cast<std::uint64_t>(trial));
        const Tensor y = output_of(pool, {x});
        std::int64_t i = 0;
        for_each_position(y.shape(), [&](std::int64_t n, std::int64_t oy, std::int64_t ox, std::int64_t c) {
            double sum = 0.0;
            int counted = 0;
            for (std::int64_t ky = 0; ky < pool.kernel[0]; ++ky) {
                for (std::int64_t kx = 0; kx < pool.kernel[1]; ++kx) {
                    const std::int64_t row = oy * pool.stride[0] - pool.padding[0] + ky * pool.dilation[0];
                    const std::int64_t column = ox * pool.stride[1] - pool.padding[1] + kx * pool.dilation[1];
                    const auto value = pixel(x, n, row, column, c);
                    const bool padded = row < image[1] + pool.padding[2] && column < image[2] + pool.padding[3];
                    if (value) sum += static_cast<double>(*value);
                    if (value || (pool.count_padding && padded)) ++counted;
                }
            }
            REQUIRE(static_cast<double>(y[i++]) == doctest::Approx(sum / counted).epsilon(1e-5));
        });
    }
}

TEST_CASE("the mean of a large image of equal pixels is that pixel") {
    const Tensor x(Shape{1, 224, 224, 3}, std::vector<float>(224 * 224 * 3, 0.7F));
    const Tensor y = output_of(AveragePool{.kernel = {224, 224}}, {x});
    for (const float mean : y.values()) CHECK(mean == doctest::Approx(0.7F).epsilon(1e-6));
}

TEST_CASE("the gradients of pools are those of their values") {
    Random random({3});
    int checked = 0;
    while (checked < 40) {
        const Shape image = random_image(random);
        const MaxPool max_pool = random_max_pool(random);
        const AveragePool average_pool = random_average_pool(random);
        if (!fits(max_pool, image) || !fits(average_pool, image)) continue;
        check_gradients({max_pool, {spaced_tensor(image, 4)}});
        check_gradients({average_pool, {random_tensor(image, 5)}});
        ++checked;
    }
}

TEST_CASE("among equal maxima the first one gets the gradient") {
    const Tensor x(Shape{1, 2, 2, 2}, std::vector<float>{1, 3, 7, 3, 7, 3, 7, 3});
    OperatorRun run{MaxPool{.kernel = {2, 2}}, {x}};
    const Tensor dx = run.forward().gradients({Tensor(Shape{1, 1, 1, 2}, std::vector<float>{5, 9})})[0];
    CHECK(same_bits(dx, Tensor(x.shape(), std::vector<float>{0, 9, 5, 0, 0, 0, 0, 0})));
}

TEST_CASE("unpooling puts values back where the maxima were, and gradients come from there") {
    const MaxPool halves{.kernel = {2, 2}, .stride = {2, 2}};
    // 1 4 1 / 2 4 2 / 9 9 9: the maximum of the only window is the first of equal ones, and what lies outside stays 0.
    const Tensor image(Shape{1, 3, 3, 1}, std::vector<float>{1, 4, 1, 2, 4, 2, 9, 9, 9});
    CHECK(same_bits(output_of(MaxUnpool{halves}, {Tensor(Shape{1, 1, 1, 1}, std::vector<float>{-7}), image}),
                    Tensor(image.shape(), std::vector<float>{0, -7, 0, 0, 0, 0, 0, 0, 0})));
    Random random({4});
    for (int checked = 0; checked < 20;) {
        MaxPool pool = random_max_pool(random);
        for (std::size_t axis = 0; axis < 2; ++axis) pool.stride[axis] = pool.dilation[axis] * pool.kernel[axis];
        const Shape shape = random_image(random);
        if (!fits(pool, shape)) continue;
        const Tensor x = spaced_tensor(shape, static_cast<std::uint64_t>(checked));
        const Tensor maxima = output_of(pool, {x});
        const Tensor y = output_of(MaxUnpool{pool}, {maxima, x});
        std::int64_t put = 0;
        for (std::int64_t i = 0; i < y.elements(); ++i) {
            CHECK((y[i] == 0.0F || y[i] == x[i]));
            put += y[i] != 0.0F ? 1 : 0;
        }
        CHECK(put == maxima.elements() - std::ranges::count(maxima.values(), 0.0F));
        GradientCheck({MaxUnpool{pool}, {random_tensor(maxima.shape(), 5), x}}).input(0);
        ++checked;
    }
}

TEST_CASE("unpooling refuses values of other windows, and windows that overlap") {
    const auto refusal = [](const MaxPool& pool, const Shape& x, const Shape& image) {
        return error_of([&] { infer_shapes(MaxUnpool{pool}, std::vector{x, image}); });
    };
    CHECK(refusal({.kernel = {2, 2}, .stride = {2, 2}}, Shape{1, 2, 2, 3}, Shape{1, 4, 6, 3})
          == "MaxUnpool of (1, 2, 2, 3) has maxima of (1, 4, 6, 3), where (1, 2, 3, 3) were expected.");
    CHECK(refusal({.kernel = {3, 2}, .stride = {2, 2}}, Shape{1, 1, 2, 3}, Shape{1, 4, 4, 3})
          == "MaxUnpool of windows that overlap, 3 pixels every 2, is not supported.");
}

TEST_CASE("pools do not depend on the number of threads") {
    const Tensor x = random_tensor(Shape{5, 41, 43, 19}, 6);
    check_thread_independence({MaxPool{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}}, {x}});
    check_thread_independence({AveragePool{.kernel = {3, 3}, .stride = {1, 2}, .padding = {1, 1, 1, 1}}, {x}});
    check_thread_independence(
        {MaxUnpool{{.kernel = {2, 2}, .stride = {2, 2}}}, {random_tensor({5, 20, 21, 19}, 7), x}});
}

TEST_CASE("a pool of no images gives none") {
    for (const Operator& op : {Operator(MaxPool{.kernel = {2, 2}}), Operator(AveragePool{.kernel = {2, 2}})}) {
        CHECK(output_of(op, {Tensor(Shape{0, 4, 4, 3})}).shape() == Shape{0, 3, 3, 3});
        check_gradients({op, {Tensor(Shape{0, 4, 4, 3})}});
    }
}

TEST_CASE("pools refuse windows that do not fit the image") {
    const auto refusal = [](const Operator& op, const Shape& image) {
        return error_of([&] { infer_shapes(op, std::vector{image}); });
    };
    const Shape image{1, 4, 4, 3};
    CHECK(refusal(MaxPool{.kernel = {5, 1}}, image)
          == "MaxPool: the kernel covers 5 pixels but the padded image has only 4.");
    CHECK(refusal(AveragePool{.kernel = {2, 2}, .padding = {2, 0, 0, 0}}, image)
          == "AveragePool: with a kernel of 2 and padding 2 a window sees nothing of the image's 4 pixels.");
    CHECK(refusal(MaxPool{.kernel = {1, 1}}, Shape{4, 4, 3})
          == "MaxPool takes an image batch of 4 dimensions, not (4, 4, 3).");
    const std::string range =
        "kernel, strides and dilations must be between 1 and 1048576, paddings between 0 and that.";
    CHECK(refusal(MaxPool{.kernel = {0, 1}}, image) == "MaxPool: " + range);
    CHECK(refusal(MaxPool{.stride = {1, 0}}, image) == "MaxPool: " + range);
    CHECK(refusal(MaxPool{.dilation = {-1, 1}}, image) == "MaxPool: " + range);
    CHECK(refusal(AveragePool{.padding = {0, 0, 0, -1}}, image) == "AveragePool: " + range);
    CHECK(refusal(AveragePool{.padding = {0, 0, std::int64_t{1} << 62, 0}}, image) == "AveragePool: " + range);
    CHECK_FALSE(refusal(MaxPool{.kernel = {2, 2}}, Shape{1, 0, 4, 3}).empty());
}
