#include "engine/formats/image.h"

#include "engine/base/error.h"
#include "engine/base/warning.h"
#include "engine/formats/exif.h"
#include "engine/formats/file.h"
#include "engine/formats/image_container.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <utility>

// The implementations are kept private to this file, so that a program that embeds the engine may have its own copy.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_FAILURE_USERMSG
// Where a damaged file leaves pixels out, they are 0 and not what was in memory.
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(memory, size) std::realloc(memory, size)
#define STBI_FREE(memory) std::free(memory)
#define STBI_MAX_DIMENSIONS (1 << 16)
// Damaged JPEG files make it shift by too much and overflow sums: pixels are then any, which the fuzzer is not to
// report.
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("shift", "signed-integer-overflow"))), apply_to = function)
#endif
#include <stb/stb_image.h>
#ifdef __clang__
#pragma clang attribute pop
#endif
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace eigenbit::internal {
namespace {

using Bytes = std::vector<std::uint8_t>;
using ByteSpan = std::span<const std::uint8_t>;

constexpr std::uint8_t kMissing = 128;  // the grey of pixels that a file does not have

/// A file's bytes as the decoder asks for them. It takes missing bytes for zeros and goes on, hence the mark.
struct Reader {
    ByteSpan bytes;
    std::size_t position = 0;
    bool asked_beyond_end = false;

    static Reader& of(void* user) { return *static_cast<Reader*>(user); }
};

int read_bytes(void* user, char* destination, int wanted) {
    Reader& reader = Reader::of(user);
    const std::size_t count = std::min(static_cast<std::size_t>(wanted), reader.bytes.size() - reader.position);
    if (count == 0) reader.asked_beyond_end = true;
    std::copy_n(reader.bytes.data() + reader.position, count, destination);
    reader.position += count;
    return static_cast<int>(count);
}

void skip_bytes(void* user, int count) {
    Reader& reader = Reader::of(user);
    const std::int64_t target = static_cast<std::int64_t>(reader.position) + count;
    reader.position =
        static_cast<std::size_t>(std::clamp<std::int64_t>(target, 0, static_cast<std::int64_t>(reader.bytes.size())));
}

int at_end(void* user) { return Reader::of(user).position == Reader::of(user).bytes.size(); }

struct FreePixels {
    void operator()(stbi_uc* pixels) const { stbi_image_free(pixels); }
};

/// Pixels with their opacity, 2 or 4 channels, of a PNG or BMP file; 1 or 3 of a JPEG file, which has none.
struct Decoded {
    Image image;
    bool ended_early = false;
};

Decoded decode(ByteSpan bytes, ImageKind kind, std::string_view name) {
    const stbi_io_callbacks callbacks{read_bytes, skip_bytes, at_end};
    int height = 0;
    int width = 0;
    int stored_channels = 0;
    Reader header{bytes};
    if (!stbi_info_from_callbacks(&callbacks, &header, &width, &height, &stored_channels)) {
        fail("cannot decode image \"{}\": it is damaged: {}", name, stbi_failure_reason());
    }
    // Of deflate, with one bit a pixel; of JPEG, one bit for 64 pixels; of a damaged header, anything.
    const std::size_t most = (kind == ImageKind::png ? 8 * 1032 : 2048) * bytes.size() + (1U << 20);
    const std::int64_t pixels_announced = std::int64_t{height} * width;
    if (height < 1 || width < 1 || pixels_announced > static_cast<std::int64_t>(most)) {
        fail("cannot decode image \"{}\": it announces {}x{} pixels, none or more than so short a file can hold", name,
             height, width);
    }
    const int channels = (stored_channels < 3 ? 1 : 3) + (kind == ImageKind::jpeg ? 0 : 1);
    Reader reader{bytes};
    const std::unique_ptr<stbi_uc, FreePixels> pixels(
        stbi_load_from_callbacks(&callbacks, &reader, &width, &height, &stored_channels, channels));
    if (!pixels) fail("cannot decode image \"{}\": {}", name, stbi_failure_reason());
    const std::size_t size = static_cast<std::size_t>(height) * width * channels;
    return {{height, width, channels, {pixels.get(), pixels.get() + size}}, reader.asked_beyond_end};
}

std::optional<Image> try_to_decode(ByteSpan bytes, ImageKind kind) try {
    return decode(bytes, kind, "").image;
} catch (const Error&) {
    return std::nullopt;
}

/// The bytes of a JPEG file with these after them, and its end.
Bytes with_end(ByteSpan bytes, std::size_t count, std::uint8_t filler) {
    Bytes result(bytes.begin(), bytes.end());
    if (!result.empty() && result.back() == 0xFF) result.pop_back();
    result.insert(result.end(), count, filler);
    result.insert(result.end(), {0xFF, 0xD9});
    return result;
}

/// A JPEG file without its end. The decoder goes on with zeros, which give a pattern: where it changes with what is
/// missing, the image is grey. Progressive files are read up to their last scan, which refines the whole image.
Image decode_cut_jpeg(ByteSpan bytes, const ImageContainer& container, std::string_view name) {
    if (container.first_pixels == bytes.size()) {
        fail("cannot decode image \"{}\": the file ends before its pixels begin", name);
    }
    bytes = bytes.first(container.usable);
    constexpr std::size_t kFiller = 64;  // bytes: more than the decoder reads in advance
    constexpr std::size_t kShorter = 16;
    const std::optional<Image> gone_on = try_to_decode(with_end(bytes, 0, 0), ImageKind::jpeg);
    const bool only_end_is_missing =
        gone_on && try_to_decode(with_end(bytes, kFiller, 0x55), ImageKind::jpeg) == gone_on;
    const bool to_last_scan = container.is_progressive && container.last_scan > 0 && !only_end_is_missing;
    Image image =
        decode(with_end(to_last_scan ? bytes.first(container.last_scan) : bytes, 0, 0), ImageKind::jpeg, name).image;
    if (only_end_is_missing || to_last_scan) return image;
    const ByteSpan shorter =
        bytes.first(std::max(container.first_pixels, bytes.size() - std::min(kShorter, bytes.size())));
    const std::size_t usable = read_jpeg_container(shorter).usable;
    const std::optional<Image> other = try_to_decode(with_end(shorter.first(usable), 0, 0), ImageKind::jpeg);
    if (!other || other->pixels.size() != image.pixels.size()) return image;
    const auto difference = std::ranges::mismatch(image.pixels, other->pixels).in1 - image.pixels.begin();
    const std::ptrdiff_t row_size = std::ptrdiff_t{image.width} * image.channels;
    constexpr std::ptrdiff_t kBlock = 8;  // rows; colours of the row before are interpolated, hence 1 more
    const std::ptrdiff_t whole_rows = (difference / row_size + 1) / kBlock * kBlock;
    if (whole_rows * row_size < std::ssize(image.pixels)) {
        std::fill(image.pixels.begin() + whole_rows * row_size, image.pixels.end(), kMissing);
    }
    return image;
}

void append_big_endian(Bytes& bytes, std::size_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(number >> shift));
}

/// A PNG file of the chunks before its pixels, these pixels as zlib has them, and an end. The decoder looks at no
/// checksums.
Bytes png_of(ByteSpan before, ByteSpan deflated, std::string_view name) {
    if (deflated.empty()) fail("cannot decode image \"{}\": it has no pixels", name);
    Bytes bytes(before.begin(), before.end());
    const auto append_chunk = [&](std::string_view chunk, ByteSpan content) {
        append_big_endian(bytes, content.size());
        bytes.insert(bytes.end(), chunk.begin(), chunk.end());
        bytes.insert(bytes.end(), content.begin(), content.end());
        append_big_endian(bytes, 0);
    };
    append_chunk("IDAT", deflated);
    append_chunk("IEND", {});
    return bytes;
}

Bytes joined(const std::vector<ByteSpan>& parts) {
    Bytes result;
    for (const ByteSpan part : parts) result.insert(result.end(), part.begin(), part.end());
    return result;
}

/// Bytes as zlib stores them.
Bytes stored(ByteSpan bytes) {
    Bytes result{0x78, 0x01};
    constexpr std::size_t kBlock = 65535;
    do {
        const ByteSpan block = bytes.first(std::min(kBlock, bytes.size()));
        bytes = bytes.subspan(block.size());
        const auto length = static_cast<std::uint16_t>(block.size());
        const auto complement = static_cast<std::uint16_t>(~length);
        for (const int byte : {bytes.empty() ? 1 : 0, length & 0xFF, length >> 8, complement & 0xFF, complement >> 8}) {
            result.push_back(static_cast<std::uint8_t>(byte));
        }
        result.insert(result.end(), block.begin(), block.end());
    } while (!bytes.empty());
    result.insert(result.end(), 4, 0);
    return result;
}

/// A PNG file without its end: the rows that its data hold, and grey.
Image decode_cut_png(ByteSpan bytes, const ImageContainer& container, std::string_view name) {
    constexpr std::size_t kHeaderEnd = 8 + 8 + 13;  // signature, a chunk's length and name, IHDR
    const auto refuse = [&] { fail("cannot decode image \"{}\": the file ends before its pixels do", name); };
    if (container.deflated.empty() || bytes.size() < kHeaderEnd) refuse();
    const Bytes deflated = joined(container.deflated);
    const ByteSpan before = bytes.first(container.first_pixels);
    if (std::optional<Image> whole = try_to_decode(png_of(before, deflated, name), ImageKind::png))
        return *std::move(whole);

    const auto number = [&](std::size_t offset) {
        return std::int64_t{bytes[offset]} << 24 | bytes[offset + 1] << 16 | bytes[offset + 2] << 8 | bytes[offset + 3];
    };
    constexpr std::int64_t kLongest = 1 << 16;
    const std::int64_t width = number(16);
    const std::int64_t height = number(20);
    const int depth = bytes[24];
    const int colour = bytes[25];
    const bool is_palette = colour == 3;
    const bool is_interlaced = bytes[28] != 0;
    constexpr std::array kChannels{1, 0, 3, 1, 2, 0, 4};
    if (is_interlaced || colour > 6 || depth > 16 || width > kLongest || height > kLongest) refuse();
    const std::int64_t row_size = 1 + (width * depth * kChannels[static_cast<std::size_t>(colour)] + 7) / 8;
    constexpr std::int64_t kMostGrowth = 1032;  // of deflate
    if (row_size * height > std::min<std::int64_t>(2 * kMostGrowth * std::ssize(deflated), 1 << 30)) refuse();

    // What was written is the same whatever was there before.
    Bytes rows(static_cast<std::size_t>(row_size * height), 0x55);
    Bytes others(rows.size(), 0xAA);
    for (Bytes* target : {&rows, &others}) {
        stbi_zlib_decode_buffer(reinterpret_cast<char*>(target->data()), static_cast<int>(target->size()),
                                reinterpret_cast<const char*>(deflated.data()), static_cast<int>(deflated.size()));
    }
    const auto written = std::ranges::mismatch(rows, others).in1 - rows.begin();
    const std::ptrdiff_t whole_rows = written / row_size;
    if (whole_rows == 0) refuse();
    std::fill(rows.begin() + whole_rows * row_size, rows.end(), is_palette ? 0 : kMissing);
    for (std::ptrdiff_t row = whole_rows; row < height; ++row) rows[static_cast<std::size_t>(row * row_size)] = 0;
    return decode(png_of(before, stored(rows), name), ImageKind::png, name).image;
}

/// Without opacity: over white.
Image opaque(Image image, std::string_view name) {
    const int channels = image.channels - 1;
    const std::size_t count = static_cast<std::size_t>(image.height) * image.width;
    Image result{image.height, image.width, channels, Bytes(count * channels)};
    bool is_transparent = false;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t* source = &image.pixels[i * image.channels];
        const int opacity = source[channels];
        is_transparent = is_transparent || opacity < 255;
        for (int c = 0; c < channels; ++c) {
            result.pixels[i * channels + c] =
                static_cast<std::uint8_t>((source[c] * opacity + 255 * (255 - opacity) + 127) / 255);
        }
    }
    if (is_transparent) {
        warn_of("transparency", "\"{}\" has transparent pixels: they are laid over white, in other images too", name);
    }
    return result;
}

void warn_of_end(std::string_view name) { warn("\"{}\" ends early: it is read as far as it goes", name); }

}  // namespace

Image read_image(const std::filesystem::path& path) { return decode_image(read_file(path), path.string()); }

Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name) {
    const ImageKind kind = kind_of_image(bytes);
    if (kind == ImageKind::other) {
        if (const std::string_view other = name_of_other_image(bytes); !other.empty()) {
            fail("\"{}\" is {}; JPEG, PNG and BMP are read: convert it", name, other);
        }
        fail("cannot decode image \"{}\": it is not a JPEG, PNG or BMP file", name);
    }
    const ImageContainer container = kind == ImageKind::jpeg  ? read_jpeg_container(bytes)
                                     : kind == ImageKind::png ? read_png_container(bytes)
                                                              : read_bmp_container(bytes);
    if (!container.damage.empty()) fail("cannot decode image \"{}\": {}", name, container.damage);
    if (kind == ImageKind::bmp && container.first_pixels == bytes.size()) {
        fail("cannot decode image \"{}\": the file ends before its pixels begin", name);
    }
    Decoded decoded;
    if (container.is_whole) {
        // The decoder takes pixels of no bytes badly, in a chunk of their own.
        const bool has_empty_part = std::ranges::any_of(container.deflated, &ByteSpan::empty);
        decoded = has_empty_part ? decode(png_of(bytes.first(container.first_pixels), joined(container.deflated), name),
                                          kind, name)
                                 : decode(bytes, kind, name);
    } else {
        decoded = {kind == ImageKind::jpeg ? decode_cut_jpeg(bytes, container, name)
                                           : decode_cut_png(bytes, container, name),
                   true};
    }
    if (decoded.ended_early) warn_of_end(name);
    if (kind != ImageKind::jpeg) decoded.image = opaque(std::move(decoded.image), name);
    return upright(std::move(decoded.image), exif_orientation(container.exif));
}

void write_png(const std::filesystem::path& path, const Image& image) {
    const std::size_t expected = static_cast<std::size_t>(image.height) * image.width * image.channels;
    if (expected == 0 || image.pixels.size() != expected || (image.channels != 1 && image.channels != 3)) {
        fail("cannot write \"{}\": an image of {}x{} pixels with {} channels and {} values is not a grey or RGB image",
             path.string(), image.width, image.height, image.channels, image.pixels.size());
    }
    std::vector<std::uint8_t> bytes;
    const auto append = [](void* user, void* data, int size) {
        const auto* first = static_cast<const std::uint8_t*>(data);
        static_cast<std::vector<std::uint8_t>*>(user)->assign(first, first + size);
    };
    if (!stbi_write_png_to_func(append, &bytes, image.width, image.height, image.channels, image.pixels.data(), 0)) {
        fail("cannot write \"{}\": the image could not be encoded", path.string());
    }
    write_file(path, bytes);
}

}  // namespace eigenbit::internal
