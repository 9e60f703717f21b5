#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Bytes that `count` values of `bit_depth` bits take.
constexpr std::int64_t packed_bytes(std::int64_t count, int bit_depth) { return (count * bit_depth + 7) / 8; }

/// Packs levels from −2^(bit_depth−1) to 2^(bit_depth−1)−1, bit depths 1 to 16: each as level + 2^(bit_depth−1), the
/// lowest bit first, the first level in the lowest bits of the first byte. Bits of the last byte that are left are 0.
std::vector<std::uint8_t> pack_levels(std::span<const std::int16_t> levels, int bit_depth);

/// The inverse, for packed_bytes(levels.size(), bit_depth) bytes. False when bits of the last byte that are left are
/// not 0.
bool unpack_levels(std::span<const std::uint8_t> packed, int bit_depth, std::span<std::int16_t> levels);

}  // namespace eigenbit::internal
