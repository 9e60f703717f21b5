// The text of what the integer kernels do to outputs before they store them. An instruction set's integer.cpp includes
// it inside an anonymous namespace, after f32/exponential_tiles.h and after defining Vector (see
// int8/convolution_tiles.h).

/// Int8Function::Kind::none
struct NoFunction {
    static Vector::Floats value(Vector::Sums sums, Vector::Floats scale, Vector::Floats bias) {
        return Vector::multiply_add(Vector::to_floats(sums), scale, bias);
    }
    template <size_t kVectors>
    void operator()(Vector::Floats (&)[kVectors], size_t) const {}
};

/// Of vectors of values, which are the bits of floats. Not inlined, as of each function one copy is enough; all that it
/// calls is.
[[gnu::noinline, gnu::noclone, gnu::flatten]] void apply_exponential(const ExponentialFunction& function,
                                                                     int32_t* values, size_t vectors) {
    with_function(function, [values, vectors](auto f) {
        for (size_t v = 0; v < vectors; ++v) {
            int32_t* const at = values + v * Vector::kWidth;
            const auto x = __builtin_bit_cast(Vector::Floats, Vector::load_sums(at));
            Vector::store_sums(at, __builtin_bit_cast(Vector::Sums, f.value(x)));
        }
    });
}

/// Whether outputs are functions of the sums alone that are made of exponentials. Those of a tile are made together:
/// one by one, each would wait for what comes before it.
bool makes_values_first(const Int8Block& block) {
    return block.function.kind == Int8Function::Kind::exponential && !block.residual && !block.residual_bytes;
}

/// Turns the sums (rows, vectors) into functions of their values, the bits of floats.
[[gnu::noinline]] void make_values(const Int8Block& block, size_t rows, size_t vectors, int32_t* sums) {
    for (size_t v = 0; v < vectors; ++v) {
        const Vector::Floats scale = Vector::load(block.scale + v * Vector::kWidth);
        const Vector::Floats bias = Vector::load(block.bias + v * Vector::kWidth);
        for (size_t p = 0; p < rows; ++p) {
            int32_t* const at = sums + (p * vectors + v) * Vector::kWidth;
            const Vector::Floats value = NoFunction::value(Vector::load_sums(at), scale, bias);
            Vector::store_sums(at, __builtin_bit_cast(Vector::Sums, value));
        }
    }
    apply_exponential(block.function.exponential, sums, rows * vectors);
}

/// Int8Function; a copy, because the compiler must assume that a store of bytes changes anything in memory. Of bytes it
/// makes levels.
class OutputFunction {
  public:
    /// `slopes` as Int8Block's, in the order of the values' lanes.
    OutputFunction(const Int8Block& block, const float* slopes)
        : function_(block.function), slopes_(slopes), makes_levels_(block.output_bytes) {}

    static Vector::Floats value(Vector::Sums sums, Vector::Floats scale, Vector::Floats bias) {
        return NoFunction::value(sums, scale, bias);
    }
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
            int32_t bits[kVectors * Vector::kWidth];
            for (size_t v = 0; v < kVectors; ++v) {
                Vector::store_sums(bits + v * Vector::kWidth, __builtin_bit_cast(Vector::Sums, values[v]));
            }
            apply_exponential(function_.exponential, bits, kVectors);
            for (size_t v = 0; v < kVectors; ++v) {
                values[v] = __builtin_bit_cast(Vector::Floats, Vector::load_sums(bits + v * Vector::kWidth));
            }
            break;
        }
        }
        to_levels(values);
    }

    /// The levels of values of the function, or the values where outputs are floats.
    template <size_t kVectors>
    [[gnu::always_inline]] void to_levels(Vector::Floats (&values)[kVectors]) const {
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

/// What is left to do with what make_values made.
class MadeFunction {
  public:
    explicit MadeFunction(const Int8Block& block) : function_(block, nullptr) {}

    static Vector::Floats value(Vector::Sums bits, Vector::Floats, Vector::Floats) {
        return __builtin_bit_cast(Vector::Floats, bits);
    }
    template <size_t kVectors>
    [[gnu::always_inline]] void operator()(Vector::Floats (&values)[kVectors], size_t) const {
        function_.to_levels(values);
    }

  private:
    OutputFunction function_;
};
