#include "engine/kernels/int8/output_function.h"

#include "engine/kernels/f32/exponential_functions.h"

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

float result_of(const Int8Function& function, float slope, float y) {
    switch (function.kind) {
    case Int8Function::Kind::none:
        break;
    case Int8Function::Kind::leaky_relu:
        return y < 0.0F ? slope * y : y;
    case Int8Function::Kind::hard_sigmoid:
        return std::clamp(function.slope * y + function.offset, 0.0F, 1.0F);
    case Int8Function::Kind::hard_swish: {
        const float raised = std::max(y, -3.0F);
        return raised * std::min((raised + 3.0F) / function.six.value, 1.0F);
    }
    case Int8Function::Kind::exponential:
        return with_function(function.exponential, [&](auto f) { return f.value(y); });
    }
    return y;
}

}  // namespace

Int8Divisor int8_divisor(float value) {
    const float reciprocal = 1.0F / value;
    return {value, reciprocal, std::fma(-reciprocal, value, 1.0F) / value};
}

bool can_divide_by(float step) { return step >= 0x1p-100F && step <= 0x1p100F; }

float output_of(const Int8Function& function, float slope, float y, bool is_bytes) {
    const float result = result_of(function, slope, y);
    if (!is_bytes || function.kind == Int8Function::Kind::none) return result;
    return std::nearbyint(result / function.step.value) + function.zero;
}

}  // namespace eigenbit::internal
