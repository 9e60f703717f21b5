#include "engine/kernels/convolution.h"
#include "engine/kernels/convolution_reference.h"
#include "engine/tensor.h"

#include <doctest/doctest.h>
#include <fmt/ranges.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace eigenbit;

namespace {

using Random = std::mt19937;

std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

/// Small whole numbers: every sum of products is exact in float32, so that results must agree to the last bit.
std::vector<float> whole_numbers(Random& random, std::int64_t count) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = static_cast<float>(between(random, -4, 4));
    return values;
}

void set_output_extents(ConvolutionGeometry& g) {
    g.oh = convolution_output_extent(g.h, g.pad[0] + g.pad[2], g.kh, g.dilation[0], g.stride[0]);
    g.ow = convolution_output_extent(g.w, g.pad[1] + g.pad[3], g.kw, g.dilation[1], g.stride[1]);
}

ConvolutionGeometry random_geometry(Random& random) {
    for (;;) {
        ConvolutionGeometry g{};
        g.n = between(random, 1, 3);
        g.h = between(random, 1, 12);
        g.w = between(random, 1, 12);
        g.kh = between(random, 1, 5);
        g.kw = between(random, 1, 5);
        for (std::int64_t& stride : g.stride) stride = between(random, 1, 3);
        for (std::int64_t& dilation : g.dilation) dilation = between(random, 1, 3);
        for (std::int64_t& pad : g.pad) pad = between(random, 0, 1) * between(random, 0, 6);
        switch (between(random, 0, 3)) {
        case 0:  // dense
            g.i = between(random, 1, 40);
            g.o = between(random, 1, 100);
            g.groups = 1;
            break;
        case 1:  // depthwise
            g.i = g.o = g.groups = between(random, 1, 70);
            break;
        case 2:  // groups
            g.groups = between(random, 2, 5);
            g.i = g.groups * between(random, 1, 9);
            g.o = g.groups * between(random, 1, 20);
            break;
        default:  // pointwise
            g.i = between(random, 1, 80);
            g.o = between(random, 1, 150);
            g.groups = 1;
            g.kh = g.kw = 1;
            if (between(random, 0, 1) == 0) g.pad = {};
            if (between(random, 0, 1) == 0) g.stride = {1, 1};
        }
        const std::int64_t reach_y = g.dilation[0] * (g.kh - 1) + 1;
        const std::int64_t reach_x = g.dilation[1] * (g.kw - 1) + 1;
        if (reach_y > g.h + g.pad[0] + g.pad[2] || reach_x > g.w + g.pad[1] + g.pad[3]) continue;
        set_output_extents(g);
        return g;
    }
}

std::string to_string(const ConvolutionGeometry& g) {
    return fmt::format("x ({}, {}, {}, {}), w ({}, {}, {}), y ({}, {}), stride {}, dilation {}, pad {}, groups {}", g.n,
                       g.h, g.w, g.i, g.o, g.kh, g.kw, g.oh, g.ow, g.stride, g.dilation, g.pad, g.groups);
}

/// Inputs of all three directions for one geometry.
struct Problem {
    ConvolutionGeometry geometry;
    std::vector<float> x, weights, y, bias, residual;

    Problem(const ConvolutionGeometry& g, Random& random)
        : geometry(g),
          x(whole_numbers(random, g.n * g.h * g.w * g.i)),
          weights(whole_numbers(random, g.o * g.kh * g.kw * (g.i / g.groups))),
          y(whole_numbers(random, g.n * g.oh * g.ow * g.o)),
          bias(whole_numbers(random, g.o)),
          residual(whole_numbers(random, g.n * g.oh * g.ow * g.o)) {}
};

/// Shapes that random ones rarely are: each is a layer of some network, or an extreme.
std::vector<ConvolutionGeometry> special_geometries() {
    std::vector<ConvolutionGeometry> geometries = {
        {.n = 1, .h = 1, .w = 1, .i = 1, .o = 1, .kh = 1, .kw = 1},
        {.n = 2, .h = 1, .w = 1, .i = 1, .o = 1, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}},
        {.n = 1, .h = 2, .w = 2, .i = 3, .o = 5, .kh = 7, .kw = 7, .pad = {3, 3, 3, 3}},
        {.n = 1, .h = 224 / 8, .w = 224 / 8, .i = 3, .o = 64, .kh = 7, .kw = 7, .stride = {2, 2}, .pad = {3, 3, 3, 3}},
        {.n = 2, .h = 32, .w = 32, .i = 16, .o = 16, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}},
        {.n = 1, .h = 7, .w = 7, .i = 512, .o = 72, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}},     // more than one depth
                                                                                                // block
        {.n = 3, .h = 1, .w = 1, .i = 5000, .o = 70, .kh = 1, .kw = 1},                         // a segment in parts
        {.n = 1, .h = 150, .w = 150, .i = 32, .o = 24, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}},  // several bands
        {.n = 1, .h = 150, .w = 150, .i = 16, .o = 8, .kh = 2, .kw = 3, .stride = {2, 1}, .pad = {0, 2, 1, 0}},
        {.n = 2, .h = 1, .w = 1, .i = 40, .o = 40, .kh = 1, .kw = 1, .stride = {2, 2}, .groups = 40},
        {.n = 1,
         .h = 60,
         .w = 60,
         .i = 100,
         .o = 100,
         .kh = 3,
         .kw = 3,
         .stride = {2, 2},
         .pad = {0, 0, 1, 1},
         .groups = 100},
    };
    for (ConvolutionGeometry& g : geometries) set_output_extents(g);
    geometries.push_back({.n = 2, .h = 3, .w = 3, .i = 0, .o = 5, .oh = 3, .ow = 3});  // every channel pruned
    geometries.push_back({.n = 2, .h = 3, .w = 3, .i = 5, .o = 0, .oh = 3, .ow = 3});
    geometries.push_back({.n = 0, .h = 3, .w = 3, .i = 5, .o = 4, .oh = 3, .ow = 3});
    return geometries;
}

/// Calls check(problem, implementation) for the special and many random geometries on everything that this CPU can run.
template <typename Check>
void for_each_problem(const Check& check) {
    Random random(7);
    std::vector<ConvolutionGeometry> geometries = special_geometries();
    while (geometries.size() < 300) geometries.push_back(random_geometry(random));
    for (const ConvolutionGeometry& geometry : geometries) {
        const Problem problem(geometry, random);
        CAPTURE(to_string(geometry));
        check(problem);
    }
}

template <typename Check>
void for_each_supported(const Check& check) {
    for (const CpuImplementation& implementation : cpu_implementations()) {
        if (!implementation.supported) continue;
        CAPTURE(std::string(implementation.name));
        check(implementation);
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
                                            db.data(), implementation);
                CHECK(dw == expected);
                CHECK(db == expected_bias);
            });
        }
    });
}

TEST_CASE("results do not depend on the number of threads") {
    Random random(11);
    ConvolutionGeometry g{.n = 9, .h = 40, .w = 40, .i = 24, .o = 80, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}};
    set_output_extents(g);
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
