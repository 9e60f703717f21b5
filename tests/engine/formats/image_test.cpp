#include "engine/formats/file.h"
#include "engine/formats/image.h"
#include "tests/error_of.h"
#include "tests/laboratory.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

namespace {

Image ramp(int height, int width, int channels) {
    Image image{height, width, channels, {}};
    for (int i = 0; i < height * width * channels; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i * 7));
    return image;
}

std::filesystem::path photograph() { return laboratory("data/imagenet-sample/000_n01440764.jpg"); }

}  // namespace

TEST_CASE("grey and colour images survive a PNG file unchanged") {
    const TemporaryFolder folder;
    for (const int channels : {1, 3}) {
        for (const auto& [height, width] : {std::pair{1, 1}, std::pair{5, 3}, std::pair{64, 33}}) {
            const Image image = ramp(height, width, channels);
            write_png(folder / "image.png", image);
            CHECK(read_image(folder / "image.png") == image);
        }
    }
}

TEST_CASE("an uncompressed BMP file is read bottom row first, blue first") {
    const TemporaryFolder folder;
    std::vector<std::uint8_t> bytes(54 + 2 * 4, 0);
    const auto set = [&](std::size_t offset, std::initializer_list<int> values) {
        for (const int value : values) bytes[offset++] = static_cast<std::uint8_t>(value);
    };
    set(0, {'B', 'M', 62});
    set(10, {54});
    set(14, {40});
    set(18, {1});
    set(22, {2});
    set(26, {1, 0, 24});
    set(54, {1, 2, 3});
    set(58, {4, 5, 6});
    write_file(folder / "image.bmp", bytes);
    CHECK(read_image(folder / "image.bmp") == Image{2, 1, 3, {6, 5, 4, 3, 2, 1}});
}

TEST_CASE("a file that is no image, or only the beginning of one, is named") {
    const TemporaryFolder folder;
    folder.write("text.jpg", "no image at all, but long enough to look at");
    CHECK(error_of([&] { read_image(folder / "text.jpg"); }).find("text.jpg\": it is not a JPEG") != std::string::npos);
    folder.write("empty.png", "");
    CHECK(error_of([&] { read_image(folder / "empty.png"); }).find("empty.png\"") != std::string::npos);
    CHECK(error_of([&] { read_image(folder / "missing.png"); }).find("missing.png\"") != std::string::npos);

    write_png(folder / "image.png", ramp(40, 40, 3));
    const std::size_t size = read_file(folder / "image.png").size();
    for (const std::size_t bytes : {size - 1, size - 12, size / 2, std::size_t{60}, std::size_t{20}}) {
        write_png(folder / "image.png", ramp(40, 40, 3));
        std::filesystem::resize_file(folder / "image.png", bytes);
        CHECK(error_of([&] { read_image(folder / "image.png"); }).find("image.png\"") != std::string::npos);
    }
}

TEST_CASE("a JPEG file that ends early is refused, a whole one is read" * doctest::skip(absent({photograph()}))) {
    const Image image = read_image(photograph());
    CHECK(image.height == 256);
    CHECK(image.width == 256);
    CHECK(image.channels == 3);
    const TemporaryFolder folder;
    const std::vector<std::uint8_t> bytes = read_file(photograph());
    for (const std::size_t missing : {std::size_t{2}, std::size_t{100}, bytes.size() / 2, bytes.size() - 200}) {
        write_file(folder / "image.jpg", std::span(bytes).first(bytes.size() - missing));
        CHECK(error_of([&] { read_image(folder / "image.jpg"); }).find("image.jpg\"") != std::string::npos);
    }
}

TEST_CASE("an image whose values do not fit its extents is not written") {
    const TemporaryFolder folder;
    CHECK(error_of([&] {
              write_png(folder / "image.png", {2, 2, 3, {1, 2, 3}});
          }).find("image.png")
          != std::string::npos);
    CHECK(error_of([&] { write_png(folder / "image.png", {0, 0, 3, {}}); }).find("image.png") != std::string::npos);
    CHECK(std::filesystem::is_empty(folder.path()));
}
