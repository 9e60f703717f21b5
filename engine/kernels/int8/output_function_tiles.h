// The text of what the integer kernels do to outputs before they store them. An instruction set's integer.cpp includes
// it inside an anonymous namespace, after f32/exponential_functions.h and after defining Vector (see
// int8/convolution_tiles.h).

/// Int8Function::Kind::none
struct NoFunction {
    template <size_t kVectors>
    void operator()(Vector::Floats (&)[kVectors], size_t) const {}
};

/// Not inlined: of each function one copy is enough.
[[gnu::noinline]] void apply_exponential(const ExponentialFunction& function, Vector::Floats* values, size_t vectors) {
    with_function(function, [&](auto f) {
        for (size_t v = 0; v < vectors; ++v) values[v] = f.value(values[v]);
    });
}

/// Int8Function; a copy, because the compiler must assume that a store of bytes changes anything in memory. Of bytes it
/// makes levels.
class OutputFunction {
  public:
    /// `slopes` as Int8Block's, in the order of the values' lanes.
    OutputFunction(const Int8Block& block, const float* slopes)
        : function_(block.function), slopes_(slopes), makes_levels_(block.output_bytes) {}

    /// Of neighbouring vectors of values, the first of which is that of `lane`.
    template <size_t kVectors>
    [[gnu::always_inline]] void operator()(Vector::Floats (&values)[kVectors], size_t lane) const {
        const Vector::Floats zero = Vector::broadcast(0.0F);
        const Vector::Floats one = Vector::broadcast(1.0F);
        switch (function_.kind) {
        case Int8Function::Kind::none:
            break;
        case Int8Function::Kind::leaky_relu:
            for (Vector::Floats& value : values) {
                value = value < zero ? Vector::load(slopes_ + lane) * value : value;
                lane += Vector::kWidth;
            }
            break;
        case Int8Function::Kind::hard_sigmoid: {
            const Vector::Floats slope = Vector::broadcast(function_.slope);
            const Vector::Floats offset = Vector::broadcast(function_.offset);
            for (Vector::Floats& value : values) value = Vector::clamp(slope * value + offset, zero, one);
            break;
        }
        case Int8Function::Kind::hard_swish: {
            const Vector::Floats three = Vector::broadcast(3.0F);
            for (Vector::Floats& value : values) {
                const Vector::Floats raised = Vector::at_least(-three, value);
                value = raised * Vector::at_most(one, Vector::divide(raised + three, function_.six));
            }
            break;
        }
        case Int8Function::Kind::exponential: {
            Vector::Floats memory[kVectors];  // other functions' values stay in registers
            for (size_t v = 0; v < kVectors; ++v) memory[v] = values[v];
            apply_exponential(function_.exponential, memory, kVectors);
            for (size_t v = 0; v < kVectors; ++v) values[v] = memory[v];
            break;
        }
        }
        if (!makes_levels_) return;
        const Vector::Floats rounder = Vector::broadcast(kRounder);
        const Vector::Floats rounder_without_zero = Vector::broadcast(kRounder - function_.zero);
        for (Vector::Floats& value : values) {
            value = (Vector::divide(value, function_.step) + rounder) - rounder_without_zero;
        }
    }

  private:
    // What it is added to has no bits of a fraction left: the sum is rounded, ties to even.
    static constexpr float kRounder = 0x1.8p23F;

    Int8Function function_;
    const float* slopes_;
    bool makes_levels_;
};
