// How registers of bytes of less than 8 bits are unpacked. An instruction set's integer.cpp includes it inside an
// anonymous namespace, after defining Vector (see int8/convolution_tiles.h) with load_packed, shifted and masked.
//
// A unit is 8 registers. With bytes of `bits` bits it is stored in so many registers: one plane for each of
// four, two and one that `bits` is a sum of. Register k of the plane of four bits is half of stored register k / 2, of
// that of two bits a quarter of register k / 4, of that of one bit an eighth of the only one.

constexpr size_t kUnitRegisters = 8;

template <int kBits, int k>
[[gnu::always_inline]] inline Vector::Sums unpack_register(const Vector::Sums (&packed)[kBits]) {
    if constexpr (kBits == 8) {
        return packed[k];
    } else {
        constexpr int kTwoBegins = kBits & 4;  // both the first bit and the first register of the plane
        constexpr int kOneBegins = kBits & 6;
        Vector::Sums bytes{};
        if constexpr (kBits & 4) bytes = Vector::masked(Vector::shifted<4 * (k % 2)>(packed[k / 2]), 0x0F);
        if constexpr (kBits & 2) {
            bytes |=
                Vector::masked(Vector::shifted<2 * (k % 4) - kTwoBegins>(packed[kTwoBegins + k / 4]), 3 << kTwoBegins);
        }
        if constexpr (kBits & 1) {
            bytes |= Vector::masked(Vector::shifted<k - kOneBegins>(packed[kOneBegins]), 1 << kOneBegins);
        }
        return bytes;
    }
}
