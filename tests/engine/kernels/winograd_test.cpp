#include "engine/kernels/f32/winograd.h"
#include "engine/kernels/reference/convolution.h"
#include "tests/engine/kernels/convolution_geometries.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace eigenbit::internal;

namespace {

std::vector<float> normal_numbers(std::mt19937& random, std::int64_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(count));
    std::ranges::generate(values, [&] { return normal(random); });
    return values;
}

struct Problem {
    ConvolutionGeometry geometry;
    std::vector<float> x, weights, y, bias;

    Problem(const ConvolutionGeometry& g, std::mt19937& random)
        : geometry(g),
          x(normal_numbers(random, g.n * g.h * g.w * g.i)),
          weights(normal_numbers(random, g.o * 9 * g.i)),
          y(normal_numbers(random, g.n * g.oh * g.ow * g.o)),
          bias(normal_numbers(random, g.o)) {}
};

ConvolutionGeometry random_geometry(std::mt19937& random) {
    ConvolutionGeometry g{.n = between(random, 1, 4),
                          .h = between(random, 3, 14),
                          .w = between(random, 3, 14),
                          .i = between(random, 1, 40),
                          .o = between(random, 1, 90),
                          .kh = 3,
                          .kw = 3};
    for (std::int64_t& pad : g.pad) pad = between(random, 0, 3);
    return with_output_extents(g);
}

/// Calls check(problem, implementation) for many geometries on everything that this CPU can run.
template <typename Check>
void for_each_problem(const Check& check) {
    std::mt19937 random(5);
    for (int i = 0; i < 60; ++i) {
        const Problem problem(random_geometry(random), random);
        CAPTURE(to_string(problem.geometry));
        for_each_supported([&](const CpuImplementation& implementation) { check(problem, implementation); });
    }
}

/// The largest difference, relative to the root mean square of what was expected.
double largest_error(const std::vector<float>& values, const std::vector<float>& expected) {
    double largest = 0.0;
    double squares = 1e-30;
    for (std::size_t i = 0; i < values.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(values[i]) - expected[i]));
        squares += static_cast<double>(expected[i]) * expected[i];
    }
    return largest / std::sqrt(squares / static_cast<double>(values.size()));
}

/// Outputs, and gradients of inputs and weights.
std::vector<float> all_directions(const Problem& problem) {
    WinogradWeights forward;
    WinogradWeights backward;
    forward.pack_forward(problem.geometry, problem.weights.data());
    backward.pack_input_gradient(problem.geometry, problem.weights.data());
    std::vector<float> all(problem.y.size() + problem.x.size() + problem.weights.size());
    float* const dx = all.data() + problem.y.size();
    winograd_forward(problem.geometry, problem.x.data(), forward, {}, all.data());
    winograd_input_gradient(problem.geometry, problem.y.data(), backward, false, dx);
    winograd_weight_gradient(problem.geometry, problem.x.data(), problem.y.data(), false, dx + problem.x.size());
    return all;
}

constexpr double kRoundings = 2e-5;

/// Σ|weight| of each output channel.
std::vector<double> weight_sums(const Problem& problem) {
    std::vector<double> sums(static_cast<std::size_t>(problem.geometry.o));
    const auto filter = static_cast<std::size_t>(9 * problem.geometry.i);
    for (std::size_t i = 0; i < problem.weights.size(); ++i) sums[i / filter] += std::abs(problem.weights[i]);
    return sums;
}

/// The largest magnitude among the 6×6 inputs of each output pixel's tile.
std::vector<double> tile_magnitudes(const Problem& problem) {
    const ConvolutionGeometry& g = problem.geometry;
    std::vector<double> magnitudes;
    for (std::int64_t pixel = 0; pixel < g.n * g.oh * g.ow; ++pixel) {
        const std::int64_t row = pixel / g.ow % g.oh / 4 * 4 - g.pad[0];
        const std::int64_t column = pixel % g.ow / 4 * 4 - g.pad[1];
        double largest = 0.0;
        for (std::int64_t y = std::max<std::int64_t>(row, 0); y < std::min(row + 6, g.h); ++y) {
            for (std::int64_t x = std::max<std::int64_t>(column, 0); x < std::min(column + 6, g.w); ++x) {
                const float* const from = problem.x.data() + ((pixel / (g.oh * g.ow) * g.h + y) * g.w + x) * g.i;
                for (std::int64_t c = 0; c < g.i; ++c) largest = std::max(largest, std::abs(double{from[c]}));
            }
        }
        magnitudes.push_back(largest);
    }
    return magnitudes;
}

/// The forward convolution as it is, and as it should be.
struct Forward {
    std::vector<float> y, expected;

    Forward(const Problem& problem, const CpuImplementation& implementation)
        : y(problem.y.size()), expected(problem.y.size()) {
        WinogradWeights packed;
        packed.pack_forward(problem.geometry, problem.weights.data(), implementation);
        winograd_forward(problem.geometry, problem.x.data(), packed, {}, y.data());
        convolution_forward_reference(problem.geometry, problem.x.data(), problem.weights.data(), {}, expected.data());
    }
};

/// Puts a value at a random place, and returns which outputs it touches: those that are not what they were without it.
std::vector<bool> touched_by(float value, Problem& problem, std::mt19937& random) {
    Problem alone = problem;
    std::ranges::fill(alone.x, 0.0F);
    std::ranges::fill(alone.weights, 1.0F);
    const auto place = static_cast<std::size_t>(between(random, 0, std::ssize(problem.x) - 1));
    problem.x[place] = value;
    alone.x[place] = 1.0F;
    std::vector<float> y(problem.y.size());
    convolution_forward_reference(alone.geometry, alone.x.data(), alone.weights.data(), {}, y.data());
    std::vector<bool> touched;
    for (const float sum : y) touched.push_back(sum != 0.0F);
    return touched;
}

}  // namespace

TEST_CASE("Winograd's errors stay within the bound that is stated, whatever the values") {
    std::mt19937 random(21);
    for (int i = 0; i < 60; ++i) {
        Problem problem(random_geometry(random), random);
        CAPTURE(to_string(problem.geometry));
        for (float& value : problem.x) {
            if (between(random, 0, 200) == 0) value *= std::pow(10.0F, static_cast<float>(between(random, -8, 5)));
        }
        const std::vector<double> weights = weight_sums(problem);
        const std::vector<double> magnitudes = tile_magnitudes(problem);
        for_each_supported([&](const CpuImplementation& implementation) {
            const Forward forward(problem, implementation);
            double worst = 0.0;
            for (std::size_t p = 0; p < forward.y.size(); ++p) {
                const double error = std::abs(double{forward.y[p]} - double{forward.expected[p]});
                worst = std::max(worst, error / (magnitudes[p / weights.size()] * weights[p % weights.size()] + 1e-30));
            }
            CHECK(worst < kWinogradRoundings * 0x1p-24);
        });
    }
}

TEST_CASE("one large value moves no pixel that it does not touch") {
    std::mt19937 random(23);
    for (const float value :
         {1e6F, -1e9F, 1e20F, 1e37F, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        for (int i = 0; i < 10; ++i) {
            Problem problem(random_geometry(random), random);
            const std::vector<bool> touched = touched_by(value, problem, random);
            CAPTURE(to_string(problem.geometry));
            CAPTURE(value);
            for_each_supported([&](const CpuImplementation& implementation) {
                const Forward forward(problem, implementation);
                const double roundings = kRoundings * std::sqrt(static_cast<double>(9 * problem.geometry.i));
                std::size_t wrong = 0;
                for (std::size_t p = 0; p < forward.y.size(); ++p) {
                    const auto y = static_cast<double>(forward.y[p]);
                    const auto expected = static_cast<double>(forward.expected[p]);
                    const double scale = touched[p] ? std::abs(static_cast<double>(value)) : 1.0;
                    const bool equal = y == expected || (std::isnan(y) && std::isnan(expected));
                    if (!equal && !(std::abs(y - expected) <= roundings * scale)) ++wrong;
                }
                CHECK(wrong == 0);
            });
        }
    }
}

TEST_CASE("tiles of large values end like the others") {
    for_each_problem([](Problem problem, const CpuImplementation& implementation) {
        for (float& value : problem.x) value *= 1e6F;
        for (float& value : problem.y) value *= 1e6F;
        for (float& value : problem.bias) value *= 1e6F;
        WinogradWeights packed;
        packed.pack_forward(problem.geometry, problem.weights.data(), implementation);
        std::vector<float> y = problem.y;
        std::vector<float> expected(y.size());
        convolution_forward_reference(problem.geometry, problem.x.data(), problem.weights.data(),
                                      {problem.bias.data(), problem.y.data(), -5e6F, 6e6F}, expected.data());
        winograd_forward(problem.geometry, problem.x.data(), packed, {problem.bias.data(), y.data(), -5e6F, 6e6F},
                         y.data());
        CHECK(largest_error(y, expected) < kRoundings);
        std::vector<float> dx = problem.x;
        std::vector<float> expected_dx = problem.x;
        convolution_input_gradient_reference(problem.geometry, problem.y.data(), problem.weights.data(), true,
                                             expected_dx.data());
        packed.pack_input_gradient(problem.geometry, problem.weights.data(), implementation);
        winograd_input_gradient(problem.geometry, problem.y.data(), packed, true, dx.data());
        CHECK(largest_error(dx, expected_dx) < kRoundings);
    });
}

TEST_CASE("Winograd's forward convolution is the plain one up to roundings, and ends alike") {
    for_each_problem([](const Problem& problem, const CpuImplementation& implementation) {
        WinogradWeights packed;
        packed.pack_forward(problem.geometry, problem.weights.data(), implementation);
        std::vector<float> y(problem.y.size());
        for (const ConvolutionEpilogue& epilogue :
             {ConvolutionEpilogue{}, ConvolutionEpilogue{.bias = problem.bias.data(), .low = -5.0F, .high = 6.0F},
              ConvolutionEpilogue{.residual = problem.y.data(), .low = 0.0F},
              ConvolutionEpilogue{.bias = problem.bias.data(), .residual = y.data()}}) {
            y = problem.y;
            std::vector<float> expected(problem.y.size());
            ConvolutionEpilogue apart = epilogue;
            if (epilogue.residual == y.data()) apart.residual = problem.y.data();
            convolution_forward_reference(problem.geometry, problem.x.data(), problem.weights.data(), apart,
                                          expected.data());
            winograd_forward(problem.geometry, problem.x.data(), packed, epilogue, y.data());
            CHECK(largest_error(y, expected) < kRoundings);
        }
    });
}

TEST_CASE("Winograd's input gradient is the plain one up to roundings, set or accumulated") {
    for_each_problem([](const Problem& problem, const CpuImplementation& implementation) {
        for (const bool accumulate : {false, true}) {
            std::vector<float> expected = problem.x;
            convolution_input_gradient_reference(problem.geometry, problem.y.data(), problem.weights.data(), accumulate,
                                                 expected.data());
            WinogradWeights packed;
            packed.pack_input_gradient(problem.geometry, problem.weights.data(), implementation);
            std::vector<float> dx = problem.x;
            winograd_input_gradient(problem.geometry, problem.y.data(), packed, accumulate, dx.data());
            CHECK(largest_error(dx, expected) < kRoundings);
        }
    });
}

TEST_CASE("Winograd's weight gradient is the plain one up to roundings, set or accumulated") {
    for_each_problem([](const Problem& problem, const CpuImplementation& implementation) {
        for (const bool accumulate : {false, true}) {
            std::vector<float> expected = problem.weights;
            convolution_weight_gradient_reference(problem.geometry, problem.x.data(), problem.y.data(), accumulate,
                                                  expected.data(), nullptr);
            std::vector<float> dw = problem.weights;
            winograd_weight_gradient(problem.geometry, problem.x.data(), problem.y.data(), accumulate, dw.data(),
                                     nullptr, implementation);
            CHECK(largest_error(dw, expected) < kRoundings);
        }
    });
}

TEST_CASE("Winograd's results do not depend on the number of threads") {
    struct Size {
        std::int64_t images, extent;
    };
    std::mt19937 random(11);
    for (const auto [images, extent] : {Size{9, 40}, Size{1, 16}}) {  // many blocks of tiles, and too few to divide
        const Problem problem(
            with_output_extents(
                {.n = images, .h = extent, .w = extent, .i = 24, .o = 80, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}}),
            random);
        REQUIRE(suits_winograd(problem.geometry, WeightPacking::once));
        std::vector<std::vector<float>> results;
        for (const std::size_t threads : {1, 2}) {
            const tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
            tbb::task_arena arena(static_cast<int>(threads));
            arena.execute([&] { results.push_back(all_directions(problem)); });
        }
        CHECK(results[0] == results[1]);
    }
}
