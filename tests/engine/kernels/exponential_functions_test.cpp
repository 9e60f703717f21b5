#include "engine/base/random.h"
#include "engine/kernels/cpu.h"
#include "engine/kernels/f32/exponential_functions.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace eigenbit::internal {
namespace {

using Kind = ExponentialFunction::Kind;

constexpr ExponentialFunction kFunctions[] = {
    {.kind = Kind::exp},
    {.kind = Kind::sigmoid},
    {.kind = Kind::tanh},
    {.kind = Kind::swish, .rate = 1.0F},
    {.kind = Kind::swish, .rate = 1.702F},
    {.kind = Kind::mish},
    {.kind = Kind::gelu},
    {.kind = Kind::gelu_tanh},
    {.kind = Kind::softplus},
    {.kind = Kind::erf},
    {.kind = Kind::exponential_linear, .rate = 0.7F, .scale = 1.05F, .depth = 1.67F},
};

/// Values of all magnitudes, and those at the ends of what numbers can be.
std::vector<float> values(std::size_t count) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    std::vector<float> x{0.0F,      -0.0F,      1e-40F, -1e-40F, 3e38F,  -3e38F,
                         kInfinity, -kInfinity, 88.8F,  -88.8F,  104.5F, -104.5F};
    Random random({11});
    while (x.size() < count)
        x.push_back(static_cast<float>(random.normal()) * std::exp2(static_cast<float>(x.size() % 24) - 16.0F));
    x.resize(count);
    return x;
}

}  // namespace

TEST_CASE("Functions made of exponentials are the same on every instruction set, whatever the count") {
    for (const CpuImplementation& implementation : cpu_implementations()) {
        if (!implementation.supported) continue;
        CAPTURE(implementation.name);
        for (const ExponentialFunction& function : kFunctions) {
            CAPTURE(static_cast<int>(function.kind));
            for (const std::size_t count : {0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 1000}) {
                const std::vector<float> x = values(count);
                std::vector<float> y = x;
                y.push_back(7.0F);
                implementation.convolution->apply_function(function, y.data(), y.data(), count);
                for (std::size_t i = 0; i < count; ++i) {
                    const float expected = with_function(function, [&](auto f) { return f.value(x[i]); });
                    REQUIRE(std::bit_cast<std::uint32_t>(y[i]) == std::bit_cast<std::uint32_t>(expected));
                }
                CHECK(y[count] == 7.0F);
            }
            std::vector<float> nan(20, std::numeric_limits<float>::quiet_NaN());
            implementation.convolution->apply_function(function, nan.data(), nan.data(), nan.size());
            for (const float y : nan) CHECK(y != y);
        }
    }
}

}  // namespace eigenbit::internal
