#include "engine/kernels/int8/kernels.h"
#include "tests/engine/kernels/convolution_geometries.h"

#include <algorithm>
#include <vector>

using namespace eigenbit::internal;

namespace {

std::vector<float> draw(std::mt19937& random, std::size_t count) {
    std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
    std::vector<float> values(count);
    for (float& value : values) value = distribution(random);
    return values;
}

}  // namespace

TEST_CASE("every implementation rounds each product and sum of a matrix product") {
    std::mt19937 random(1);
    for (int trial = 0; trial < 100; ++trial) {
        const auto rows = static_cast<std::size_t>(between(random, 1, 11));
        const auto depth = static_cast<std::size_t>(between(random, 1, 40));
        const auto columns = static_cast<std::size_t>(between(random, 1, 80));
        CAPTURE(rows);
        CAPTURE(depth);
        CAPTURE(columns);
        const std::vector<float> a = draw(random, rows * (depth + 1));
        const std::vector<float> b = draw(random, depth * (columns + 2));
        std::vector<float> expected(rows * (columns + 3), 7.0F);
        for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t c = 0; c < columns; ++c) {
                float sum = 0.0F;
                for (std::size_t k = 0; k < depth; ++k) {
                    const float product = a[r * (depth + 1) + k] * b[k * (columns + 2) + c];
                    sum += product;
                }
                expected[r * (columns + 3) + c] = sum;
            }
        }
        for_each_supported([&](const CpuImplementation& implementation) {
            std::vector<float> y(expected.size(), 7.0F);
            implementation.integer->rounded_product({.a = a.data(),
                                                     .b = b.data(),
                                                     .y = y.data(),
                                                     .a_stride = static_cast<std::ptrdiff_t>(depth + 1),
                                                     .b_stride = static_cast<std::ptrdiff_t>(columns + 2),
                                                     .y_stride = static_cast<std::ptrdiff_t>(columns + 3),
                                                     .rows = rows,
                                                     .depth = depth,
                                                     .columns = columns});
            CHECK(y == expected);
        });
    }
}
