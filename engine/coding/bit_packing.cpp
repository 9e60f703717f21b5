#include "engine/coding/bit_packing.h"

#include <array>

namespace eigenbit::internal {

std::vector<std::uint8_t> pack_levels(std::span<const std::int16_t> levels, int bit_depth) {
    std::vector<std::uint8_t> packed;
    packed.reserve(static_cast<std::size_t>(packed_bytes(static_cast<std::int64_t>(levels.size()), bit_depth)));
    const int offset = 1 << (bit_depth - 1);
    std::uint32_t waiting = 0;  // bits not yet written, the oldest lowest
    int count = 0;
    for (const int level : levels) {
        waiting |= static_cast<std::uint32_t>(level + offset) << count;
        for (count += bit_depth; count >= 8; count -= 8) {
            packed.push_back(static_cast<std::uint8_t>(waiting));
            waiting >>= 8;
        }
    }
    if (count > 0) packed.push_back(static_cast<std::uint8_t>(waiting));
    return packed;
}

namespace {

/// Unpacks as many groups of eight levels as there are; eight levels take as many bytes as one has bits.
template <int kDepth>
void unpack_eights(const std::uint8_t* packed, std::span<std::int16_t> levels) {
    constexpr int kOffset = 1 << (kDepth - 1);
    constexpr std::uint64_t kMask = (1U << kDepth) - 1;
    for (std::size_t first = 0; first + 8 <= levels.size(); first += 8, packed += kDepth) {
        std::uint64_t word = 0;
        for (int byte = 0; byte < kDepth; ++byte) word |= std::uint64_t{packed[byte]} << (8 * byte);
        for (std::size_t i = 0; i < 8; ++i) {
            const auto level = static_cast<int>(word >> (static_cast<int>(i) * kDepth) & kMask);
            levels[first + i] = static_cast<std::int16_t>(level - kOffset);
        }
    }
}

}  // namespace

bool unpack_levels(std::span<const std::uint8_t> packed, int bit_depth, std::span<std::int16_t> levels) {
    const int offset = 1 << (bit_depth - 1);
    const std::uint32_t mask = (1U << bit_depth) - 1;
    using UnpackEights = void (*)(const std::uint8_t*, std::span<std::int16_t>);
    constexpr std::array<UnpackEights, 9> kUnpack{nullptr,           &unpack_eights<1>, &unpack_eights<2>,
                                                  &unpack_eights<3>, &unpack_eights<4>, &unpack_eights<5>,
                                                  &unpack_eights<6>, &unpack_eights<7>, &unpack_eights<8>};
    std::size_t read = 0;
    if (bit_depth <= 8) {
        kUnpack[static_cast<std::size_t>(bit_depth)](packed.data(), levels);
        read = levels.size() / 8 * 8;
    }
    std::size_t next = read / 8 * static_cast<std::size_t>(bit_depth);
    std::uint32_t waiting = 0;
    int count = 0;
    for (std::int16_t& level : levels.subspan(read)) {
        for (; count < bit_depth; count += 8) waiting |= std::uint32_t{packed[next++]} << count;
        level = static_cast<std::int16_t>(static_cast<int>(waiting & mask) - offset);
        waiting >>= bit_depth;
        count -= bit_depth;
    }
    return waiting == 0;
}

}  // namespace eigenbit::internal
