// The text of the kernel that unpacks weights of less than 8 bits. An instruction set's integer.cpp includes it inside
// an anonymous namespace, after lowbit/bit_plane_tiles.h and after defining Vector with load_table, lookup and
// add_bytes.

template <int kBits, int k>
[[gnu::always_inline]] inline void look_up_unit(const Vector::Sums (&packed)[kBits], Vector::Table low,
                                                Vector::Table high, int8_t* target) {
    const Vector::Sums indices = unpack_register<kBits, k>(packed);
    Vector::Sums codes = Vector::lookup(low, indices);
    if constexpr (kBits > 4) {
        const Vector::Sums rows = Vector::masked(Vector::shifted<4>(indices), 0x0F);
        codes = Vector::add_bytes(codes, Vector::lookup(high, rows));
    }
    Vector::store_codes(target + 4 * k * Vector::kWidth, codes);
    if constexpr (k + 1 < static_cast<int>(kUnitRegisters)) look_up_unit<kBits, k + 1>(packed, low, high, target);
}

template <int kBits>
[[gnu::noinline]] void unpack_codes_of(const PackedCodes& codes) {
    constexpr size_t kRegisterBytes = 4 * Vector::kWidth;
    const Vector::Table low = Vector::load_table(codes.low);
    const Vector::Table high = Vector::load_table(codes.high);
    const uint8_t* from = codes.packed;
    for (size_t run = 0; run < codes.runs; ++run) {
        int8_t* to = codes.target + run * codes.target_stride;
        for (size_t done = 0; done < codes.registers; done += kUnitRegisters) {
            Vector::Sums packed[kBits];
#pragma GCC unroll 8
            for (int r = 0; r < kBits; ++r) {
                packed[r] = Vector::load_packed(from);
                from += kRegisterBytes;
            }
            const size_t left = codes.registers - done;
            if (left >= kUnitRegisters) {
                look_up_unit<kBits, 0>(packed, low, high, to);
            } else {
                alignas(64) int8_t unit[kUnitRegisters * kRegisterBytes];
                look_up_unit<kBits, 0>(packed, low, high, unit);
                __builtin_memcpy(to, unit, left * kRegisterBytes);
            }
            to += kUnitRegisters * kRegisterBytes;
        }
    }
}

void unpack_codes(const PackedCodes& codes) {
    using Unpack = void (*)(const PackedCodes&);
    constexpr Unpack kUnpack[8] = {nullptr,
                                   &unpack_codes_of<1>,
                                   &unpack_codes_of<2>,
                                   &unpack_codes_of<3>,
                                   &unpack_codes_of<4>,
                                   &unpack_codes_of<5>,
                                   &unpack_codes_of<6>,
                                   &unpack_codes_of<7>};
    kUnpack[codes.bits](codes);
}
