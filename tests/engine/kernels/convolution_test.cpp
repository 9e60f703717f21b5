#include "engine/base/tensor.h"
#include "engine/kernels/f32/convolution.h"
#include "engine/kernels/reference/convolution.h"
#include "tests/engine/kernels/convolution_geometries.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace eigenbit::internal;

namespace {

/// Small whole numbers: every sum of products is exact in float32, so that results must agree to the last bit.
std::vector<float> whole_numbers(std::mt19937& random, std::int64_t count) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = static_cast<float>(between(random, -4, 4));
    return values;
}

/// Inputs of all three directions for one geometry.
struct Problem {
    ConvolutionGeometry geometry;
    std::vector<float> x, weights, y, bias, residual;

    Problem(const ConvolutionGeometry& g, std::mt19937& random)
        : geometry(g),
          x(whole_numbers(random, g.n * g.h * g.w * g.i)),
          weights(whole_numbers(random, g.o * g.kh * g.kw * (g.i / g.groups))),
          y(whole_numbers(random, g.n * g.oh * g.ow * g.o)),
          bias(whole_numbers(random, g.o)),
          residual(whole_numbers(random, g.n * g.oh * g.ow * g.o)) {}
};

/// Calls check(problem, implementation) for the special and many random geometries on everything that this CPU can run.
template <typename Check>
void for_each_problem(const Check& check) {
    std::mt19937 random(7);
    for (const ConvolutionGeometry& geometry : convolution_geometries(300, random)) {
        const Problem problem(geometry, random);
        CAPTURE(to_string(geometry));
        check(problem);
    }
}

}  // namespace

TEST_CASE("forward convolution equals the reference on every implementation") {
    for_each_problem([](const Problem& problem) {
        const ConvolutionEpilogue plain;
        const ConvolutionEpilogue fused{problem.bias.data(), problem.residual.data(), -20.0F, 30.0F};
        for (const ConvolutionEpilogue& epilogue : {plain, fused}) {
            std::vector<float> expected(problem.y.size());
            convolution_forward_reference(problem.geometry, problem.x.data(), problem.weights.data(), epilogue,
                                          expected.data());
            for_each_supported([&](const CpuImplementation& implementation) {
                PackedWeights packed;
                pack_forward_weights(problem.geometry, problem.weights.data(), packed, implementation);
                std::vector<float> y(problem.y.size(), 99.0F);
                convolution_forward(problem.geometry, problem.x.data(), packed, epilogue, y.data());
                CHECK(y == expected);
            });
        }
    });
}

TEST_CASE("long sums have no more roundings than short ones, in a layer") {
    const ConvolutionGeometry geometry =
        with_output_extents({.n = 2, .h = 1, .w = 1, .i = 150528, .o = 3, .kh = 1, .kw = 1});
    const std::vector<float> x(static_cast<std::size_t>(geometry.n * geometry.i), 1.0F);
    for (const float value : {0.1F, 0.7F, 0.9803F, 1.9F}) {
        const std::vector<float> weights(static_cast<std::size_t>(geometry.o * geometry.i), value);
        for_each_supported([&](const CpuImplementation& implementation) {
            PackedWeights packed;
            pack_forward_weights(geometry, weights.data(), packed, implementation);
            std::vector<float> y(static_cast<std::size_t>(geometry.n * geometry.o));
            convolution_forward(geometry, x.data(), packed, {}, y.data());
            for (const float sum : y) CHECK(std::abs(double{sum} / (double{value} * 150528) - 1.0) < 2e-6);
        });
    }
}

TEST_CASE("long sums end like the others, forward and backward, and where the residual lies") {
    std::mt19937 random(15);
    const ConvolutionGeometry geometry =
        with_output_extents({.n = 1, .h = 3, .w = 2, .i = 950, .o = 930, .kh = 3, .kw = 3, .pad = {1, 0, 1, 1}});
    const Problem problem(geometry, random);
    const ConvolutionEpilogue fused{problem.bias.data(), problem.residual.data(), -200.0F, 300.0F};
    std::vector<float> expected(problem.y.size());
    std::vector<float> expected_dx = problem.x;
    convolution_forward_reference(geometry, problem.x.data(), problem.weights.data(), fused, expected.data());
    convolution_input_gradient_reference(geometry, problem.y.data(), problem.weights.data(), true, expected_dx.data());
    for_each_supported([&](const CpuImplementation& implementation) {
        PackedWeights packed;
        pack_forward_weights(geometry, problem.weights.data(), packed, implementation);
        std::vector<float> y = problem.residual;
        convolution_forward(geometry, problem.x.data(), packed, {fused.bias, y.data(), fused.low, fused.high},
                            y.data());
        CHECK(y == expected);
        pack_input_gradient_weights(geometry, problem.weights.data(), packed, implementation);
        std::vector<float> dx = problem.x;
        convolution_input_gradient(geometry, problem.y.data(), packed, true, dx.data());
        CHECK(dx == expected_dx);
    });
}

TEST_CASE("a residual may lie where the output goes") {
    for_each_problem([](const Problem& problem) {
        const ConvolutionEpilogue fused{problem.bias.data(), problem.residual.data(), -20.0F, 30.0F};
        std::vector<float> expected(problem.y.size());
        convolution_forward_reference(problem.geometry, problem.x.data(), problem.weights.data(), fused,
                                      expected.data());
        PackedWeights packed;
        pack_forward_weights(problem.geometry, problem.weights.data(), packed);
        std::vector<float> y = problem.residual;
        convolution_forward(problem.geometry, problem.x.data(), packed, {fused.bias, y.data(), fused.low, fused.high},
                            y.data());
        CHECK(y == expected);
    });
}

TEST_CASE("the input gradient equals the reference on every implementation, set or accumulated") {
    for_each_problem([](const Problem& problem) {
        for (const bool accumulate : {false, true}) {
            std::vector<float> expected = problem.x;
            convolution_input_gradient_reference(problem.geometry, problem.y.data(), problem.weights.data(), accumulate,
                                                 expected.data());
            for_each_supported([&](const CpuImplementation& implementation) {
                PackedWeights packed;
                pack_input_gradient_weights(problem.geometry, problem.weights.data(), packed, implementation);
                std::vector<float> dx = problem.x;
                convolution_input_gradient(problem.geometry, problem.y.data(), packed, accumulate, dx.data());
                CHECK(dx == expected);
            });
        }
    });
}

TEST_CASE("weight and bias gradients equal the reference on every implementation, set or accumulated") {
    for_each_problem([](const Problem& problem) {
        for (const bool accumulate : {false, true}) {
            std::vector<float> expected = problem.weights;
            std::vector<float> expected_bias = problem.bias;
            convolution_weight_gradient_reference(problem.geometry, problem.x.data(), problem.y.data(), accumulate,
                                                  expected.data(), expected_bias.data());
            for_each_supported([&](const CpuImplementation& implementation) {
                std::vector<float> dw = problem.weights;
                std::vector<float> db = problem.bias;
                convolution_weight_gradient(problem.geometry, problem.x.data(), problem.y.data(), accumulate, dw.data(),
                                            db.data(), nullptr, implementation);
                CHECK(dw == expected);
                CHECK(db == expected_bias);
            });
        }
    });
}

TEST_CASE("results do not depend on the number of threads") {
    std::mt19937 random(11);
    const ConvolutionGeometry g =
        with_output_extents({.n = 9, .h = 40, .w = 40, .i = 24, .o = 80, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}});
    Problem problem(g, random);
    std::normal_distribution<float> normal;  // rounds, so that another order of summation would show
    for (std::vector<float>* values : {&problem.x, &problem.weights, &problem.y}) {
        for (float& value : *values) value = normal(random);
    }
    PackedWeights forward;
    PackedWeights backward;
    pack_forward_weights(g, problem.weights.data(), forward);
    pack_input_gradient_weights(g, problem.weights.data(), backward);
    std::vector<std::vector<float>> results;
    for (const std::size_t threads : {1, 2}) {
        const tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
        std::vector<float> all(problem.y.size() + problem.x.size() + problem.weights.size() + problem.bias.size());
        float* const dx = all.data() + problem.y.size();
        float* const dw = dx + problem.x.size();
        float* const db = dw + problem.weights.size();
        convolution_forward(g, problem.x.data(), forward, {}, all.data());
        convolution_input_gradient(g, problem.y.data(), backward, false, dx);
        convolution_weight_gradient(g, problem.x.data(), problem.y.data(), false, dw, db);
        results.push_back(all);
    }
    CHECK(results[0] == results[1]);
}

TEST_CASE("clamping lets NaN through") {
    const ConvolutionGeometry g{};
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float one = 1.0F;
    for_each_supported([&](const CpuImplementation& implementation) {
        PackedWeights packed;
        pack_forward_weights(g, &one, packed, implementation);
        float y = 0.0F;
        convolution_forward(g, &nan, packed, {.low = 0.0F, .high = 6.0F}, &y);
        CHECK(std::isnan(y));
    });
}
