#include "engine/formats/exif.h"

#include <algorithm>
#include <utility>

namespace eigenbit::internal {
namespace {

/// Numbers of a TIFF structure, in its byte order; 0 beyond its end.
class TiffReader {
  public:
    TiffReader(std::span<const std::uint8_t> bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

    std::uint32_t number(std::uint64_t offset, int size) const {
        if (offset + static_cast<std::uint64_t>(size) > bytes_.size()) return 0;
        std::uint32_t value = 0;
        for (int i = 0; i < size; ++i) {
            const int place = big_endian_ ? size - 1 - i : i;
            value |= std::uint32_t{bytes_[offset + static_cast<std::uint64_t>(i)]} << (8 * place);
        }
        return value;
    }

  private:
    std::span<const std::uint8_t> bytes_;
    bool big_endian_;
};

}  // namespace

int exif_orientation(std::span<const std::uint8_t> tiff) {
    constexpr std::uint32_t kMagic = 42, kOrientation = 0x0112, kShort = 3;
    constexpr std::uint64_t kEntryBytes = 12;
    if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
    const TiffReader reader(tiff, tiff[0] == 'M');
    if (reader.number(2, 2) != kMagic) return 1;
    const std::uint64_t directory = reader.number(4, 4);
    const std::uint32_t entries = reader.number(directory, 2);
    for (std::uint32_t i = 0; i < entries; ++i) {
        const std::uint64_t entry = directory + 2 + i * kEntryBytes;
        if (reader.number(entry, 2) != kOrientation) continue;
        const std::uint32_t value = reader.number(entry + 8, reader.number(entry + 2, 2) == kShort ? 2 : 4);
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

Image upright(Image image, int orientation) {
    if (orientation == 1) return image;
    const bool transposed = orientation >= 5;
    const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    Image result{transposed ? image.width : image.height, transposed ? image.height : image.width, image.channels, {}};
    result.pixels.resize(image.pixels.size());
    auto* destination = result.pixels.data();
    for (int y = 0; y < result.height; ++y) {
        for (int x = 0; x < result.width; ++x) {
            const int row = transposed ? x : y;
            const int column = transposed ? y : x;
            const std::ptrdiff_t source_row = from_bottom ? image.height - 1 - row : row;
            const int source_column = from_right ? image.width - 1 - column : column;
            const auto* source = image.pixels.data() + (source_row * image.width + source_column) * image.channels;
            destination = std::copy_n(source, image.channels, destination);
        }
    }
    return result;
}

}  // namespace eigenbit::internal
