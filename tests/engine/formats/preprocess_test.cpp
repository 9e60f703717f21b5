#include "engine/formats/preprocess.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace eigenbit::internal;

namespace {

/// What a 2x3 image of 1 2 3 / 4 5 6 becomes.
std::vector<int> turned(const Window& window) {
    const Image image{2, 3, 1, {1, 2, 3, 4, 5, 6}};
    std::vector<float> values(static_cast<std::size_t>(window.output_height() * window.output_width()));
    Normalizer({.channels = 1, .mean = {0.0F}, .std = {1.0F / 255.0F}}).write(image, window, values.data());
    std::vector<int> rounded;
    for (const float value : values) rounded.push_back(static_cast<int>(std::lround(value)));
    return rounded;
}

}  // namespace

TEST_CASE("colour becomes grey by its luma, grey becomes colour by repetition") {
    Image colour{1, 5, 3, {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 77, 77, 77}};
    convert_and_resize(colour, {.channels = 1}, "file");
    CHECK(colour == Image{1, 5, 1, {76, 150, 29, 255, 77}});  // 0.299, 0.587, 0.114 of 255
    Image grey{1, 2, 1, {3, 200}};
    convert_and_resize(grey, {.channels = 3}, "file");
    CHECK(grey == Image{1, 2, 3, {3, 3, 3, 200, 200, 200}});
}

TEST_CASE("the network sees (value/255 - mean)/std of each channel") {
    const Preprocessing preprocessing{.mean = {0.5F, 0.25F, 0.0F}, .std = {0.5F, 0.25F, 1.0F}};
    const Tensor input = preprocess({1, 2, 3, {255, 0, 51, 0, 255, 102}}, preprocessing, "file");
    CHECK(input.shape() == Shape{1, 1, 2, 3});
    const std::array expected{1.0F, -1.0F, 0.2F, -1.0F, 3.0F, 0.4F};
    for (int i = 0; i < 6; ++i) CHECK(input[i] == doctest::Approx(expected[static_cast<std::size_t>(i)]));
}

TEST_CASE("mean 0 and std 1/255 give the stored values") {
    Image image{16, 16, 1, {}};
    for (int value = 0; value < 256; ++value) image.pixels.push_back(static_cast<std::uint8_t>(value));
    const Tensor input = preprocess(image, {.channels = 1, .mean = {0.0F}, .std = {1.0F / 255.0F}}, "file");
    for (int value = 0; value < 256; ++value) CHECK(input[value] == doctest::Approx(value).epsilon(1e-6));
}

TEST_CASE("mean and std belong to the channels as the network sees them") {
    const Preprocessing preprocessing{.channel_order = ChannelOrder::bgr, .mean = {0.0F}, .std = {1.0F, 0.5F, 0.25F}};
    const Tensor input = preprocess({1, 1, 3, {255, 51, 0}}, preprocessing, "file");
    CHECK(input[0] == doctest::Approx(0.0));
    CHECK(input[1] == doctest::Approx(0.4));
    CHECK(input[2] == doctest::Approx(4.0));
}

TEST_CASE("a window takes the image's middle, or black beyond its border") {
    const Image image{2, 3, 1, {1, 2, 3, 4, 5, 6}};
    const Window middle = centre_window(image, 2, 1, "file");
    CHECK(turned(middle) == std::vector{2, 5});
    CHECK(turned(centre_window(image, 0, 0, "file")) == std::vector{1, 2, 3, 4, 5, 6});
    CHECK(turned({.top = -1, .left = -1, .height = 2, .width = 3}) == std::vector{0, 0, 0, 0, 1, 2});
    CHECK(turned({.top = 1, .left = 1, .height = 2, .width = 3}) == std::vector{5, 6, 0, 0, 0, 0});
}

TEST_CASE("the centre is torchvision's: halves of a margin are rounded to even") {
    // int(round((side - crop) / 2.0)) of Python, for margins of 0 to 11.
    const std::array expected{0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6};
    for (int margin = 0; margin < 12; ++margin) {
        const int side = 5 + margin;
        const Image image{side, side, 1, std::vector<std::uint8_t>(static_cast<std::size_t>(side * side))};
        const Window window = centre_window(image, 5, 5, "file");
        CAPTURE(margin);
        CHECK(window.top == expected[static_cast<std::size_t>(margin)]);
        CHECK(window.left == expected[static_cast<std::size_t>(margin)]);
    }
}

TEST_CASE("an image comes to a size by cropping, covering, stretching, or within bars of the mean colour") {
    // Left black, right bright.
    Image image{2, 8, 1, {}};
    for (int i = 0; i < 16; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i % 8 < 4 ? 0 : 200));
    const auto fitted = [&](Preprocessing preprocessing) {
        preprocessing.channels = 1;
        preprocessing.std = {1.0F / 255.0F};
        const Tensor input = preprocess(image, preprocessing, "file");
        CHECK(input.shape() == Shape{1, preprocessing.height, preprocessing.width, 1});
        std::vector<int> values;
        for (const float value : input.values()) {
            values.push_back(static_cast<int>(std::lround(value + 255.0F * preprocessing.mean[0])));
        }
        return values;
    };
    using Values = std::vector<int>;
    CHECK(fitted({.resize = 2, .height = 2, .width = 2}) == Values{0, 200, 0, 200});
    CHECK(fitted({.height = 2, .width = 4, .fit = Fit::cover}) == Values{0, 0, 200, 200, 0, 0, 200, 200});
    CHECK(fitted({.height = 1, .width = 4, .fit = Fit::cover}) == Values{0, 25, 175, 200});
    CHECK(fitted({.height = 2, .width = 2, .fit = Fit::stretch}) == Values{29, 171, 29, 171});
    CHECK(fitted({.height = 4, .width = 8, .fit = Fit::letterbox, .mean = {0.2F}})
          == Values{51, 51, 51, 51, 51,  51,  51,  51,  0,  0,  0,  0,  200, 200, 200, 200,
                    0,  0,  0,  0,  200, 200, 200, 200, 51, 51, 51, 51, 51,  51,  51,  51});
    CHECK(fitted({.height = 3, .width = 4, .fit = Fit::letterbox}) == Values{0, 0, 0, 0, 0, 25, 175, 200, 0, 0, 0, 0});
}

TEST_CASE("bars have the mean colour in the image's order of channels") {
    const Preprocessing preprocessing{
        .channel_order = ChannelOrder::bgr, .height = 3, .width = 1, .fit = Fit::letterbox, .mean = {0.2F, 0.4F, 0.6F}};
    const Tensor input = preprocess({1, 1, 3, {1, 2, 3}}, preprocessing, "file");
    for (int i = 0; i < 3; ++i) CHECK(input[i] == doctest::Approx(0.0).epsilon(1e-6));
    CHECK(input[3] == doctest::Approx(3.0 / 255.0 - 0.2));
}

TEST_CASE("a window shows its part of the image in eight orientations") {
    const Window plain{.height = 2, .width = 3};
    Window window = plain;
    window.mirror = true;
    CHECK(turned(window) == std::vector{3, 2, 1, 6, 5, 4});
    window.upside_down = true;
    CHECK(turned(window) == std::vector{6, 5, 4, 3, 2, 1});
    window.transpose = true;
    CHECK(turned(window) == std::vector{6, 3, 5, 2, 4, 1});
    window.mirror = false;
    CHECK(turned(window) == std::vector{4, 1, 5, 2, 6, 3});
    window.upside_down = false;
    CHECK(turned(window) == std::vector{1, 4, 2, 5, 3, 6});
}

TEST_CASE("an image that the preprocessing cannot take is named with its size") {
    const std::string small = error_of([] {
        preprocess({2, 3, 1, std::vector<std::uint8_t>(6)}, {.height = 3, .width = 3}, "a.png");
    });
    CHECK(small.starts_with("a.png: the image has 2x3 pixels, at least the crop's 3x3"));
    const std::string narrow = error_of([] {
        preprocess({1, 60'000, 1, std::vector<std::uint8_t>(60'000)}, {.resize = 256}, "b.png");
    });
    CHECK(narrow.starts_with("b.png: the image has 1x60000 pixels, too long and narrow"));
}
