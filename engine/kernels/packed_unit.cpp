#include "engine/kernels/packed_unit.h"

namespace eigenbit {

void put_in_unit(std::uint8_t* unit, std::size_t register_bytes, std::size_t bits, std::size_t k, std::size_t byte,
                 int value) {
    const auto set = [&](std::size_t stored, std::size_t shift, int part) {
        std::uint8_t& target = unit[stored * register_bytes + byte];
        target = static_cast<std::uint8_t>(target | part << shift);
    };
    if (bits == 8) return set(k, 0, value & 0xFF);
    if (bits & 4) set(k / 2, k % 2 * 4, value & 15);
    if (bits & 2) set((bits & 4) + k / 4, k % 4 * 2, value >> (bits & 4) & 3);
    if (bits & 1) set(bits & 6, k, value >> (bits & 6) & 1);
}

}  // namespace eigenbit
