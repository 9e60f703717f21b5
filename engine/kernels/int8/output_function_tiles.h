// The text of what the integer kernels do to outputs before they store them. An instruction set's integer.cpp includes
// it inside an anonymous namespace, after defining Vector (see int8/convolution_tiles.h).

/// Int8Function::Kind::none
struct NoFunction {
    Vector::Floats operator()(Vector::Floats values, size_t) const { return values; }
};

/// Int8Function; a copy, because the compiler must assume that a store of bytes changes anything in memory. Of bytes it
/// makes levels.
class OutputFunction {
  public:
    /// `slopes` as Int8Block's, in the order of the values' lanes.
    OutputFunction(const Int8Block& block, const float* slopes)
        : function_(block.function),
          slopes_(slopes),
          makes_levels_(block.output_bytes),
          rounder_(Vector::broadcast(kRounder)),
          rounder_without_zero_(Vector::broadcast(kRounder - block.function.zero)) {}

    /// Of a vector of values, the first of which is that of `lane`.
    Vector::Floats operator()(Vector::Floats values, size_t lane) const {
        const Vector::Floats results = result(values, lane);
        if (!makes_levels_) return results;
        return (Vector::divide(results, function_.step) + rounder_) - rounder_without_zero_;
    }

  private:
    // What it is added to has no bits of a fraction left: the sum is rounded, ties to even.
    static constexpr float kRounder = 0x1.8p23F;

    Vector::Floats result(Vector::Floats values, size_t lane) const {
        const Vector::Floats zero = Vector::broadcast(0.0F);
        const Vector::Floats one = Vector::broadcast(1.0F);
        switch (function_.kind) {
        case Int8Function::Kind::none:
            break;
        case Int8Function::Kind::leaky_relu:
            return values < zero ? Vector::load(slopes_ + lane) * values : values;
        case Int8Function::Kind::hard_sigmoid: {
            const Vector::Floats slope = Vector::broadcast(function_.slope);
            return Vector::clamp(slope * values + Vector::broadcast(function_.offset), zero, one);
        }
        case Int8Function::Kind::hard_swish: {
            const Vector::Floats raised = Vector::at_least(Vector::broadcast(-3.0F), values);
            const Vector::Floats share = Vector::divide(raised + Vector::broadcast(3.0F), function_.six);
            return raised * Vector::at_most(one, share);
        }
        }
        return values;
    }

    Int8Function function_;
    const float* slopes_;
    bool makes_levels_;
    Vector::Floats rounder_, rounder_without_zero_;
};
