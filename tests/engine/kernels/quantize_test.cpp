#include "engine/kernels/int8/kernels.h"
#include "tests/engine/kernels/convolution_geometries.h"

#include <algorithm>
#include <cmath>

using namespace eigenbit::internal;

TEST_CASE("every implementation rounds rows of floats to bytes, ties to even") {
    std::mt19937 random(2);
    for (std::int64_t columns = 1; columns < 70; ++columns) {
        CAPTURE(columns);
        constexpr std::int64_t kRows = 3;
        const std::int64_t stride = columns + 5;
        std::vector<float> x(static_cast<std::size_t>(kRows * stride));
        std::vector<float> scale(static_cast<std::size_t>(columns));
        std::vector<float> shift(scale.size());
        for (float& value : x) value = static_cast<float>(between(random, -600, 600)) * 0.5F;
        const bool ties = columns % 2 == 0;
        std::uniform_real_distribution<float> any(0.2F, 1.0F);
        for (float& value : scale) value = ties ? static_cast<float>(between(random, 1, 4)) * 0.25F : any(random);
        for (float& value : shift) value = ties ? static_cast<float>(between(random, -50, 50)) : 50.0F * any(random);
        const float step = ties ? 0.5F : any(random);
        const auto zero = static_cast<float>(between(random, 4, 250));
        std::vector<std::uint8_t> expected(x.size(), 7);
        for (std::int64_t i = 0; i < kRows * columns; ++i) {
            const auto c = static_cast<std::size_t>(i % columns);
            const auto at = static_cast<std::size_t>(i / columns * stride + i % columns);
            const float value = std::clamp((x[at] * scale[c] + shift[c]) / step, 3.0F - zero, 250.0F - zero);
            expected[at] = static_cast<std::uint8_t>(std::lrint(value) + std::lrint(zero));
        }
        for_each_supported([&](const CpuImplementation& implementation) {
            std::vector<std::uint8_t> y(x.size(), 7);
            implementation.integer->quantize_rows({.x = x.data(),
                                                   .y = y.data(),
                                                   .x_stride = stride,
                                                   .y_stride = stride,
                                                   .rows = kRows,
                                                   .columns = static_cast<std::size_t>(columns),
                                                   .scale = scale.data(),
                                                   .shift = shift.data(),
                                                   .step = step,
                                                   .zero = zero,
                                                   .low = 3.0F - zero,
                                                   .high = 250.0F - zero});
            CHECK(y == expected);
        });
    }
}
