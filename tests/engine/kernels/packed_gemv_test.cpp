#include "engine/kernels/lowbit/packed_gemv.h"
#include "engine/weights/quantized.h"
#include "tests/engine/kernels/convolution_geometries.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

using namespace eigenbit::internal;

namespace {

/// A random matrix cut into blocks of random depths along the axis.
Quantized random_matrix(const Shape& shape, int axis, int least_depth, std::mt19937& random) {
    Quantized matrix{.shape = shape, .axis = axis, .blocks = {}, .levels = {}};
    std::vector<int> depths(static_cast<std::size_t>(shape[axis]));
    for (std::int64_t begin = 0; begin < shape[axis];) {
        const std::int64_t end = std::min(shape[axis], begin + between(random, 1, 90));
        const int depth = static_cast<int>(between(random, least_depth, 8));
        const float step = std::ldexp(1.0F, static_cast<int>(between(random, -9, -6)));
        const float offset = between(random, 0, 2) == 0 ? 0.5F : 0.0F;
        matrix.blocks.push_back({begin, end, depth, step, offset});
        std::fill(depths.begin() + begin, depths.begin() + end, depth);
        begin = end;
    }
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
        const int depth = depths[static_cast<std::size_t>(axis == 0 ? i / shape[1] : i % shape[1])];
        const std::int64_t limit = depth == 0 ? 0 : 1 << (depth - 1);
        matrix.levels.push_back(
            static_cast<std::int16_t>(between(random, -limit, std::max<std::int64_t>(limit - 1, 0))));
    }
    return matrix;
}

struct Problem {
    Quantized matrix;
    std::int64_t rows;
    std::uint8_t zero_point;
    std::vector<std::uint8_t> x;
    std::vector<float> scale;
    std::vector<float> bias;

    Problem(const Shape& shape, int axis, int least_depth, std::int64_t row_count, std::mt19937& random)
        : matrix(random_matrix(shape, axis, least_depth, random)),
          rows(row_count),
          zero_point(static_cast<std::uint8_t>(between(random, 0, 2) * 127)),
          x(static_cast<std::size_t>(rows * shape[1] + PackedGemv::kReadBeyond)),
          scale(static_cast<std::size_t>(shape[0])),
          bias(static_cast<std::size_t>(shape[0])) {
        for (std::uint8_t& value : x) value = static_cast<std::uint8_t>(between(random, 0, 255));
        for (float& value : scale) value = 0.125F * static_cast<float>(between(random, 1, 4));
        for (float& value : bias) value = static_cast<float>(between(random, -50, 50));
    }

    std::vector<float> expected() const {
        const Shape& shape = matrix.shape;
        const Tensor values = image(matrix);
        std::vector<float> y;
        for (std::int64_t row = 0; row < rows; ++row) {
            for (std::int64_t o = 0; o < shape[0]; ++o) {
                double sum = 0.0;
                for (std::int64_t i = 0; i < shape[1]; ++i) {
                    sum += static_cast<double>(values[o * shape[1] + i])
                           * (x[static_cast<std::size_t>(row * shape[1] + i)] - zero_point);
                }
                const auto output = static_cast<std::size_t>(o);
                y.push_back(static_cast<float>(scale[output] * sum + bias[output]));
            }
        }
        return y;
    }
};

void check(const Problem& problem) {
    const std::vector<float> expected = problem.expected();
    const float largest = std::abs(*std::ranges::max_element(expected, {}, [](float v) { return std::abs(v); }));
    for_each_supported([&](const CpuImplementation& implementation) {
        const PackedGemv packed(problem.matrix, problem.zero_point, {problem.scale, problem.bias}, implementation);
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
        std::ranges::fill(problem.matrix.levels, static_cast<std::int16_t>(code));
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
            problem.matrix.blocks = {{0, shape[axis], depth, 0.01F, 0.5F}};
            std::ranges::fill(problem.matrix.levels, static_cast<std::int16_t>((1 << (depth - 1)) - 1));
            check(problem);
        }
    }
}

TEST_CASE("a packed matrix takes the bits that its levels need, and nothing for blocks of depth 0") {
    Quantized matrix{.shape = Shape{256, 1024}, .axis = 1, .blocks = {{0, 512, 5, 1.0F}, {512, 1024, 0}}, .levels = {}};
    std::mt19937 random(9);
    for (std::int64_t i = 0; i < 256 * 1024; ++i) {
        matrix.levels.push_back(i % 1024 < 512 ? static_cast<std::int16_t>(between(random, 1, 8)) : std::int16_t{0});
    }
    const std::vector<float> scale(256, 1.0F);
    const std::vector<float> bias(256);
    const PackedGemv packed(matrix, 0, {scale, bias});
    CHECK(packed.weight_bytes() >= 256 * 512 * 3 / 8);
    CHECK(packed.weight_bytes() < 256 * 512 * 3 / 8 + 4000);
    matrix.blocks[0].bit_depth = 9;
    CHECK(!PackedGemv::can_pack(matrix));
}

TEST_CASE("few levels that are larger than the others are exceptions, whose products are right") {
    std::mt19937 random(10);
    Problem problem(Shape{130, 700}, 1, 8, 2, random);
    problem.matrix.blocks = {{0, 300, 8, 0.5F, 0.0F}, {300, 700, 8, 0.25F, 0.5F}};
    for (std::int16_t& level : problem.matrix.levels) {
        const std::int64_t extent = between(random, 0, 1000) == 0 ? 128 : 2;
        level = static_cast<std::int16_t>(between(random, -extent, extent - 1));
    }
    check(problem);
    const PackedGemv packed(problem.matrix, problem.zero_point, {problem.scale, problem.bias});
    CHECK(packed.weight_bytes() < 130 * 700 * 4 / 8);
}

/// A matrix of one block whose levels are as likely as a share to the power of their magnitude; one in `spacing` is any
/// of eight bits, those in the corners too; none where spacing is 0.
Quantized skewed_matrix(const Shape& shape, double share, std::int64_t spacing, std::mt19937& random) {
    Quantized matrix{.shape = shape, .axis = 1, .blocks = {{0, shape[1], 8, 1.0F, 0.0F}}, .levels = {}};
    std::geometric_distribution<int> magnitude(1.0 - share);
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
        const int level = std::min(magnitude(random), 100) * (between(random, 0, 1) == 0 ? 1 : -1);
        const bool is_rare = spacing > 0 && between(random, 0, spacing - 1) == 0;
        matrix.levels.push_back(static_cast<std::int16_t>(is_rare ? between(random, -128, 127) : level));
    }
    if (spacing == 0) return matrix;
    for (const std::int64_t i : {std::int64_t{0}, shape[1] - 1, shape.elements() - shape[1], shape.elements() - 1}) {
        matrix.levels[static_cast<std::size_t>(i)] = i % 2 == 0 ? 127 : -128;
    }
    return matrix;
}

TEST_CASE("levels that lie as tuples, with many exceptions or none, have the sums that they have one by one") {
    std::mt19937 random(12);
    for (int trial = 0; trial < 120; ++trial) {
        const Shape shape{between(random, 1, 150), between(random, 1, 300)};
        const double share = 0.05 + 0.07 * static_cast<double>(trial % 8);
        const std::int64_t spacing = std::array{0, 20, 150, 300, 5000}[static_cast<std::size_t>(trial % 5)];
        CAPTURE(to_string(shape));
        CAPTURE(share);
        CAPTURE(spacing);
        Problem problem(shape, 1, 8, 2, random);
        problem.matrix = skewed_matrix(shape, share, spacing, random);
        problem.zero_point = 0;
        std::ranges::fill(problem.scale, 1.0F);
        const std::vector<float> expected = problem.expected();  // integers that floats hold
        for_each_supported([&](const CpuImplementation& implementation) {
            const PackedGemv packed(problem.matrix, problem.zero_point, {problem.scale, problem.bias}, implementation);
            std::vector<float> y(expected.size());
            packed.run(problem.x.data(), problem.rows, {.floats = y.data()});
            CHECK(y == expected);
        });
    }
}

TEST_CASE("the fewer bits levels tell, the fewer they lie in") {
    std::mt19937 random(13);
    const Shape shape{128, 960};
    const std::vector<float> scale(128, 1.0F);
    const std::vector<float> bias(128);
    for (const auto& [share, bits] : std::vector<std::pair<double, double>>{
             {0.02, 1.7}, {0.12, 1.75}, {0.16, 2.12}, {0.22, 2.6}, {0.3, 3.1}, {0.6, 5.05}}) {
        CAPTURE(share);
        const Quantized matrix = skewed_matrix(shape, share, 0, random);
        const double level_bytes = bits / 8.0 * static_cast<double>(shape.elements());
        for_each_supported([&](const CpuImplementation& implementation) {
            constexpr std::size_t kCodebook = 3 * 16;  // bytes
            const std::size_t panels = 128 / (kQuadVectors * implementation.integer->width);
            const std::size_t others =
                (scale.size() + bias.size()) * sizeof(float) + panels * (sizeof(LowbitSegment) + kCodebook);
            const PackedGemv packed(matrix, 0, {scale, bias}, implementation);
            CHECK(static_cast<double>(packed.weight_bytes()) < level_bytes + static_cast<double>(others));
        });
    }
}

TEST_CASE("a matrix whose levels are read block by block is packed as one in memory") {
    std::mt19937 random(11);
    for (const int axis : {0, 1}) {
        Problem problem(Shape{100, 250}, axis, 1, 1, random);
        std::vector<float> expected(100);
        PackedGemv(problem.matrix, problem.zero_point, {problem.scale, problem.bias})
            .run(problem.x.data(), 1, {.floats = expected.data()});
        Quantized stored = problem.matrix;
        stored.levels = {};
        stored.source = {.all = [] { return std::vector<std::int16_t>(); },
                         .block = [&](std::size_t block) { return block_levels(problem.matrix, block); }};
        std::vector<float> y(100);
        PackedGemv(stored, problem.zero_point, {problem.scale, problem.bias})
            .run(problem.x.data(), 1, {.floats = y.data()});
        CHECK(y == expected);
    }
}
