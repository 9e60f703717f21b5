#include "engine/kernels/lowbit/bit_planes.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// One stored register: kBits bits, from bit `first` on, of each of the 8 / kBits registers at `bytes`.
template <int kBits>
void pack_register(const std::uint8_t* bytes, std::size_t register_bytes, std::size_t first, std::uint8_t* stored) {
    for (std::size_t byte = 0; byte < register_bytes; ++byte) {
        unsigned packed = 0;
        for (int k = 0; k < 8 / kBits; ++k) {
            const unsigned part = bytes[static_cast<std::size_t>(k) * register_bytes + byte] >> first;
            packed |= (part & ((1U << kBits) - 1)) << (k * kBits);
        }
        stored[byte] = static_cast<std::uint8_t>(packed);
    }
}

}  // namespace

void pack_unit(const std::uint8_t* bytes, std::size_t register_bytes, std::size_t bits, std::uint8_t* unit) {
    if (bits == 8) {
        std::copy_n(bytes, kUnitRegisters * register_bytes, unit);
        return;
    }
    const auto pack_plane = [&]<int kBits>() {
        if (!(bits & kBits)) return;
        const std::size_t first = bits & ~(std::size_t{2} * kBits - 1);  // both the first bit and the first register
        for (std::size_t stored = 0; stored < kBits; ++stored) {
            pack_register<kBits>(bytes + stored * (8 / kBits) * register_bytes, register_bytes, first,
                                 unit + (first + stored) * register_bytes);
        }
    };
    pack_plane.operator()<4>();
    pack_plane.operator()<2>();
    pack_plane.operator()<1>();
}

}  // namespace eigenbit::internal
