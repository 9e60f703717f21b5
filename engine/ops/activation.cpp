#include "engine/ops/activation.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"
#include "engine/ops/elementary.h"
#include "engine/ops/shape_rules.h"

#include <cmath>
#include <numbers>

namespace eigenbit::internal {
namespace {

constexpr auto kSqrtHalf = static_cast<float>(std::numbers::sqrt2 / 2.0);

float sigmoid(float x) { return 1.0F / (1.0F + exponential(-x)); }

float hyperbolic_tangent(float x) {
    const float e = exponential_less_one(2.0F * clamped(x, -10.0F, 10.0F));
    return e / (e + 2.0F);
}

/// 1 − erf(|x|)
float erfc_of_magnitude(float x) { return exponential(logarithm_of_erfc(std::abs(x))); }

/// The share of the normal distribution below x.
float normal_share(float x) {
    const float tail = 0.5F * erfc_of_magnitude(kSqrtHalf * x);
    return x < 0.0F ? tail : 1.0F - tail;
}

/// tanh(log(1 + eˣ))
float tangent_of_softplus(float x) {
    const float e = exponential(x > 20.0F ? 20.0F : x);
    const float n = e * (e + 2.0F);
    return n / (n + 2.0F);
}

// The functions: their values, and their gradients from those of y, x and y.

struct Relu {
    float value(float x) const { return x < 0.0F ? 0.0F : x; }
    float gradient(float dy, float, float y) const { return y > 0.0F ? dy : 0.0F; }
};

struct LeakyRelu {
    float slope;
    float value(float x) const { return x < 0.0F ? slope * x : x; }
    float gradient(float dy, float x, float) const { return x > 0.0F ? dy : slope * dy; }
};

struct Clip {
    float low, high;
    float value(float x) const { return clamped(x, low, high); }
    float gradient(float dy, float x, float) const {
        const float above = x >= low ? dy : 0.0F;
        return x <= high ? above : 0.0F;
    }
};

struct Linear {
    float factor, offset;
    float value(float x) const { return factor * x + offset; }
    float gradient(float dy, float, float) const { return factor * dy; }
};

struct Square {
    float value(float x) const { return x * x; }
    float gradient(float dy, float x, float) const { return 2.0F * x * dy; }
};

struct Power {
    float exponent;
    float value(float x) const { return std::pow(x, exponent); }
    float gradient(float dy, float x, float) const {
        return dy == 0.0F ? 0.0F : dy * exponent * std::pow(x, exponent - 1.0F);
    }
};

/// scale · x for x > 0, scale · depth · (e^(rate · x) − 1) elsewhere.
struct ExponentialLinear {
    float scale, depth, rate;
    float value(float x) const {
        const float below = depth * exponential_less_one(rate * (x > 0.0F ? 0.0F : x));
        return scale * (x > 0.0F ? x : below);
    }
    float gradient(float dy, float x, float y) const {
        const float below = rate * (y + scale * depth);
        return dy * (x > 0.0F ? scale : below);
    }
};

struct ThresholdedRelu {
    float threshold;
    float value(float x) const { return x <= threshold ? 0.0F : x; }
    float gradient(float dy, float x, float) const { return x > threshold ? dy : 0.0F; }
};

struct Sigmoid {
    float value(float x) const { return sigmoid(x); }
    float gradient(float dy, float, float y) const { return dy * y * (1.0F - y); }
};

struct Tanh {
    float value(float x) const { return hyperbolic_tangent(x); }
    float gradient(float dy, float, float y) const { return dy * (1.0F - y * y); }
};

struct HardSigmoid {
    float slope, offset;
    float value(float x) const { return clamped(slope * x + offset, 0.0F, 1.0F); }
    float gradient(float dy, float, float y) const {
        const float above = y > 0.0F ? slope * dy : 0.0F;
        return y < 1.0F ? above : 0.0F;
    }
};

struct HardSwish {
    float value(float x) const { return x <= -3.0F ? 0.0F : x * clamped((x + 3.0F) / 6.0F, 0.0F, 1.0F); }
    float gradient(float dy, float x, float) const {
        const float within = x < 3.0F ? (2.0F * x + 3.0F) / 6.0F * dy : dy;
        return x > -3.0F ? within : 0.0F;
    }
};

struct Swish {
    float rate;
    float value(float x) const { return x * sigmoid(rate * x); }
    float gradient(float dy, float x, float y) const {
        const float share = sigmoid(rate * x);
        return dy * (share + rate * y * (1.0F - share));
    }
};

struct Mish {
    float value(float x) const { return x * tangent_of_softplus(x); }
    float gradient(float dy, float x, float) const {
        const float tangent = tangent_of_softplus(x);
        return dy * (tangent + x * (1.0F - tangent * tangent) * sigmoid(x));
    }
};

struct Gelu {
    float value(float x) const { return x * normal_share(x); }
    float gradient(float dy, float x, float) const {
        constexpr float kDensityAt0 = 0.398942280F;
        return dy * (normal_share(x) + x * kDensityAt0 * exponential(-0.5F * x * x));
    }
};

struct GeluTanh {
    static constexpr float kRate = 1.59576912F;  // 2 √(2/π): (1 + tanh(u)) / 2 is the sigmoid of 2u
    static constexpr float kCube = 0.044715F;
    float value(float x) const { return x * sigmoid(kRate * (x + kCube * x * x * x)); }
    float gradient(float dy, float x, float y) const {
        const float share = sigmoid(kRate * (x + kCube * x * x * x));
        return dy * (share + y * (1.0F - share) * kRate * (1.0F + 3.0F * kCube * x * x));
    }
};

struct Softplus {
    float value(float x) const { return (x < 0.0F ? 0.0F : x) + logarithm_of_one_plus(exponential(-std::abs(x))); }
    float gradient(float dy, float x, float) const { return dy * sigmoid(x); }
};

struct Softsign {
    float value(float x) const { return x / (1.0F + std::abs(x)); }
    float gradient(float dy, float x, float) const {
        const float share = 1.0F / (1.0F + std::abs(x));
        return dy * share * share;
    }
};

struct Erf {
    float value(float x) const { return std::copysign(-exponential_less_one(logarithm_of_erfc(std::abs(x))), x); }
    float gradient(float dy, float x, float) const {
        constexpr float kSlopeAt0 = 1.12837917F;
        return dy * kSlopeAt0 * exponential(-x * x);
    }
};

struct Exp {
    float value(float x) const { return exponential(x); }
    float gradient(float dy, float, float y) const { return dy * y; }
};

struct Log {
    float value(float x) const { return std::log(x); }
    float gradient(float dy, float x, float) const { return dy / x; }
};

struct SquareRoot {
    float value(float x) const { return std::sqrt(x); }
    float gradient(float dy, float, float y) const { return dy == 0.0F ? 0.0F : 0.5F * dy / y; }
};

struct Reciprocal {
    float value(float x) const { return 1.0F / x; }
    float gradient(float dy, float, float y) const { return -dy * y * y; }
};

struct Abs {
    float value(float x) const { return std::abs(x); }
    float gradient(float dy, float x, float) const {
        const float negative = x < 0.0F ? -dy : 0.0F;
        return x > 0.0F ? dy : negative;
    }
};

struct Sign {
    float value(float x) const {
        const float negative = x < 0.0F ? -1.0F : x;  // 0, or not a number
        return x > 0.0F ? 1.0F : negative;
    }
};

struct Floor {
    float value(float x) const { return std::floor(x); }
};

struct Ceil {
    float value(float x) const { return std::ceil(x); }
};

struct Round {
    float value(float x) const { return std::nearbyint(x); }
};

struct Sine {
    float value(float x) const { return std::sin(x); }
    float gradient(float dy, float x, float) const { return dy * std::cos(x); }
};

struct Cosine {
    float value(float x) const { return std::cos(x); }
    float gradient(float dy, float x, float) const { return -dy * std::sin(x); }
};

/// Calls visit(the function).
template <typename Visit>
void with_function(const Activation& activation, const Visit& visit) {
    const float alpha = activation.alpha;
    const float beta = activation.beta;
    switch (activation.kind) {
    case Activation::Kind::relu:
        return visit(Relu{});
    case Activation::Kind::leaky_relu:
        return visit(LeakyRelu{alpha});
    case Activation::Kind::clip:
        return visit(Clip{alpha, beta});
    case Activation::Kind::linear:
        return visit(Linear{alpha, beta});
    case Activation::Kind::power:
        if (alpha == 2.0F) return visit(Square{});
        if (alpha == 0.5F) return visit(SquareRoot{});
        return visit(Power{alpha});
    case Activation::Kind::elu:
        return visit(ExponentialLinear{.scale = 1.0F, .depth = alpha, .rate = 1.0F});
    case Activation::Kind::selu:
        return visit(ExponentialLinear{.scale = beta, .depth = alpha, .rate = 1.0F});
    case Activation::Kind::celu:
        return visit(ExponentialLinear{.scale = 1.0F, .depth = alpha, .rate = 1.0F / alpha});
    case Activation::Kind::thresholded_relu:
        return visit(ThresholdedRelu{alpha});
    case Activation::Kind::sigmoid:
        return visit(Sigmoid{});
    case Activation::Kind::tanh:
        return visit(Tanh{});
    case Activation::Kind::hard_sigmoid:
        return visit(HardSigmoid{alpha, beta});
    case Activation::Kind::hard_swish:
        return visit(HardSwish{});
    case Activation::Kind::swish:
        return visit(Swish{alpha});
    case Activation::Kind::mish:
        return visit(Mish{});
    case Activation::Kind::gelu:
        return visit(Gelu{});
    case Activation::Kind::gelu_tanh:
        return visit(GeluTanh{});
    case Activation::Kind::softplus:
        return visit(Softplus{});
    case Activation::Kind::softsign:
        return visit(Softsign{});
    case Activation::Kind::erf:
        return visit(Erf{});
    case Activation::Kind::exp:
        return visit(Exp{});
    case Activation::Kind::log:
        return visit(Log{});
    case Activation::Kind::sqrt:
        return visit(SquareRoot{});
    case Activation::Kind::reciprocal:
        return visit(Reciprocal{});
    case Activation::Kind::abs:
        return visit(Abs{});
    case Activation::Kind::sign:
        return visit(Sign{});
    case Activation::Kind::floor:
        return visit(Floor{});
    case Activation::Kind::ceil:
        return visit(Ceil{});
    case Activation::Kind::round:
        return visit(Round{});
    case Activation::Kind::sin:
        return visit(Sine{});
    case Activation::Kind::cos:
        return visit(Cosine{});
    }
}

/// Those that are constant between their jumps have none.
template <typename Function>
constexpr bool has_gradient = requires(Function function) {
    function.gradient(0.0F, 0.0F, 0.0F);
};

}  // namespace

std::vector<Shape> infer_shapes(const Activation& activation, std::span<const Shape> inputs) {
    expect_inputs(activation.kType, inputs, 1, 1);
    if (activation.kind == Activation::Kind::celu && activation.alpha == 0.0F) fail("A celu has the alpha 0.");
    return {inputs[0]};
}

void forward(const Activation& activation, const ForwardArguments& arguments) {
    const float* x = arguments.inputs[0].data;
    float* y = arguments.outputs[0].data;
    with_function(activation, [&](auto function) {
        for_each_chunk(arguments.inputs[0].elements(), 1, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i) y[i] = function.value(x[i]);
        });
    });
}

void backward(const Activation& activation, const BackwardArguments& arguments) {
    const float* x = arguments.inputs[0].data;
    const float* y = arguments.outputs[0].data;
    const float* dy = arguments.output_gradients[0].data;
    float* dx = arguments.input_gradients[0].data;
    if (dx == nullptr) return;
    with_function(activation, [&]<typename Function>(const Function& function) {
        const auto gradient = [&](std::int64_t i) {
            if constexpr (has_gradient<Function>) return function.gradient(dy[i], x[i], y[i]);
            return 0.0F;
        };
        for_each_chunk(arguments.inputs[0].elements(), 1, [&](std::int64_t begin, std::int64_t end) {
            if (arguments.overwrites[0]) {
                for (std::int64_t i = begin; i < end; ++i) dx[i] = gradient(i);
            } else {
                for (std::int64_t i = begin; i < end; ++i) dx[i] += gradient(i);
            }
        });
    });
}

}  // namespace eigenbit::internal
