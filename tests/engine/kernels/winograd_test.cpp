#include "engine/kernels/f32/winograd.h"
#include "engine/kernels/reference/convolution.h"
#include "tests/engine/kernels/convolution_geometries.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
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

}  // namespace

TEST_CASE("Winograd's forward convolution is the plain one up to roundings, and ends alike") {
    for_each_problem([](const Problem& problem, const CpuImplementation& implementation) {
        WinogradWeights packed;
        packed.pack_forward(problem.geometry, problem.weights.data(), implementation);
        packed.release_taps();
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
