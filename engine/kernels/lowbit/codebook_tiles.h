// The text of the kernel that unpacks weights of less than 8 bits. An instruction set's integer.cpp includes it inside
// an anonymous namespace, after lowbit/bit_plane_tiles.h and after defining Vector with load_table, lookup and
// add_bytes.

/// What an index of up to 4 bits looks up; of more, base + factor · index.
template <int kFactor>
struct CodeTable {
    Vector::Table table;
    Vector::Sums base;
    Vector::Sums codes(Vector::Sums indices) const {
        if constexpr (kFactor == 0) return Vector::lookup(table, indices);
        const Vector::Sums codes = Vector::add_bytes(base, indices);
        return kFactor == 2 ? Vector::add_bytes(codes, indices) : codes;
    }
};

template <int kBits, int kFactor, int k>
[[gnu::always_inline]] inline void unpack_unit(const Vector::Sums (&packed)[kBits], const CodeTable<kFactor>& table,
                                               int8_t* target) {
    Vector::store_codes(target + 4 * k * Vector::kWidth, table.codes(unpack_register<kBits, k>(packed)));
    if constexpr (k + 1 < static_cast<int>(kUnitRegisters)) unpack_unit<kBits, kFactor, k + 1>(packed, table, target);
}

template <int kBits, int kFactor>
[[gnu::noinline]] void unpack_codes_of(const PackedCodes& codes) {
    constexpr size_t kRegisterBytes = 4 * Vector::kWidth;
    const Vector::Table values = Vector::load_table(codes.values);
    const CodeTable<kFactor> table{values, Vector::lookup(values, Vector::Sums{})};
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
                unpack_unit<kBits, kFactor, 0>(packed, table, to);
            } else {
                alignas(64) int8_t unit[kUnitRegisters * kRegisterBytes];
                unpack_unit<kBits, kFactor, 0>(packed, table, unit);
                __builtin_memcpy(to, unit, left * kRegisterBytes);
            }
            to += kUnitRegisters * kRegisterBytes;
        }
    }
}

void unpack_codes(const PackedCodes& codes) {
    using Unpack = void (*)(const PackedCodes&);
    constexpr Unpack kLookUp[5] = {nullptr, &unpack_codes_of<1, 0>, &unpack_codes_of<2, 0>, &unpack_codes_of<3, 0>,
                                   &unpack_codes_of<4, 0>};
    constexpr Unpack kCompute[8][2] = {{},
                                       {},
                                       {},
                                       {},
                                       {},
                                       {&unpack_codes_of<5, 1>, &unpack_codes_of<5, 2>},
                                       {&unpack_codes_of<6, 1>, &unpack_codes_of<6, 2>},
                                       {&unpack_codes_of<7, 1>, &unpack_codes_of<7, 2>}};
    (codes.factor == 0 ? kLookUp[codes.bits] : kCompute[codes.bits][codes.factor - 1])(codes);
}
