#include "engine/ops/activation.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"
#include "engine/kernels/cpu.h"
#include "engine/kernels/f32/exponential_functions.h"
#include "engine/ops/shape_rules.h"

#include <cmath>

namespace eigenbit::internal {
namespace {

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
    float value(float x) const { return at_most(high, at_least(low, x)); }
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

struct ThresholdedRelu {
    float threshold;
    float value(float x) const { return x <= threshold ? 0.0F : x; }
    float gradient(float dy, float x, float) const { return x > threshold ? dy : 0.0F; }
};

struct HardSigmoid {
    float slope, offset;
    float value(float x) const { return at_most(1.0F, at_least(0.0F, slope * x + offset)); }
    float gradient(float dy, float, float y) const {
        const float above = y > 0.0F ? slope * dy : 0.0F;
        return y < 1.0F ? above : 0.0F;
    }
};

struct HardSwish {
    float value(float x) const { return x <= -3.0F ? 0.0F : x * at_most(1.0F, (x + 3.0F) / 6.0F); }
    float gradient(float dy, float x, float) const {
        const float within = x < 3.0F ? (2.0F * x + 3.0F) / 6.0F * dy : dy;
        return x > -3.0F ? within : 0.0F;
    }
};

struct Softsign {
    float value(float x) const { return x / (1.0F + std::abs(x)); }
    float gradient(float dy, float x, float) const {
        const float share = 1.0F / (1.0F + std::abs(x));
        return dy * share * share;
    }
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
    case Activation::Kind::thresholded_relu:
        return visit(ThresholdedRelu{alpha});
    case Activation::Kind::elu:
    case Activation::Kind::selu:
    case Activation::Kind::celu:
    case Activation::Kind::sigmoid:
    case Activation::Kind::tanh:
    case Activation::Kind::swish:
    case Activation::Kind::mish:
    case Activation::Kind::gelu:
    case Activation::Kind::gelu_tanh:
    case Activation::Kind::softplus:
    case Activation::Kind::erf:
    case Activation::Kind::exp:
        return with_function(*exponential_function(activation), visit);
    case Activation::Kind::hard_sigmoid:
        return visit(HardSigmoid{alpha, beta});
    case Activation::Kind::hard_swish:
        return visit(HardSwish{});
    case Activation::Kind::softsign:
        return visit(Softsign{});
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

std::optional<ExponentialFunction> exponential_function(const Activation& activation) {
    using Kind = ExponentialFunction::Kind;
    const float alpha = activation.alpha;
    const auto linear = [](float scale, float depth, float rate) {
        return ExponentialFunction{.kind = Kind::exponential_linear, .rate = rate, .scale = scale, .depth = depth};
    };
    switch (activation.kind) {
    case Activation::Kind::elu:
        return linear(1.0F, alpha, 1.0F);
    case Activation::Kind::selu:
        return linear(activation.beta, alpha, 1.0F);
    case Activation::Kind::celu:
        return linear(1.0F, alpha, 1.0F / alpha);
    case Activation::Kind::sigmoid:
        return ExponentialFunction{.kind = Kind::sigmoid};
    case Activation::Kind::tanh:
        return ExponentialFunction{.kind = Kind::tanh};
    case Activation::Kind::swish:
        return ExponentialFunction{.kind = Kind::swish, .rate = alpha};
    case Activation::Kind::mish:
        return ExponentialFunction{.kind = Kind::mish};
    case Activation::Kind::gelu:
        return ExponentialFunction{.kind = Kind::gelu};
    case Activation::Kind::gelu_tanh:
        return ExponentialFunction{.kind = Kind::gelu_tanh};
    case Activation::Kind::softplus:
        return ExponentialFunction{.kind = Kind::softplus};
    case Activation::Kind::erf:
        return ExponentialFunction{.kind = Kind::erf};
    case Activation::Kind::exp:
        return ExponentialFunction{.kind = Kind::exp};
    default:
        return std::nullopt;
    }
}

std::vector<Shape> infer_shapes(const Activation& activation, std::span<const Shape> inputs) {
    expect_inputs(activation.kType, inputs, 1, 1);
    if (activation.kind == Activation::Kind::celu && activation.alpha == 0.0F) fail("A celu has the alpha 0.");
    return {inputs[0]};
}

void forward(const Activation& activation, const ForwardArguments& arguments) {
    const float* x = arguments.inputs[0].data;
    float* y = arguments.outputs[0].data;
    const std::int64_t count = arguments.inputs[0].elements();
    if (const auto function = exponential_function(activation)) {
        const auto apply = active_cpu_implementation().convolution->apply_function;
        for_each_chunk(count, 1, [&](std::int64_t begin, std::int64_t end) {
            apply(*function, x + begin, y + begin, static_cast<std::size_t>(end - begin));
        });
        return;
    }
    with_function(activation, [&](auto function) {
        for_each_chunk(count, 1, [&](std::int64_t begin, std::int64_t end) {
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
