#include "engine/formats/image.h"

#include "engine/base/error.h"
#include "engine/formats/file.h"

#include <algorithm>
#include <memory>
#include <span>

// The implementations are kept private to this file, so that a program that embeds the engine may have its own copy.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_FAILURE_USERMSG
#define STBI_MAX_DIMENSIONS (1 << 16)
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace eigenbit::internal {
namespace {

/// A file's bytes as the decoder asks for them. It takes missing bytes for zeros and goes on, hence the mark.
struct Reader {
    std::span<const std::uint8_t> bytes;
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

}  // namespace

Image read_image(const std::filesystem::path& path) {
    const std::vector<std::uint8_t> bytes = read_file(path);
    const stbi_io_callbacks callbacks{read_bytes, skip_bytes, at_end};
    int height = 0;
    int width = 0;
    int stored_channels = 0;
    Reader header{bytes};
    if (!stbi_info_from_callbacks(&callbacks, &header, &width, &height, &stored_channels)) {
        fail("cannot decode image \"{}\": it is not a JPEG, PNG or BMP file, or is damaged", path.string());
    }
    const int channels = stored_channels < 3 ? 1 : 3;
    Reader reader{bytes};
    const std::unique_ptr<stbi_uc, FreePixels> pixels(
        stbi_load_from_callbacks(&callbacks, &reader, &width, &height, &stored_channels, channels));
    if (reader.asked_beyond_end) fail("cannot decode image \"{}\": the file ends early", path.string());
    if (!pixels) fail("cannot decode image \"{}\": {}", path.string(), stbi_failure_reason());
    const std::size_t size = static_cast<std::size_t>(height) * width * channels;
    return {height, width, channels, {pixels.get(), pixels.get() + size}};
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
