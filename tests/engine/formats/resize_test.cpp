#include "engine/formats/resize.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

namespace {

Image row(std::vector<std::uint8_t> pixels) { return {1, static_cast<int>(pixels.size()), 1, std::move(pixels)}; }

Image column(std::vector<std::uint8_t> pixels) { return {static_cast<int>(pixels.size()), 1, 1, std::move(pixels)}; }

}  // namespace

TEST_CASE("enlarging interpolates between pixel centres and repeats the border") {
    // Centres at 0.25, 0.75, 1.25, 1.75 of the input: weights 1, 3/4 and 1/4, 1/4 and 3/4, 1.
    CHECK(resize(row({0, 200}), 1, 4) == row({0, 50, 150, 200}));
    CHECK(resize(column({0, 200}), 4, 1) == column({0, 50, 150, 200}));
}

TEST_CASE("reducing averages with a triangle as wide as the reduction") {
    // Half of four: the centres are 1 and 3, the triangle reaches 2 to each side: weights 3, 3, 1 and 1, 3, 3 of 7.
    CHECK(resize(row({0, 0, 0, 70}), 1, 2) == row({0, 30}));
    CHECK(resize(column({70, 0, 0, 0}), 2, 1) == column({30, 0}));
    // A quarter of four: the centre is 2, weights 5, 7, 7, 5 of 24.
    CHECK(resize(row({24, 0, 0, 0}), 1, 1) == row({5}));
    CHECK(resize(row({0, 24, 0, 0}), 1, 1) == row({7}));
}

TEST_CASE("results are rounded to the nearest value") {
    CHECK(resize(row({0, 2}), 1, 4) == row({0, 1, 2, 2}));      // 0, 0.5, 1.5, 2
    CHECK(resize(row({0, 0, 0, 8}), 1, 2) == row({0, 3}));      // 24/7
    CHECK(resize(row({0, 0, 0, 255}), 1, 2) == row({0, 109}));  // 765/7
}

TEST_CASE("the channels of a colour image are resized one by one") {
    const Image image{2, 2, 3, {10, 20, 30, 10, 20, 30, 50, 60, 70, 50, 60, 70}};
    CHECK(resize(image, 1, 1) == Image{1, 1, 3, {30, 40, 50}});
    CHECK(resize(image, 2, 1) == Image{2, 1, 3, {10, 20, 30, 50, 60, 70}});
    CHECK(resize(image, 2, 2) == image);
}

TEST_CASE("an even image stays even at any size") {
    const Image image{5, 7, 1, std::vector<std::uint8_t>(35, 255)};
    for (const int size : {1, 2, 3, 4, 6, 11, 40}) {
        for (const std::uint8_t value : resize(image, size, 2 * size).pixels) CHECK(value == 255);
    }
}

TEST_CASE("the shorter side becomes as long as asked, the longer one in proportion, rounded down") {
    Image wide{10, 25, 1, std::vector<std::uint8_t>(250)};
    resize_shorter_side(wide, 7);
    CHECK(wide.height == 7);
    CHECK(wide.width == 17);
    Image high{25, 10, 1, std::vector<std::uint8_t>(250)};
    resize_shorter_side(high, 15);
    CHECK(high.height == 37);
    CHECK(high.width == 15);
    CHECK(high.pixels.size() == 37 * 15);
}
