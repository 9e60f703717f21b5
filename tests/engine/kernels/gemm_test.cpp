#include "engine/kernels/f32/gemm.h"
#include "engine/kernels/reference/gemm.h"
#include "tests/engine/kernels/convolution_geometries.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace eigenbit::internal;

namespace {

constexpr float kUnwritten = 99.0F;

struct Sizes {
    std::int64_t m, n, k;
};

std::string to_string(const Sizes& s) {
    return std::to_string(s.m) + " " + std::to_string(s.n) + " " + std::to_string(s.k);
}

/// A matrix (rows, columns), which may lie transposed, within rows that are longer than it needs.
class TestMatrix {
  public:
    TestMatrix(std::mt19937& random, std::int64_t rows, std::int64_t columns, bool transposed, bool whole_numbers)
        : transposed_(transposed), stride_((transposed ? rows : columns) + between(random, 0, 3)) {
        values_.resize(static_cast<std::size_t>(stride_ * (transposed ? columns : rows)));
        std::normal_distribution<float> normal;
        for (float& value : values_) {
            value = whole_numbers ? static_cast<float>(between(random, -4, 4)) : normal(random);
        }
    }
    MatrixOperand operand() const { return {values_.data(), stride_, transposed_}; }

  private:
    bool transposed_;
    std::int64_t stride_;
    std::vector<float> values_;
};

/// C lies between floats that must stay as they are.
struct Result {
    std::int64_t stride;
    std::vector<float> values;

    Result(std::int64_t m, std::int64_t n) : stride(n + 3), values(static_cast<std::size_t>(m * stride), kUnwritten) {}
    bool operator==(const Result&) const = default;
};

/// Small whole numbers: every sum is exact, so that results must agree to the last bit.
void check_equal_to_reference(const Sizes& s, std::mt19937& random) {
    for (int variant = 0; variant < 8; ++variant) {
        const bool accumulate = (variant & 4) != 0;
        const TestMatrix a(random, s.m, s.k, (variant & 1) != 0, true);
        const TestMatrix b(random, s.k, s.n, (variant & 2) != 0, true);
        CAPTURE(to_string(s));
        CAPTURE(variant);
        Result expected(s.m, s.n);
        gemm_reference(s.m, s.n, s.k, a.operand(), b.operand(), accumulate, expected.values.data(), expected.stride);
        for_each_supported([&](const CpuImplementation& implementation) {
            Result c(s.m, s.n);
            gemm(s.m, s.n, s.k, a.operand(), b.operand(), accumulate, c.values.data(), c.stride, implementation);
            CHECK(c == expected);
        });
    }
}

/// All ways to multiply two matrices, once as they are divided for so many threads.
std::vector<Result> products_with(std::size_t threads, const Sizes& s) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    tbb::task_arena arena(static_cast<int>(threads));
    return arena.execute([&] {
        std::mt19937 random(3);
        std::vector<Result> results;
        for (int variant = 0; variant < 4; ++variant) {
            const TestMatrix a(random, s.m, s.k, (variant & 1) != 0, false);
            const TestMatrix b(random, s.k, s.n, (variant & 2) != 0, false);
            Result c(s.m, s.n);
            gemm(s.m, s.n, s.k, a.operand(), b.operand(), true, c.values.data(), c.stride);
            results.push_back(std::move(c));
        }
        return results;
    });
}

}  // namespace

TEST_CASE("matrix products equal the reference on every implementation, transposed or not, set or accumulated") {
    std::mt19937 random(5);
    for (const std::int64_t extent : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 100}) {
        check_equal_to_reference({1, extent, between(random, 1, 70)}, random);
        check_equal_to_reference({extent, between(random, 1, 70), 1}, random);
        check_equal_to_reference({between(random, 1, 70), 1, extent}, random);
        check_equal_to_reference({extent, extent, extent}, random);
    }
    for (int i = 0; i < 60; ++i) {
        check_equal_to_reference({between(random, 1, 90), between(random, 1, 90), between(random, 1, 90)}, random);
    }
    // Several blocks, strips, panels and parts of the depth.
    for (const Sizes& sizes : std::vector<Sizes>{{1, 5000, 20}, {3, 9, 1200}, {530, 70, 400}, {70, 1100, 30}}) {
        check_equal_to_reference(sizes, random);
    }
}

TEST_CASE("long sums have no more roundings than short ones") {
    constexpr std::int64_t kProducts = 150528;
    const std::vector<float> ones(8 * kProducts, 1.0F);
    for (const float value : {0.1F, 0.7F, 0.9803F, 1.9F}) {
        const std::vector<float> values(9 * kProducts, value);
        const double expected = static_cast<double>(value) * kProducts;
        for_each_supported([&](const CpuImplementation& implementation) {
            // By dot, and by axpy.
            for (const auto& [m, n, transposed] : {std::tuple{1, 5, true}, {2, 3, false}}) {
                CAPTURE(m);
                CAPTURE(value);
                std::vector<float> c(static_cast<std::size_t>(m * n));
                gemm(m, n, kProducts, {ones.data(), kProducts}, {values.data(), transposed ? kProducts : n, transposed},
                     false, c.data(), n, implementation);
                double worst = 0.0;
                for (const float sum : c) worst = std::max(worst, std::abs(static_cast<double>(sum) / expected - 1.0));
                CHECK(worst < 2e-6);
            }
        });
    }
}

TEST_CASE("long sums add up whole numbers exactly, wherever C lies") {
    std::mt19937 random(13);
    for (const Sizes& sizes : std::vector<Sizes>{{1, 3, 9000}, {3, 2, 8200}, {2, 70, 10000}}) {
        check_equal_to_reference(sizes, random);
    }
}

TEST_CASE("a matrix product over nothing is 0, or what was there") {
    for_each_supported([](const CpuImplementation& implementation) {
        for (const bool accumulate : {false, true}) {
            Result c(3, 5);
            Result expected = c;
            gemm_reference(3, 5, 0, {nullptr, 0}, {nullptr, 5}, accumulate, expected.values.data(), expected.stride);
            gemm(3, 5, 0, {nullptr, 0}, {nullptr, 5}, accumulate, c.values.data(), c.stride, implementation);
            CHECK(c == expected);
            gemm(0, 5, 2, {nullptr, 2}, {nullptr, 5}, accumulate, nullptr, 5, implementation);
            gemm(3, 0, 2, {nullptr, 2}, {nullptr, 0}, accumulate, nullptr, 0, implementation);
        }
    });
}

TEST_CASE("matrix products do not depend on the number of threads") {
    for (const Sizes& sizes : std::vector<Sizes>{{300, 500, 900}, {1, 3000, 1000}, {5, 1000, 700}, {900, 1300, 7}}) {
        CAPTURE(to_string(sizes));
        const std::vector<Result> alone = products_with(1, sizes);
        for (const std::size_t threads : {2, 5}) CHECK(products_with(threads, sizes) == alone);
    }
}

TEST_CASE("matrix products within parallel work do not disturb each other") {
    const Sizes s{200, 300, 400};
    std::mt19937 random(9);
    const TestMatrix a(random, s.m, s.k, true, true);
    const TestMatrix b(random, s.k, s.n, true, true);
    Result expected(s.m, s.n);
    gemm_reference(s.m, s.n, s.k, a.operand(), b.operand(), false, expected.values.data(), expected.stride);
    std::vector<Result> results(8, Result(s.m, s.n));
    tbb::task_arena(4).execute([&] {
        tbb::parallel_for(std::size_t{0}, results.size(), [&](std::size_t i) {
            gemm(s.m, s.n, s.k, a.operand(), b.operand(), false, results[i].values.data(), results[i].stride);
        });
    });
    for (const Result& result : results) CHECK(result == expected);
}

TEST_CASE("matrix products let NaN and infinity through") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    for_each_supported([&](const CpuImplementation& implementation) {
        for (const std::int64_t m : {1, 20}) {
            std::vector<float> a(static_cast<std::size_t>(m * 20), 1.0F);
            std::vector<float> b(400, 1.0F);
            std::vector<float> c(static_cast<std::size_t>(m * 20));
            a[3] = nan;
            b[19] = infinity;
            gemm(m, 20, 20, {a.data(), 20}, {b.data(), 20}, false, c.data(), 20, implementation);
            CHECK(std::isnan(c[0]));
            CHECK(std::isnan(c[19]));
            if (m > 1) CHECK(c[20] == 20.0F);
            if (m > 1) CHECK(c[39] == infinity);
        }
    });
}
