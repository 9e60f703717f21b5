#include "engine/formats/image_container.h"

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1A\n";
constexpr std::string_view kExifHeader("Exif\0\0", 6);

bool has_text(Bytes bytes, std::size_t offset, std::string_view text) {
    return bytes.size() >= offset + text.size()
           && std::ranges::equal(bytes.subspan(offset, text.size()), text, [](std::uint8_t byte, char letter) {
                  return byte == static_cast<std::uint8_t>(letter);
              });
}

std::size_t big_endian(Bytes bytes, std::size_t offset, std::size_t size) {
    std::size_t number = 0;
    for (const std::uint8_t byte : bytes.subspan(offset, size)) number = number << 8 | byte;
    return number;
}

/// The next marker that ends a scan's data, from an offset on; the size where there is none.
std::size_t end_of_scan(Bytes bytes, std::size_t offset) {
    for (; offset + 1 < bytes.size(); ++offset) {
        if (bytes[offset] != 0xFF) continue;
        const std::uint8_t next = bytes[offset + 1];
        const bool belongs_to_data = next == 0 || next == 0xFF || (next >= 0xD0 && next <= 0xD7);
        if (!belongs_to_data) return offset;
    }
    return bytes.size();
}

/// The tables that a JPEG file has defined so far, and what its scans ask of them. Decoders differ in what they check.
class JpegTables {
  public:
    /// Of a segment, from its length on. Returns what is wrong, or nothing.
    std::string_view read(std::uint8_t marker, Bytes segment) {
        constexpr std::uint8_t kQuantization = 0xDB, kHuffman = 0xC4, kFirstFrame = 0xC0, kLastFrame = 0xC2,
                               kScan = 0xDA;
        const Bytes content = segment.subspan(std::min<std::size_t>(2, segment.size()));
        if (marker == kHuffman) return read_huffman(content);
        if (marker == kQuantization) return read_quantization(content);
        if (marker == kScan) return check_scan(content);
        if (marker >= kFirstFrame && marker <= kLastFrame) {
            is_progressive_ = marker == kLastFrame;
            frame_.assign(content.begin(), content.end());
        }
        return {};
    }

  private:
    std::string_view read_huffman(Bytes content) {
        constexpr std::size_t kLengths = 16;
        constexpr std::size_t kMostCodes = 255;
        while (!content.empty()) {
            const std::size_t table = content[0] & 0x1FU;
            if (content.size() < 1 + kLengths) return "a Huffman table is cut off";
            std::size_t codes = 0;
            for (const std::uint8_t count : content.subspan(1, kLengths)) codes += count;
            if (codes > kMostCodes || content.size() < 1 + kLengths + codes)
                return "a Huffman table has too many codes";
            huffman_[table] = true;
            content = content.subspan(1 + kLengths + codes);
        }
        return {};
    }

    std::string_view read_quantization(Bytes content) {
        while (!content.empty()) {
            const std::size_t size = 1 + (content[0] >> 4 == 0 ? 64 : 128);
            if (content.size() < size) return "a quantization table is cut off";
            quantization_[content[0] & 0xFU] = true;
            content = content.subspan(size);
        }
        return {};
    }

    std::string_view check_scan(Bytes content) const {
        constexpr std::size_t kFrameHeader = 6, kFrameComponent = 3, kAfterComponents = 3;
        for (std::size_t at = kFrameHeader; at + kFrameComponent <= frame_.size(); at += kFrameComponent) {
            if (!quantization_[frame_[at + 2] & 0xFU]) return "a quantization table is missing";
        }
        const std::size_t components = content.empty() ? 0 : content[0];
        if (content.size() < 1 + 2 * components + kAfterComponents) return "the header of a scan is cut off";
        const Bytes behind = content.subspan(1 + 2 * components);
        const bool has_first = behind[0] == 0;
        const bool refines = behind[2] >> 4 != 0;
        for (std::size_t i = 0; i < components; ++i) {
            const std::uint8_t tables = content[2 + 2 * i];
            const bool reads_dc = !is_progressive_ || (has_first && !refines);
            const bool reads_ac = !is_progressive_ || !has_first;
            if (reads_dc && !huffman_[tables >> 4]) return "a Huffman table is missing";
            if (reads_ac && !huffman_[0x10U + (tables & 0xFU)]) return "a Huffman table is missing";
        }
        return {};
    }

    std::array<bool, 32> huffman_{};  ///< those of DC first
    std::array<bool, 16> quantization_{};
    std::vector<std::uint8_t> frame_;
    bool is_progressive_ = false;
};

}  // namespace

ImageKind kind_of_image(Bytes bytes) {
    if (has_text(bytes, 0, "\xFF\xD8\xFF")) return ImageKind::jpeg;
    if (has_text(bytes, 0, kPngSignature)) return ImageKind::png;
    if (has_text(bytes, 0, "BM")) return ImageKind::bmp;
    return ImageKind::other;
}

std::string_view name_of_other_image(Bytes bytes) {
    struct Kind {
        std::size_t offset;
        std::string_view text;
        std::string_view name;
    };
    using namespace std::string_view_literals;
    constexpr auto kKinds = std::to_array<Kind>({{8, "WEBP"sv, "a WebP image"},
                                                 {4, "ftypavif"sv, "an AVIF image"},
                                                 {4, "ftypavis"sv, "an AVIF image"},
                                                 {4, "ftyphei"sv, "an HEIC image"},
                                                 {4, "ftyphev"sv, "an HEIC image"},
                                                 {4, "ftypmif1"sv, "an HEIC image"},
                                                 {4, "ftypmsf1"sv, "an HEIC image"},
                                                 {4, "JXL "sv, "a JPEG XL image"},
                                                 {0, "\xFF\x0A"sv, "a JPEG XL image"},
                                                 {4, "jP  "sv, "a JPEG 2000 image"},
                                                 {0, "GIF8"sv, "a GIF image"},
                                                 {0, "II*\0"sv, "a TIFF image"},
                                                 {0, "MM\0*"sv, "a TIFF image"}});
    const auto kind = std::ranges::find_if(kKinds, [&](const Kind& k) { return has_text(bytes, k.offset, k.text); });
    return kind == kKinds.end() ? std::string_view{} : kind->name;
}

ImageContainer read_jpeg_container(Bytes bytes) {
    constexpr std::uint8_t kBegin = 0xD8, kEnd = 0xD9, kScan = 0xDA, kApp1 = 0xE1, kProgressiveFrame = 0xC2;
    ImageContainer container{.first_pixels = bytes.size(), .usable = bytes.size(), .is_whole = false};
    JpegTables tables;
    for (std::size_t offset = 0; offset + 2 <= bytes.size();) {
        const std::uint8_t marker = bytes[offset + 1];
        if (bytes[offset] != 0xFF || marker == 0xFF || marker == kBegin) {  // or what should not be there, or fills
            ++offset;
            continue;
        }
        if (marker == kEnd) {
            container.is_whole = container.first_pixels < bytes.size();
            break;
        }
        const Bytes rest = bytes.subspan(offset + 2);
        const std::size_t length = rest.size() < 2 ? 0 : big_endian(rest, 0, 2);
        if (rest.size() < 2 || rest.size() < length) {
            container.usable = offset;
            break;
        }
        const Bytes segment = rest.first(length);
        const std::size_t end = offset + 2 + segment.size();
        container.damage = tables.read(marker, segment);
        if (!container.damage.empty()) break;
        if (marker == kProgressiveFrame) container.is_progressive = true;
        if (marker == kApp1 && container.exif.empty() && has_text(segment, 2, kExifHeader)) {
            container.exif = segment.subspan(2 + kExifHeader.size());
        }
        if (marker == kScan && container.first_pixels < bytes.size()) container.last_scan = offset;
        if (marker == kScan) container.first_pixels = std::min(container.first_pixels, end);
        offset = marker == kScan ? end_of_scan(bytes, end) : end;
    }
    return container;
}

ImageContainer read_png_container(Bytes bytes) {
    constexpr std::size_t kBefore = 8;  // bytes of a chunk before its content: length and name
    constexpr std::size_t kChecksum = 4;
    ImageContainer container{.first_pixels = bytes.size(), .is_whole = false};
    for (std::size_t offset = kPngSignature.size(); offset + kBefore <= bytes.size();) {
        const std::size_t length = big_endian(bytes, offset, 4);
        const Bytes rest = bytes.subspan(offset + kBefore);
        const Bytes content = rest.first(std::min(length, rest.size()));
        if (has_text(bytes, offset + 4, "IEND")) container.is_whole = true;
        if (has_text(bytes, offset + 4, "IDAT")) {
            container.first_pixels = std::min(container.first_pixels, offset);
            container.deflated.push_back(content);
        }
        if (container.is_whole || length > rest.size()) break;
        if (has_text(bytes, offset + 4, "eXIf")) container.exif = content;
        offset += kBefore + length + kChecksum;
    }
    return container;
}

ImageContainer read_bmp_container(Bytes bytes) {
    ImageContainer container{.first_pixels = bytes.size()};
    if (bytes.size() < 14) return container;
    std::size_t pixels = 0;
    for (std::size_t i = 0; i < 4; ++i) pixels |= std::size_t{bytes[10 + i]} << (8 * i);
    container.first_pixels = std::min(pixels, bytes.size());
    return container;
}

}  // namespace eigenbit::internal
