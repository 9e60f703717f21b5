#include "engine/error.h"
#include "engine/kernels/integer_convolution.h"
#include "engine/kernels/integer_convolution_reference.h"
#include "tests/engine/convolution_geometries.h"
#include "tests/error_of.h"

#include <tbb/global_control.h>

#include <algorithm>

using namespace eigenbit;

namespace {

template <typename Value>
std::vector<Value> draw(std::mt19937& random, std::int64_t count, std::int64_t low, std::int64_t high) {
    std::vector<Value> values(static_cast<std::size_t>(count));
    for (Value& value : values) value = static_cast<Value>(between(random, low, high));
    return values;
}

/// Powers of two and few bits everywhere: every rounding is exact, so that results must agree to the last bit.
struct Problem {
    ConvolutionGeometry geometry;
    std::uint8_t zero_point;
    std::vector<std::int8_t> weights;
    std::vector<float> scale, bias, residual;
    std::vector<std::uint8_t> x, residual_bytes;

    Problem(const ConvolutionGeometry& g, std::mt19937& random)
        : geometry(g),
          zero_point(static_cast<std::uint8_t>(between(random, 0, 2) * 127)),
          weights(draw<std::int8_t>(random, g.o * g.kh * g.kw * (g.i / g.groups), -128, 127)),
          scale(draw<float>(random, g.o, 0, 1)),
          bias(draw<float>(random, g.o, -100, 300)),
          residual(draw<float>(random, g.n * g.oh * g.ow * g.o, -100, 100)),
          x(draw<std::uint8_t>(random, g.n * g.h * g.w * g.i + 3, 0, 255)),
          residual_bytes(draw<std::uint8_t>(random, g.n * g.oh * g.ow * g.o, 0, 255)) {
        for (float& value : scale) value = value == 0.0F ? 0x1p-7F : 0x1p-9F;
    }

    IntegerConvolution convolution(const CpuImplementation& implementation) const {
        return {geometry, weights, zero_point, scale, bias, implementation};
    }
    void run_reference(const IntegerOutput& output) const {
        integer_convolution_reference(geometry, weights, zero_point, scale, bias, x.data(), output);
    }
};

template <typename Check>
void for_each_problem(const Check& check) {
    std::mt19937 random(7);
    for (const ConvolutionGeometry& geometry : convolution_geometries(300, random)) {
        CAPTURE(to_string(geometry));
        check(Problem(geometry, random));
    }
}

/// Compares floats and bytes of every implementation with the reference's.
void check_outputs(const Problem& problem, IntegerOutput output) {
    std::vector<float> floats(problem.residual.size());
    std::vector<std::uint8_t> bytes(problem.residual.size());
    output.floats = floats.data();
    problem.run_reference(output);
    IntegerOutput byte_output = output;
    byte_output.floats = nullptr;
    byte_output.bytes = bytes.data();
    byte_output.low = std::max(0.0F, output.low);
    byte_output.high = std::min(255.0F, output.high);
    problem.run_reference(byte_output);
    for_each_supported([&](const CpuImplementation& implementation) {
        const IntegerConvolution convolution = problem.convolution(implementation);
        std::vector<float> y(floats.size(), -7.0F);
        IntegerOutput run = output;
        run.floats = y.data();
        convolution.run(problem.x.data(), run);
        CHECK(y == floats);
        std::vector<std::uint8_t> y_bytes(floats.size(), 77);
        run = byte_output;
        run.bytes = y_bytes.data();
        convolution.run(problem.x.data(), run);
        CHECK(y_bytes == bytes);
    });
}

}  // namespace

TEST_CASE("integer convolution equals the reference on every implementation") {
    for_each_problem([](const Problem& problem) { check_outputs(problem, {}); });
}

TEST_CASE("integer convolution adds residuals of floats and of bytes and clamps") {
    for_each_problem([](const Problem& problem) {
        check_outputs(problem,
                      {.residual = problem.residual.data(), .residual_scale = 0.5F, .low = -30.0F, .high = 200.0F});
        check_outputs(problem, {.residual_bytes = problem.residual_bytes.data(), .residual_scale = 0.25F, .low = 3.0F});
    });
}

TEST_CASE("sums of extreme codes do not saturate") {
    for (const std::int8_t weight : {std::int8_t{-128}, std::int8_t{127}}) {
        std::mt19937 random(3);
        const ConvolutionGeometry g =
            with_output_extents({.n = 1, .h = 3, .w = 3, .i = 67, .o = 37, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}});
        Problem problem(g, random);
        std::ranges::fill(problem.weights, weight);
        std::ranges::fill(problem.x, std::uint8_t{255});
        std::ranges::fill(problem.scale, 1.0F);
        problem.zero_point = 0;
        check_outputs(problem, {});
    }
}

TEST_CASE("a residual of bytes may lie where the output goes") {
    for_each_problem([](const Problem& problem) {
        std::vector<std::uint8_t> expected(problem.residual_bytes.size());
        IntegerOutput output{.residual_bytes = problem.residual_bytes.data(), .low = 0.0F, .high = 255.0F};
        output.bytes = expected.data();
        problem.run_reference(output);
        std::vector<std::uint8_t> y = problem.residual_bytes;
        output.bytes = y.data();
        output.residual_bytes = y.data();
        problem.convolution(active_cpu_implementation()).run(problem.x.data(), output);
        CHECK(y == expected);
    });
}

TEST_CASE("sums that 32 bits may not hold are refused") {
    const ConvolutionGeometry g{.i = 40000};
    const std::vector<std::int8_t> weights(40000);
    const std::vector<float> one{1.0F};
    CHECK(error_of([&] { IntegerConvolution(g, weights, 0, one, one); }).find("40000") != std::string::npos);
}
