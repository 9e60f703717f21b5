#include "engine/kernels/packed_matrix.h"
#include "engine/quantization.h"
#include "tests/engine/convolution_geometries.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace eigenbit;

namespace {

/// A random matrix cut into blocks of random depths along the axis.
Parameter random_matrix(const Shape& shape, int axis, int least_depth, std::mt19937& random) {
    Quantization quantization{.axis = axis, .blocks = {}, .indices = {}, .channel_scale = {}};
    std::vector<int> depths(static_cast<std::size_t>(shape[axis]));
    for (std::int64_t begin = 0; begin < shape[axis];) {
        const std::int64_t end = std::min(shape[axis], begin + between(random, 1, 90));
        const int depth = static_cast<int>(between(random, least_depth, 8));
        const float step = std::ldexp(1.0F, static_cast<int>(between(random, -9, -6)));
        const float offset = between(random, 0, 2) == 0 ? 0.5F : 0.0F;
        quantization.blocks.push_back({begin, end, depth, step, offset});
        std::fill(depths.begin() + begin, depths.begin() + end, depth);
        begin = end;
    }
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
        const int depth = depths[static_cast<std::size_t>(axis == 0 ? i / shape[1] : i % shape[1])];
        const std::int64_t limit = depth == 0 ? 0 : 1 << (depth - 1);
        quantization.indices.push_back(
            static_cast<std::int16_t>(between(random, -limit, std::max<std::int64_t>(limit - 1, 0))));
    }
    for (std::int64_t o = 0; o < shape[0]; ++o) {
        quantization.channel_scale.push_back(static_cast<float>(between(random, 1, 4)));
    }
    return {dequantize(quantization, shape), quantization};
}

struct Problem {
    Parameter matrix;
    std::int64_t rows;
    std::uint8_t zero_point;
    std::vector<std::uint8_t> x;
    std::vector<float> bias;

    Problem(const Shape& shape, int axis, int least_depth, std::int64_t row_count, std::mt19937& random)
        : matrix(random_matrix(shape, axis, least_depth, random)),
          rows(row_count),
          zero_point(static_cast<std::uint8_t>(between(random, 0, 2) * 127)),
          x(static_cast<std::size_t>(rows * shape[1] + PackedMatrix::kReadBeyond)),
          bias(static_cast<std::size_t>(shape[0])) {
        for (std::uint8_t& value : x) value = static_cast<std::uint8_t>(between(random, 0, 255));
        for (float& value : bias) value = static_cast<float>(between(random, -50, 50));
    }

    std::vector<float> expected(float scale) const {
        const Shape& shape = matrix.values.shape();
        std::vector<float> y;
        for (std::int64_t row = 0; row < rows; ++row) {
            for (std::int64_t o = 0; o < shape[0]; ++o) {
                double sum = 0.0;
                for (std::int64_t i = 0; i < shape[1]; ++i) {
                    sum += static_cast<double>(matrix.values[o * shape[1] + i])
                           * (x[static_cast<std::size_t>(row * shape[1] + i)] - zero_point);
                }
                y.push_back(static_cast<float>(scale * sum + bias[static_cast<std::size_t>(o)]));
            }
        }
        return y;
    }
};

void check(const Problem& problem) {
    constexpr float kScale = 0.125F;
    const std::vector<float> expected = problem.expected(kScale);
    const float largest = std::abs(*std::ranges::max_element(expected, {}, [](float v) { return std::abs(v); }));
    for_each_supported([&](const CpuImplementation& implementation) {
        const PackedMatrix packed(problem.matrix.values.shape(), *problem.matrix.quantization, problem.zero_point,
                                  kScale, problem.bias, implementation);
        std::vector<float> y(expected.size(), -7.0F);
        packed.run(problem.x.data(), problem.rows, {.floats = y.data()});
        bool same = true;
        for (std::size_t i = 0; i < y.size(); ++i) same = same && std::abs(y[i] - expected[i]) <= 1e-5F * largest;
        CHECK(same);
        const std::vector<std::uint8_t> residual(expected.size(), 3);
        std::vector<std::uint8_t> bytes(expected.size());
        packed.run(problem.x.data(), problem.rows,
                   {.bytes = bytes.data(),
                    .residual_bytes = residual.data(),
                    .residual_scale = 2.0F,
                    .low = 0.0F,
                    .high = 200.0F});
        for (std::size_t i = 0; i < y.size(); ++i) {
            same = same && std::abs(static_cast<float>(bytes[i]) - std::clamp(y[i] + 6.0F, 0.0F, 200.0F)) <= 0.5001F;
        }
        CHECK(same);
    });
}

}  // namespace

TEST_CASE("products with packed matrices are those with their values, at all depths and sizes") {
    std::mt19937 random(5);
    for (int trial = 0; trial < 60; ++trial) {
        const Shape shape{between(random, 1, 150), between(random, 1, 300)};
        CAPTURE(to_string(shape));
        check(Problem(shape, trial % 2, 0, between(random, 1, 3), random));
    }
}

TEST_CASE("packed sums of extreme codes do not saturate") {
    std::mt19937 random(6);
    for (const int code : {-128, 127}) {
        Problem problem(Shape{20, 9000}, 0, 8, 1, random);
        std::ranges::fill(problem.x, std::uint8_t{255});
        problem.zero_point = 0;
        Quantization& quantization = *problem.matrix.quantization;
        std::ranges::fill(quantization.indices, static_cast<std::int16_t>(code));
        problem.matrix.values = dequantize(quantization, Shape{20, 9000});
        check(problem);
    }
}

TEST_CASE("packed sums of more products than 32 bits hold are right, whatever axis their blocks cut") {
    const Shape shape{3, 150528};
    for (const int axis : {0, 1}) {
        for (const int depth : {7, 8}) {
            std::mt19937 random(8);
            Problem problem(shape, axis, 8, 1, random);
            std::ranges::fill(problem.x, std::uint8_t{255});
            problem.zero_point = 0;
            Quantization& quantization = *problem.matrix.quantization;
            quantization.blocks = {{0, shape[axis], depth, 0.01F, 0.5F}};
            std::ranges::fill(quantization.indices, static_cast<std::int16_t>((1 << (depth - 1)) - 1));
            problem.matrix.values = dequantize(quantization, shape);
            check(problem);
        }
    }
}

TEST_CASE("a packed matrix takes its bit depth in memory, and nothing for blocks of depth 0") {
    Quantization quantization{
        .axis = 1, .blocks = {{0, 512, 3, 1.0F}, {512, 1024, 0}}, .indices = {}, .channel_scale = {}};
    quantization.indices.resize(256 * 1024);
    const std::vector<float> bias(256);
    const PackedMatrix packed(Shape{256, 1024}, quantization, 0, 1.0F, bias);
    CHECK(packed.weight_bytes() >= 256 * 512 * 3 / 8);
    CHECK(packed.weight_bytes() < 256 * 512 * 3 / 8 + 3000);
    quantization.blocks[0].bit_depth = 9;
    CHECK(!PackedMatrix::can_pack(quantization));
}
