#pragma once

#include <cstddef>
#include <cstdint>

namespace eigenbit::internal {

/// Registers of bytes that are packed together (lowbit/bit_plane_tiles.h).
constexpr std::size_t kUnitRegisters = 8;

/// Packs the lowest `bits` bits, 1 … 8, of the bytes of a unit's registers, into as many registers.
void pack_unit(const std::uint8_t* bytes, std::size_t register_bytes, std::size_t bits, std::uint8_t* unit);

}  // namespace eigenbit::internal
