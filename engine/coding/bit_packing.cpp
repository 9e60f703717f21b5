#include "engine/coding/bit_packing.h"

namespace eigenbit {

std::vector<std::uint8_t> pack_indices(std::span<const std::int16_t> indices, int bit_depth) {
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

bool unpack_indices(std::span<const std::uint8_t> packed, int bit_depth, std::span<std::int16_t> indices) {
    const int offset = 1 << (bit_depth - 1);
    const std::uint32_t mask = (1U << bit_depth) - 1;
    std::uint32_t waiting = 0;
    int count = 0;
    std::size_t next = 0;
    for (std::int16_t& index : indices) {
        for (; count < bit_depth; count += 8) waiting |= std::uint32_t{packed[next++]} << count;
        index = static_cast<std::int16_t>(static_cast<int>(waiting & mask) - offset);
        waiting >>= bit_depth;
        count -= bit_depth;
    }
    return waiting == 0;
}

}  // namespace eigenbit
