// The text of the kernel of functions that are made of exponentials; see f32/forward_tiles.h. It comes after
// exponential_tiles.h.

void apply_function(const ExponentialFunction& function, const float* x, float* y, size_t count) {
    with_function(function, [&](auto f) {
        size_t i = 0;
        for (; i + Vector::kWidth <= count; i += Vector::kWidth) Vector::store(y + i, f.value(Vector::load(x + i)));
        if (i == count) return;
        const Vector::Mask lanes = Vector::mask(count - i);
        Vector::store(y + i, lanes, f.value(Vector::load(x + i, lanes)));
    });
}
