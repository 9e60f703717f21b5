#include "engine/formats/exif.h"
#include "engine/formats/file.h"
#include "engine/formats/image.h"
#include "tests/error_of.h"
#include "tests/image_bytes.h"
#include "tests/laboratory.h"
#include "tests/temporary_folder.h"
#include "tests/warnings.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

using namespace eigenbit::internal;

namespace {

Image ramp(int height, int width, int channels) {
    Image image{height, width, channels, {}};
    for (int i = 0; i < height * width * channels; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i * 7));
    return image;
}

/// Neighbours are alike, as in photographs.
Image smooth(int height, int width, int channels) {
    Image image{height, width, channels, {}};
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < channels; ++c) {
                image.pixels.push_back(static_cast<std::uint8_t>(60 + 2 * y + x + (x * y + 7 * c) % 5));
            }
        }
    }
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

TEST_CASE("a file that is no image, or ends before its pixels do, is named") {
    const TemporaryFolder folder;
    folder.write("text.jpg", "no image at all, but long enough to look at");
    CHECK(error_of([&] { read_image(folder / "text.jpg"); }).find("text.jpg\": it is not a JPEG") != std::string::npos);
    folder.write("empty.png", "");
    CHECK(error_of([&] { read_image(folder / "empty.png"); }).find("empty.png\"") != std::string::npos);
    CHECK(error_of([&] { read_image(folder / "missing.png"); }).find("missing.png\"") != std::string::npos);

    for (const Bytes& whole : {png_bytes(ramp(40, 40, 3)), jpeg_bytes(ramp(40, 40, 3))}) {
        for (const std::size_t bytes : {8, 20, 28, 42}) {
            CAPTURE(bytes);
            const std::string sentence = error_of([&] { decode_image(std::span(whole).first(bytes), "image"); });
            CHECK(sentence.find("cannot decode image \"image\"") != std::string::npos);
        }
    }
}

TEST_CASE("images of other kinds are refused by name") {
    for (const char* kind : {"WebP", "AVIF", "HEIC", "GIF", "TIFF", "JPEG XL", "JPEG 2000"}) {
        CAPTURE(kind);
        const std::string sentence = error_of([&] { decode_image(other_image_bytes(kind), "photo.jpg"); });
        CHECK(sentence.find(std::string(kind) + " image; JPEG, PNG and BMP are read: convert it") != std::string::npos);
        CHECK(sentence.starts_with("\"photo.jpg\" is a"));
    }
}

TEST_CASE("a file without its end is read as far as it goes, with a warning") {
    Warnings warnings;
    const auto read = [](const Bytes& bytes, std::size_t missing) {
        return decode_image(std::span(bytes).first(bytes.size() - missing), "cut");
    };
    const Image image = smooth(128, 96, 3);
    for (const Bytes& bytes : {png_bytes(image), jpeg_bytes(image), png_bytes(smooth(128, 96, 1))}) {
        CAPTURE(bytes[0]);
        const Image whole = decode_image(bytes, "whole");
        CHECK(warnings.take().empty());
        CHECK(read(bytes, 2) == whole);
        CHECK(warnings.take() == "\"cut\" ends early: it is read as far as it goes\n");

        const Image part = read(bytes, bytes.size() / 4);
        CHECK(warnings.take() == "\"cut\" ends early: it is read as far as it goes\n");
        REQUIRE(part.pixels.size() == whole.pixels.size());
        const auto same = std::ranges::mismatch(part.pixels, whole.pixels).in1 - part.pixels.begin();
        const auto row_size = std::ptrdiff_t{whole.width} * whole.channels;
        const auto rows = same / row_size;
        CHECK(rows >= 16);
        CHECK(rows < 120);
        CHECK(std::all_of(part.pixels.begin() + rows * row_size, part.pixels.end(),
                          [](std::uint8_t value) { return value == 128; }));
    }
    CHECK(read(png_bytes(image), 12) == image);            // without its last chunk
    const Bytes bmp = bmp_bytes({4, 1, 3, Bytes(12, 9)});  // rows of 4 bytes
    warnings.take();
    const Image half = read(bmp, 8);
    CHECK(half.pixels == Bytes{0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9});  // from the bottom
    CHECK(warnings.take().find("ends early") != std::string::npos);
    CHECK(error_of([&] { read(bmp, 16); }).find("ends before its pixels begin") != std::string::npos);
}

TEST_CASE("a progressive JPEG file without its end is read as fine as it goes") {
    Warnings warnings;
    const std::vector<std::uint8_t> bytes =
        read_file(std::filesystem::path(EIGENBIT_SOURCE_ROOT) / "tests/fuzz/data_corpus/progressive.jpg");
    const Image whole = decode_image(bytes, "whole");
    REQUIRE(whole.height == 64);
    CHECK(warnings.take().empty());
    CHECK(decode_image(std::span(bytes).first(bytes.size() - 2), "cut") == whole);
    const Image coarse = decode_image(std::span(bytes).first(bytes.size() - 40), "cut");
    CHECK(warnings.take().find("\"cut\" ends early") != std::string::npos);
    CHECK(coarse != whole);
    // Wherever it is cut from its first scan on, in data or in a header between scans.
    for (std::size_t size = 200; size < bytes.size(); ++size) {
        CAPTURE(size);
        const std::string sentence = error_of([&] { decode_image(std::span(bytes).first(size), "cut"); });
        CHECK((sentence.empty() || sentence.find("ends before its pixels begin") != std::string::npos));
        if (size > 400) CHECK(sentence.empty());
    }
    int largest = 0;
    for (std::size_t i = 0; i < whole.pixels.size(); ++i) {
        largest = std::max(largest, std::abs(coarse.pixels[i] - whole.pixels[i]));
    }
    CHECK(largest < 16);
}

TEST_CASE("files that a decoder would stumble over are refused") {
    const Bytes jpeg = jpeg_bytes(smooth(16, 16, 3));
    /// The file with its segments of one marker given another, or with this byte at an offset into them.
    const auto changed = [&](std::uint8_t marker, std::ptrdiff_t offset, std::uint8_t value) {
        Bytes bytes = jpeg;
        for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
            if (bytes[i] == 0xFF && bytes[i + 1] == marker) bytes[i + static_cast<std::size_t>(offset)] = value;
        }
        return error_of([&] { decode_image(bytes, "image"); });
    };
    CHECK(changed(0xC4, 1, 0xEF) == "cannot decode image \"image\": a Huffman table is missing");
    CHECK(changed(0xC4, 4, 3) == "cannot decode image \"image\": a Huffman table is missing");
    CHECK(changed(0xC4, 10, 255) == "cannot decode image \"image\": a Huffman table has too many codes");
    CHECK(changed(0xDB, 1, 0xEF) == "cannot decode image \"image\": a quantization table is missing");
    CHECK(changed(0xDA, 4, 200) == "cannot decode image \"image\": the header of a scan is cut off");

    const Image image = smooth(5, 4, 3);
    Bytes png = png_bytes(image);
    const Bytes empty{0, 0, 0, 0, 'I', 'D', 'A', 'T', 0, 0, 0, 0};
    png.insert(png.begin() + 33, empty.begin(), empty.end());
    CHECK(decode_image(png, "image") == image);
    png.erase(png.begin() + 33 + 12, png.end() - 12);
    CHECK(error_of([&] { decode_image(png, "image"); }) == "cannot decode image \"image\": it has no pixels");
}

TEST_CASE("Exif data turn an image upright, in both byte orders, in JPEG and PNG files") {
    const Image stored{2, 3, 1, {1, 2, 3, 4, 5, 6}};
    const std::array<Image, 8> expected{stored,
                                        Image{2, 3, 1, {3, 2, 1, 6, 5, 4}},
                                        Image{2, 3, 1, {6, 5, 4, 3, 2, 1}},
                                        Image{2, 3, 1, {4, 5, 6, 1, 2, 3}},
                                        Image{3, 2, 1, {1, 4, 2, 5, 3, 6}},
                                        Image{3, 2, 1, {4, 1, 5, 2, 6, 3}},
                                        Image{3, 2, 1, {6, 3, 5, 2, 4, 1}},
                                        Image{3, 2, 1, {3, 6, 2, 5, 1, 4}}};
    const Bytes jpeg = jpeg_bytes(smooth(24, 32, 3));
    for (int orientation = 1; orientation <= 8; ++orientation) {
        for (const bool big_endian : {false, true}) {
            CAPTURE(orientation);
            const Bytes exif = exif_bytes(orientation, big_endian);
            CHECK(exif_orientation(exif) == orientation);
            CHECK(decode_image(with_exif(png_bytes(stored), exif), "png")
                  == expected[static_cast<std::size_t>(orientation - 1)]);
            const Image turned = decode_image(with_exif(jpeg, exif), "jpeg");
            CHECK(turned == upright(decode_image(jpeg, "plain"), orientation));
            CHECK(turned.height == (orientation < 5 ? 24 : 32));
        }
    }
}

TEST_CASE("damaged Exif data say nothing, or something") {
    for (const int wrong : {0, 9, 65535}) CHECK(exif_orientation(exif_bytes(wrong, true)) == 1);
    const Bytes whole = exif_bytes(6, false);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const int orientation = exif_orientation(std::span(whole).first(size));
        CHECK((orientation == 1 || orientation == 6));
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
        Bytes damaged = whole;
        for (const int value : {0, 1, 127, 128, 255}) {
            damaged[at] = static_cast<std::uint8_t>(value);
            const int orientation = exif_orientation(damaged);
            CHECK(orientation >= 1);
            CHECK(orientation <= 8);
        }
    }
}

TEST_CASE("transparent pixels are laid over white, with a warning; opaque ones stay as they are") {
    Warnings warnings;
    CHECK(decode_image(png_bytes({1, 2, 4, {10, 20, 30, 255, 40, 50, 60, 255}}), "a.png")
          == Image{1, 2, 3, {10, 20, 30, 40, 50, 60}});
    CHECK(warnings.take().empty());
    CHECK(decode_image(png_bytes({1, 3, 4, {10, 20, 30, 0, 0, 100, 200, 128, 1, 2, 3, 255}}), "a.png")
          == Image{1, 3, 3, {255, 255, 255, 127, 177, 227, 1, 2, 3}});
    CHECK(warnings.take().starts_with("\"a.png\" has transparent pixels: they are laid over white"));
    CHECK(decode_image(png_bytes({1, 2, 2, {0, 0, 7, 255}}), "grey.png") == Image{1, 2, 1, {255, 7}});
}

TEST_CASE("a photograph is read, and without its end as far as it goes" * doctest::skip(absent({photograph()}))) {
    const Image image = read_image(photograph());
    CHECK(image.height == 256);
    CHECK(image.width == 256);
    CHECK(image.channels == 3);
    const std::vector<std::uint8_t> bytes = read_file(photograph());
    CHECK(decode_image(std::span(bytes).first(bytes.size() - 2), "cut") == image);
    const Image half = decode_image(std::span(bytes).first(bytes.size() / 2), "cut");
    CHECK(std::equal(half.pixels.begin(), half.pixels.begin() + 64 * 256 * 3, image.pixels.begin()));
    CHECK(half.pixels.back() == 128);
    CHECK(error_of([&] { decode_image(std::span(bytes).first(200), "cut"); }).find("\"cut\"") != std::string::npos);
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
