#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

using Mode = Resize::Mode;
using Coordinates = Resize::Coordinates;
using Rounding = Resize::Rounding;

constexpr std::array kCoordinates{Coordinates::half_pixel, Coordinates::half_pixel_symmetric,
                                  Coordinates::pytorch_half_pixel, Coordinates::align_corners, Coordinates::asymmetric};

/// A row of pixels of one channel.
Tensor row(const std::vector<float>& values) {
    return Tensor(Shape{1, 1, static_cast<std::int64_t>(values.size()), 1}, values);
}

std::vector<float> resized(const Resize& resize, const std::vector<float>& values) {
    const Tensor y = output_of(resize, {row(values)});
    return {y.values().begin(), y.values().end()};
}

/// To so many pixels.
Resize to_width(std::int64_t width, Mode mode, Coordinates coordinates, Rounding rounding = Rounding::floor) {
    return {.mode = mode, .coordinates = coordinates, .rounding = rounding, .size{1, width}};
}

/// One output pixel straight from ONNX's formulas, each weight a product of those of the row and the column.
float expected_at(const Resize& resize, const Tensor& x, const Shape& y, const std::array<std::int64_t, 4>& at) {
    const auto taps = [&](std::int64_t out, std::int64_t in, std::int64_t outputs) {
        const double scale = static_cast<double>(outputs) / static_cast<double>(in);
        const auto position = static_cast<double>(out);
        double p = (position + 0.5) / scale - 0.5;
        if (resize.coordinates == Coordinates::asymmetric) p = position / scale;
        if (resize.coordinates == Coordinates::pytorch_half_pixel && outputs == 1) p = 0.0;
        if (resize.coordinates == Coordinates::align_corners) {
            p = outputs == 1 ? 0.0 : position * static_cast<double>(in - 1) / static_cast<double>(outputs - 1);
        }
        std::vector<std::pair<std::int64_t, double>> result;
        const double left = std::floor(p);
        if (resize.mode == Mode::linear) {
            result = {{static_cast<std::int64_t>(left), 1.0 - (p - left)},
                      {static_cast<std::int64_t>(left) + 1, p - left}};
        } else {
            const double a = static_cast<double>(resize.cubic_coefficient);
            double sum = 0.0;
            for (int tap = -1; tap <= 2; ++tap) {
                const double d = std::abs(left + tap - p);
                const double weight = d <= 1.0 ? (a + 2.0) * d * d * d - (a + 3.0) * d * d + 1.0
                                               : a * d * d * d - 5.0 * a * d * d + 8.0 * a * d - 4.0 * a;
                const auto i = static_cast<std::int64_t>(left) + tap;
                if (resize.exclude_outside && (i < 0 || i >= in)) continue;
                result.emplace_back(i, weight);
                sum += weight;
            }
            for (auto& tap : result) tap.second /= sum;
        }
        for (auto& tap : result) tap.first = std::clamp<std::int64_t>(tap.first, 0, in - 1);
        return result;
    };
    const Shape& s = x.shape();
    double sum = 0.0;
    for (const auto& [i, of_row] : taps(at[1], s[1], y[1])) {
        for (const auto& [j, of_column] : taps(at[2], s[2], y[2])) {
            sum += of_row * of_column * static_cast<double>(x[((at[0] * s[1] + i) * s[2] + j) * s[3] + at[3]]);
        }
    }
    return static_cast<float>(sum);
}

}  // namespace

TEST_CASE("the nearest pixel is what each rounding and each kind of coordinates says") {
    const std::vector<float> x{0, 1, 2, 3};
    const auto nearest = [&](std::int64_t width, Coordinates coordinates, Rounding rounding) {
        return resized(to_width(width, Mode::nearest, coordinates, rounding), x);
    };
    CHECK(nearest(8, Coordinates::asymmetric, Rounding::floor) == std::vector<float>{0, 0, 1, 1, 2, 2, 3, 3});
    CHECK(nearest(8, Coordinates::asymmetric, Rounding::ceil) == std::vector<float>{0, 1, 1, 2, 2, 3, 3, 3});
    CHECK(nearest(8, Coordinates::asymmetric, Rounding::prefer_floor) == std::vector<float>{0, 0, 1, 1, 2, 2, 3, 3});
    CHECK(nearest(8, Coordinates::asymmetric, Rounding::prefer_ceil) == std::vector<float>{0, 1, 1, 2, 2, 3, 3, 3});
    CHECK(nearest(8, Coordinates::half_pixel, Rounding::prefer_floor) == std::vector<float>{0, 0, 1, 1, 2, 2, 3, 3});
    CHECK(nearest(8, Coordinates::half_pixel, Rounding::floor) == std::vector<float>{0, 0, 0, 1, 1, 2, 2, 3});
    CHECK(nearest(2, Coordinates::half_pixel, Rounding::prefer_floor) == std::vector<float>{0, 2});
    CHECK(nearest(2, Coordinates::half_pixel, Rounding::prefer_ceil) == std::vector<float>{1, 3});
    CHECK(nearest(2, Coordinates::align_corners, Rounding::floor) == std::vector<float>{0, 3});
    CHECK(nearest(1, Coordinates::half_pixel, Rounding::floor) == std::vector<float>{1});
    CHECK(nearest(1, Coordinates::pytorch_half_pixel, Rounding::floor) == std::vector<float>{0});
    CHECK(nearest(3, Coordinates::asymmetric, Rounding::floor) == std::vector<float>{0, 1, 2});
}

TEST_CASE("a scale says where pixels lie even where it does not make whole pixels") {
    Resize resize{
        .mode = Mode::linear, .coordinates = Coordinates::asymmetric, .height_scale = 1.0F, .width_scale = 0.6F};
    const std::vector<float> x{0, 10, 20, 30};
    const std::vector<float> y = resized(resize, x);  // of 2.4 pixels
    REQUIRE(y.size() == 2);
    CHECK(y[1] == doctest::Approx(10.0 / 0.6));
    resize.coordinates = Coordinates::half_pixel_symmetric;  // the two pixels lie in the middle of what they show
    CHECK(resized(resize, x)[0] + resized(resize, x)[1] == doctest::Approx(30.0));
    resize.coordinates = Coordinates::half_pixel;
    CHECK(resized(resize, x)[0] == doctest::Approx(10.0 * (0.5 / 0.6 - 0.5)));
    // In float32, a third of a third is one.
    const Resize third{.coordinates = Coordinates::asymmetric,
                       .rounding = Rounding::floor,
                       .height_scale = 1.0F,
                       .width_scale = 1.0F / 3.0F};
    CHECK(resized(third, {0, 1, 2, 3, 4, 5, 6, 7, 8}) == std::vector<float>{0, 3, 6});
}

TEST_CASE("sums of pixels have the weights of ONNX's formulas") {
    const Tensor x = random_tensor(Shape{2, 5, 7, 3}, 1);
    for (const Mode mode : {Mode::linear, Mode::cubic}) {
        for (const Coordinates coordinates : kCoordinates) {
            for (const auto& size : {std::array<std::int64_t, 2>{10, 14}, {3, 20}, {1, 4}, {11, 1}, {5, 7}}) {
                for (const bool exclude_outside : {false, true}) {
                    const Resize resize{.mode = mode,
                                        .coordinates = coordinates,
                                        .size = size,
                                        .cubic_coefficient = -0.6F,
                                        .exclude_outside = exclude_outside};
                    const Tensor y = output_of(resize, {x});
                    REQUIRE(y.shape() == Shape{2, size[0], size[1], 3});
                    double worst = 0.0;
                    for (std::int64_t i = 0; i < y.elements(); ++i) {
                        const std::array<std::int64_t, 4> at{i / 3 / size[1] / size[0], i / 3 / size[1] % size[0],
                                                             i / 3 % size[1], i % 3};
                        worst = std::max(worst,
                                         static_cast<double>(std::abs(y[i] - expected_at(resize, x, y.shape(), at))));
                    }
                    CHECK(worst < 1e-5);
                }
            }
        }
    }
}

TEST_CASE("the gradients of resized images are those of their values") {
    for (const Mode mode : {Mode::nearest, Mode::linear, Mode::cubic}) {
        for (const Coordinates coordinates : kCoordinates) {
            const Resize larger{.mode = mode, .coordinates = coordinates, .size{7, 5}};
            check_gradients({larger, {random_tensor(Shape{2, 3, 4, 3}, 1)}});
            const Resize smaller{.mode = mode, .coordinates = coordinates, .size{2, 3}};
            check_gradients({smaller, {random_tensor(Shape{1, 6, 7, 2}, 1)}});
        }
    }
    check_gradients({Resize{.mode = Mode::linear, .height_scale = 2.0F, .width_scale = 1.5F},
                     {random_tensor(Shape{1, 3, 4, 2}, 1)}});
    check_gradients(
        {Resize{.mode = Mode::linear}, {random_tensor(Shape{1, 3, 4, 2}, 1), random_tensor(Shape{1, 5, 2, 1}, 2)}});
    check_gradients({Resize{.size{4, 4}}, {Tensor(Shape{0, 3, 4, 2})}});
}

TEST_CASE("resizing does not depend on the number of threads") {
    for (const Mode mode : {Mode::nearest, Mode::linear, Mode::cubic}) {
        check_thread_independence({Resize{.mode = mode, .size{90, 75}}, {random_tensor(Shape{3, 61, 81, 19}, 1)}});
    }
}

TEST_CASE("bytes are moved like floats") {
    for (const Coordinates coordinates : kCoordinates) {
        const Resize resize{.coordinates = coordinates, .rounding = Rounding::prefer_ceil, .size{9, 4}};
        Tensor x(Shape{2, 5, 6, 3});
        std::vector<std::uint8_t> bytes;
        for (std::int64_t i = 0; i < x.elements(); ++i) {
            bytes.push_back(static_cast<std::uint8_t>(i));
            x[i] = static_cast<float>(bytes.back());
        }
        const Tensor y = output_of(resize, {x});
        std::vector<std::uint8_t> moved(static_cast<std::size_t>(y.elements()));
        const BasicView<const std::uint8_t> from{x.shape(), bytes.data()};
        const BasicView<std::uint8_t> to{y.shape(), moved.data()};
        forward(Operator(resize), ByteForwardArguments{.inputs = {&from, 1}, .outputs = {&to, 1}});
        CHECK(std::ranges::equal(moved, y.values(),
                                 [](std::uint8_t byte, float value) { return static_cast<float>(byte) == value; }));
    }
    CHECK(int8_form(Resize{}) == Int8::moves_bytes);
    CHECK(int8_form(Resize{.mode = Mode::linear}) == Int8::none);
}

TEST_CASE("a resize refuses sizes and scales that make no image") {
    const auto error = [](const Resize& resize, std::vector<Shape> shapes) {
        return error_of([&] { infer_shapes(resize, shapes); });
    };
    const Shape x{1, 4, 6, 3};
    CHECK(error({.size{8, 8}}, {x}).empty());
    CHECK(error({}, {x}) == "Resize takes 2 inputs, not 1.");
    CHECK(error({.size{8, 8}}, {x, x}) == "Resize takes 1 input, not 2.");
    CHECK(error({.size{8, 0}}, {x}) == "Resize to 0 pixels is out of range.");
    CHECK(error({.size{8, 8}, .height_scale = 2.0F}, {x}) == "Resize has both a size and scales.");
    CHECK(error({.height_scale = 2.0F}, {x}) == "Resize has the scale 0.");
    CHECK(error({.height_scale = 2.0F, .width_scale = std::nanf("")}, {x}) == "Resize has the scale nan.");
    CHECK(error({.height_scale = 2.0F, .width_scale = 0.1F}, {x})
          == "Resize by a scale of 0.1 leaves nothing of 6 pixels.");
    CHECK(error({.height_scale = 2.0F, .width_scale = 1e9F}, {x})
          == "Resize by a scale of 1000000000 makes 6 pixels too many.");
    CHECK(error({.coordinates = Coordinates::align_corners, .height_scale = 2.0F, .width_scale = 0.6F}, {x})
          == "Resize by a scale of 0.6 makes 3.6000001 of 6 pixels, but align_corners needs a whole number.");
    CHECK(error({.size{8, 8}}, {Shape{4, 6, 3}}) == "Resize takes an image batch of 4 dimensions, not (4, 6, 3).");
    CHECK(error({.size{8, 8}}, {Shape{1, 0, 6, 3}}) == "Resize has no pixels of (1, 0, 6, 3) to begin with.");
}
