#include "tests/cli/command.h"

#include "engine/formats/image.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

constexpr std::uint32_t kSide = 12;

void append_number(std::string& text, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(number >> shift & 0xFF);
}

void write_idx(const TemporaryFolder& folder, const std::string& stem, std::uint32_t count) {
    std::string images;
    std::string labels;
    for (const std::uint32_t number : {0x803U, count, kSide, kSide}) {
        append_number(images, number);
    }
    for (const std::uint32_t number : {0x801U, count}) append_number(labels, number);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t digit = i % 2;
        const std::uint32_t position = 2 + i * 5 % 8;
        labels += static_cast<char>(digit);
        for (std::uint32_t pixel = 0; pixel < kSide * kSide; ++pixel) {
            const std::uint32_t noise = (i * 31 + pixel * 17) % 50;
            const bool in_line = (digit == 0 ? pixel / kSide : pixel % kSide) == position;
            images += static_cast<char>(in_line ? 200 + noise : noise);
        }
    }
    folder.write(stem + "-images-idx3-ubyte", images);
    folder.write(stem + "-labels-idx1-ubyte", labels);
}

}  // namespace

void write_digits(const TemporaryFolder& folder) {
    write_idx(folder, "train", 64);
    write_idx(folder, "t10k", 32);
}

void write_line(const TemporaryFolder& folder) {
    Image line{kSide, kSide, 1, std::vector<std::uint8_t>(kSide * kSide, 0)};
    std::fill_n(line.pixels.begin() + 6 * kSide, kSide, std::uint8_t{255});
    write_png(folder / "line.png", line);
}

}  // namespace eigenbit::internal
