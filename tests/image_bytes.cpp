#include "tests/image_bytes.h"

#include <map>
#include <string>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace eigenbit::internal {
namespace {

void append(void* bytes, void* data, int size) {
    const auto* first = static_cast<const std::uint8_t*>(data);
    static_cast<Bytes*>(bytes)->insert(static_cast<Bytes*>(bytes)->end(), first, first + size);
}

void append_number(Bytes& bytes, std::size_t number, int size, bool big_endian) {
    for (int i = 0; i < size; ++i) {
        bytes.push_back(static_cast<std::uint8_t>(number >> (8 * (big_endian ? size - 1 - i : i))));
    }
}

}  // namespace

Bytes jpeg_bytes(const Image& image) {
    Bytes bytes;
    stbi_write_jpg_to_func(append, &bytes, image.width, image.height, image.channels, image.pixels.data(), 95);
    return bytes;
}

Bytes png_bytes(const Image& image) {
    Bytes bytes;
    stbi_write_png_to_func(append, &bytes, image.width, image.height, image.channels, image.pixels.data(), 0);
    return bytes;
}

Bytes bmp_bytes(const Image& image) {
    Bytes bytes;
    stbi_write_bmp_to_func(append, &bytes, image.width, image.height, image.channels, image.pixels.data());
    return bytes;
}

Bytes exif_bytes(int orientation, bool big_endian) {
    Bytes bytes(2, big_endian ? 'M' : 'I');
    const auto add = [&](std::size_t number, int size) { append_number(bytes, number, size, big_endian); };
    add(42, 2);
    add(8, 4);       // where the directory begins
    add(2, 2);       // entries
    add(0x0100, 2);  // the width, an entry like any other
    add(4, 2);
    add(1, 4);
    add(640, 4);
    add(0x0112, 2);
    add(3, 2);  // a number of two bytes
    add(1, 4);
    add(static_cast<std::size_t>(orientation), 2);
    add(0, 2);
    add(0, 4);  // no other directory
    return bytes;
}

Bytes with_exif(const Bytes& file, const Bytes& exif) {
    const bool is_jpeg = file[0] == 0xFF;
    Bytes segment;
    if (is_jpeg) {
        segment = {0xFF, 0xE1};
        append_number(segment, 8 + exif.size(), 2, true);
        segment.insert(segment.end(), {'E', 'x', 'i', 'f', 0, 0});
    } else {
        append_number(segment, exif.size(), 4, true);
        segment.insert(segment.end(), {'e', 'X', 'I', 'f'});
    }
    segment.insert(segment.end(), exif.begin(), exif.end());
    if (!is_jpeg) segment.insert(segment.end(), 4, 0);  // a checksum that nobody looks at
    const std::ptrdiff_t place = is_jpeg ? 2 : 8 + 25;  // behind the first marker, or the header chunk
    Bytes result(file.begin(), file.begin() + place);
    result.insert(result.end(), segment.begin(), segment.end());
    result.insert(result.end(), file.begin() + place, file.end());
    return result;
}

Bytes other_image_bytes(std::string_view kind) {
    using namespace std::string_literals;
    const std::map<std::string_view, std::string> beginnings{
        {"WebP", "RIFF\x24\0\0\0WEBPVP8 "s},
        {"AVIF", "\0\0\0\x20"
                 "ftypavif\0\0\0\0avif"s},
        {"HEIC", "\0\0\0\x18"
                 "ftypheic\0\0\0\0mif1"s},
        {"GIF", "GIF89a\1\0\1\0"s},
        {"TIFF", "II*\0\x08\0\0\0"s},
        {"JPEG XL", "\xFF\x0A\0\0"s},
        {"JPEG 2000", "\0\0\0\x0CjP  \r\n\x87\n"s},
    };
    const std::string& text = beginnings.at(kind);
    Bytes bytes(text.begin(), text.end());
    bytes.resize(64);
    return bytes;
}

}  // namespace eigenbit::internal
