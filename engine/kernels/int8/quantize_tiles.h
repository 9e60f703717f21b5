// The text of the kernel that rounds floats to bytes. An instruction set's integer.cpp includes it inside an anonymous
// namespace, after defining Vector (see int8/convolution_tiles.h).

void quantize_rows(const QuantizeRows& rounding) {
    // A copy, because the compiler must assume that a store of bytes changes anything in memory.
    const QuantizeRows r = rounding;
    // Adding it leaves no bits of a fraction: the sum is rounded.
    constexpr float kRounder = 0x1.8p23F;
    const Vector::Floats step = Vector::broadcast(r.step);
    const Vector::Floats rounder = Vector::broadcast(kRounder);
    const Vector::Floats zero = Vector::broadcast(r.zero);
    const Vector::Floats low = Vector::broadcast(r.low);
    const Vector::Floats high = Vector::broadcast(r.high);
    const auto level = [&](Vector::Floats value) {
        return ((Vector::clamp(value / step, low, high) + rounder) - rounder) + zero;
    };
    const size_t whole = r.columns - r.columns % Vector::kWidth;
    const Vector::Mask rest = Vector::mask(r.columns - whole);
    const float* x = r.x;
    uint8_t* y = r.y;
    for (size_t row = 0; row < r.rows; ++row, x += r.x_stride, y += r.y_stride) {
        for (size_t c = 0; c < whole; c += Vector::kWidth) {
            const Vector::Floats value =
                Vector::multiply_add(Vector::load(x + c), Vector::load(r.scale + c), Vector::load(r.shift + c));
            Vector::store(y + c, level(value));
        }
        if (whole == r.columns) continue;
        const Vector::Floats value = Vector::multiply_add(
            Vector::load(x + whole, rest), Vector::load(r.scale + whole, rest), Vector::load(r.shift + whole, rest));
        Vector::store(y + whole, rest, level(value));
    }
}
