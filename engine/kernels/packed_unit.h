#pragma once

#include <cstddef>
#include <cstdint>

namespace eigenbit {

/// Registers of bytes that are packed together (packed_unit_tiles.h).
constexpr std::size_t kUnitRegisters = 8;

/// Sets the lowest `bits` bits of byte `byte` of register k of a unit, which were 0.
void put_in_unit(std::uint8_t* unit, std::size_t register_bytes, std::size_t bits, std::size_t k, std::size_t byte,
                 int value);

}  // namespace eigenbit
