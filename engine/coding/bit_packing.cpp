#include "engine/coding/bit_packing.h"

namespace eigenbit::internal {

std::vector<std::uint8_t> pack_levels(std::span<const std::int16_t> indices, int bit_depth) {
    std::vector<std::uint8_t> packed;
    packed.reserve(static_cast<std::size_t>(packed_bytes(static_cast<std::int64_t>(indices.size()), bit_depth)));
    const int offset = 1 << (bit_depth - 1);
    std::uint32_t waiting = 0;  // bits not yet written, the oldest lowest
    int count = 0;
    for (const int index : indices) {
        waiting |= static_cast<std::uint32_t>(index + offset) << count;
        for (count += bit_depth; count >= 8; count -= 8) {
            packed.push_back(static_cast<std::uint8_t>(waiting));
            waiting >>= 8;
        }
    }
    if (count > 0) packed.push_back(static_cast<std::uint8_t>(waiting));
    return packed;
}

bool unpack_levels(std::span<const std::uint8_t> packed, int bit_depth, std::span<std::int16_t> indices) {
    const int offset = 1 << (bit_depth - 1);
    const std::uint32_t mask = (1U << bit_depth) - 1;
    std::size_t next = 0;
    std::size_t read = 0;
    // Eight indices of up to 8 bits take as many bytes as one has bits.
    for (const auto size = static_cast<std::size_t>(bit_depth); bit_depth <= 8 && read + 8 <= indices.size();
         read += 8, next += size) {
        std::uint64_t word = 0;
        for (std::size_t byte = 0; byte < size; ++byte) word |= std::uint64_t{packed[next + byte]} << (8 * byte);
        for (std::size_t i = 0; i < 8; ++i, word >>= bit_depth) {
            indices[read + i] = static_cast<std::int16_t>(static_cast<int>(word & mask) - offset);
        }
    }
    std::uint32_t waiting = 0;
    int count = 0;
    for (std::int16_t& index : indices.subspan(read)) {
        for (; count < bit_depth; count += 8) waiting |= std::uint32_t{packed[next++]} << count;
        index = static_cast<std::int16_t>(static_cast<int>(waiting & mask) - offset);
        waiting >>= bit_depth;
        count -= bit_depth;
    }
    return waiting == 0;
}

}  // namespace eigenbit::internal
