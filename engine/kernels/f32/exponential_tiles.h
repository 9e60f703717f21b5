// The text of the functions that are made of exponentials. Instruction sets' f32.cpp and int8.cpp include it inside an
// anonymous namespace, after kernels.h; all else includes exponential_functions.h. `Floats` is float or one of the
// compiler's vectors of floats: all is plain arithmetic without branches, calls or fma, so that results are the same on
// every CPU and in every lane. They are exact to two units in the last place; NaN stays NaN. The polynomials are
// weighted minimax fits.

/// As many integers as there are floats.
template <typename Floats>
struct IntegersOf {
    using Type = decltype(Floats{} < Floats{});
};
template <>
struct IntegersOf<float> {
    using Type = int32_t;
};
template <typename Floats>
using Integers = typename IntegersOf<Floats>::Type;

template <typename Floats>
Floats splat(float value) {
    return Floats{} + value;
}

/// first + x · (the polynomial of the others)
template <typename Floats>
Floats polynomial(Floats, float last) {
    return splat<Floats>(last);
}
template <typename Floats, typename... Coefficients>
Floats polynomial(Floats x, float first, Coefficients... others) {
    return first + x * polynomial(x, others...);
}

template <typename Floats>
Floats at_least(float low, Floats x) {
    return x < low ? splat<Floats>(low) : x;
}

template <typename Floats>
Floats at_most(float high, Floats x) {
    return x > high ? splat<Floats>(high) : x;
}

template <typename Floats>
Floats magnitude(Floats x) {
    return __builtin_bit_cast(Floats, __builtin_bit_cast(Integers<Floats>, x) & 0x7FFFFFFF);
}

/// eˣ = 2ⁿ · (1 + tail), with |tail| < 0.42. |x| is at most 2²⁰.
template <typename Floats>
struct ExponentialParts {
    Integers<Floats> n;
    Floats tail;
};

template <typename Floats>
ExponentialParts<Floats> exponential_parts(Floats x) {
    constexpr float kToInteger = 12582912.0F;  // 1.5 · 2²³: what it is added to becomes an integer
    const Floats sum = x * 1.44269504F + kToInteger;
    const Floats n = sum - kToInteger;
    // ln 2 in two parts, so that the product with the first is exact.
    const Floats r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
    return {__builtin_bit_cast(Integers<Floats>, sum) - __builtin_bit_cast(int32_t, kToInteger),
            r
                + r * r
                      * polynomial(r, 0.500000008F, 0.166666669F, 0.0416662697F, 0.00833326541F, 0.00139460867F,
                                   1.99178325e-4F)};
}

/// 2ⁿ for −126 ≤ n ≤ 127.
template <typename Floats>
Floats power_of_two(Integers<Floats> n) {
    return __builtin_bit_cast(Floats, (n + 127) << 23);
}

/// eˣ
template <typename Floats>
Floats exponential(Floats x) {
    const ExponentialParts<Floats> parts = exponential_parts(at_most(104.0F, at_least(-104.0F, x)));
    const Integers<Floats> half = parts.n >> 1;
    return (1.0F + parts.tail) * power_of_two<Floats>(half) * power_of_two<Floats>(parts.n - half);
}

/// eˣ − 1 for x ≤ 88, accurate near 0 too.
template <typename Floats>
Floats exponential_less_one(Floats x) {
    const ExponentialParts<Floats> parts = exponential_parts(at_least(-80.0F, x));
    const Floats scale = power_of_two<Floats>(parts.n);
    return scale * parts.tail + (scale - 1.0F);
}

/// log(1 + t) for 0 ≤ t ≤ 1.
template <typename Floats>
Floats logarithm_of_one_plus(Floats t) {
    return t
           * polynomial(t, 0.999999995F, -0.499999024F, 0.333299623F, -0.249541321F, 0.196759315F, -0.153055702F,
                        0.106036169F, -0.0569591593F, 0.0198512627F, -0.00324398088F);
}

/// log(1 − erf(t)) for t ≥ 0, so that its exponential has the relative accuracy of erf, or of 1 − erf; beyond 5, where
/// that is 0 to every purpose, it falls on.
template <typename Floats>
Floats logarithm_of_erfc(Floats t) {
    const Floats within = at_most(5.0F, t);
    const Floats q = polynomial(within, -1.12837917F, -0.636619834F, -0.102771279F, 0.0191177011F, 2.5304705e-4F,
                                -0.00179933585F, 7.40672322e-4F, -1.67475038e-4F, 2.13532208e-5F, -1.19316797e-6F);
    return within * q - 10.0F * (t - within);
}

template <typename Floats>
Floats sigmoid(Floats x) {
    return 1.0F / (1.0F + exponential(-x));
}

template <typename Floats>
Floats hyperbolic_tangent(Floats x) {
    const Floats e = exponential_less_one(2.0F * at_most(10.0F, at_least(-10.0F, x)));
    return e / (e + 2.0F);
}

/// The share of the normal distribution below x.
template <typename Floats>
Floats normal_share(Floats x) {
    constexpr float kSqrtHalf = 0.707106781F;
    const Floats tail = 0.5F * exponential(logarithm_of_erfc(magnitude(kSqrtHalf * x)));
    return x < 0.0F ? tail : 1.0F - tail;
}

/// tanh(log(1 + eˣ))
template <typename Floats>
Floats tangent_of_softplus(Floats x) {
    const Floats e = exponential(at_most(20.0F, x));
    const Floats n = e * (e + 2.0F);
    return n / (n + 2.0F);
}

// The functions: their values, and their gradients from those of y, x and y.

struct Exp {
    template <typename Floats>
    Floats value(Floats x) const {
        return exponential(x);
    }
    float gradient(float dy, float, float y) const { return dy * y; }
};

struct Sigmoid {
    template <typename Floats>
    Floats value(Floats x) const {
        return sigmoid(x);
    }
    float gradient(float dy, float, float y) const { return dy * y * (1.0F - y); }
};

struct Tanh {
    template <typename Floats>
    Floats value(Floats x) const {
        return hyperbolic_tangent(x);
    }
    float gradient(float dy, float, float y) const { return dy * (1.0F - y * y); }
};

/// x · sigmoid(rate · x)
struct Swish {
    float rate;
    template <typename Floats>
    Floats value(Floats x) const {
        return x * sigmoid(rate * x);
    }
    float gradient(float dy, float x, float y) const {
        const float share = sigmoid(rate * x);
        return dy * (share + rate * y * (1.0F - share));
    }
};

struct Mish {
    template <typename Floats>
    Floats value(Floats x) const {
        return x * tangent_of_softplus(x);
    }
    float gradient(float dy, float x, float) const {
        const float tangent = tangent_of_softplus(x);
        return dy * (tangent + x * (1.0F - tangent * tangent) * sigmoid(x));
    }
};

struct Gelu {
    template <typename Floats>
    Floats value(Floats x) const {
        return x * normal_share(x);
    }
    float gradient(float dy, float x, float) const {
        constexpr float kDensityAt0 = 0.398942280F;
        return dy * (normal_share(x) + x * kDensityAt0 * exponential(-0.5F * x * x));
    }
};

struct GeluTanh {
    static constexpr float kRate = 1.59576912F;  // 2 √(2/π): (1 + tanh(u)) / 2 is the sigmoid of 2u
    static constexpr float kCube = 0.044715F;
    template <typename Floats>
    Floats value(Floats x) const {
        return x * sigmoid(kRate * (x + kCube * x * x * x));
    }
    float gradient(float dy, float x, float y) const {
        const float share = sigmoid(kRate * (x + kCube * x * x * x));
        return dy * (share + y * (1.0F - share) * kRate * (1.0F + 3.0F * kCube * x * x));
    }
};

struct Softplus {
    template <typename Floats>
    Floats value(Floats x) const {
        return at_least(0.0F, x) + logarithm_of_one_plus(exponential(-magnitude(x)));
    }
    float gradient(float dy, float x, float) const { return dy * sigmoid(x); }
};

struct Erf {
    template <typename Floats>
    Floats value(Floats x) const {
        const Floats positive = -exponential_less_one(logarithm_of_erfc(magnitude(x)));
        const Integers<Floats> sign = __builtin_bit_cast(Integers<Floats>, x) & INT32_MIN;
        return __builtin_bit_cast(Floats, (__builtin_bit_cast(Integers<Floats>, positive) & INT32_MAX) | sign);
    }
    float gradient(float dy, float x, float) const {
        constexpr float kSlopeAt0 = 1.12837917F;
        return dy * kSlopeAt0 * exponential(-x * x);
    }
};

/// scale · x for x > 0, scale · depth · (e^(rate · x) − 1) elsewhere.
struct ExponentialLinear {
    float scale, depth, rate;
    template <typename Floats>
    Floats value(Floats x) const {
        const Floats below = depth * exponential_less_one(rate * at_most(0.0F, x));
        return scale * (x > 0.0F ? x : below);
    }
    float gradient(float dy, float x, float y) const {
        const float below = rate * (y + scale * depth);
        return dy * (x > 0.0F ? scale : below);
    }
};

/// visit(the function)
template <typename Visit>
auto with_function(const ExponentialFunction& function, const Visit& visit) {
    switch (function.kind) {
    case ExponentialFunction::Kind::exp:
        return visit(Exp{});
    case ExponentialFunction::Kind::sigmoid:
        return visit(Sigmoid{});
    case ExponentialFunction::Kind::tanh:
        return visit(Tanh{});
    case ExponentialFunction::Kind::swish:
        return visit(Swish{function.rate});
    case ExponentialFunction::Kind::mish:
        return visit(Mish{});
    case ExponentialFunction::Kind::gelu:
        return visit(Gelu{});
    case ExponentialFunction::Kind::gelu_tanh:
        return visit(GeluTanh{});
    case ExponentialFunction::Kind::softplus:
        return visit(Softplus{});
    case ExponentialFunction::Kind::erf:
        return visit(Erf{});
    case ExponentialFunction::Kind::exponential_linear:
        break;
    }
    return visit(ExponentialLinear{function.scale, function.depth, function.rate});
}
