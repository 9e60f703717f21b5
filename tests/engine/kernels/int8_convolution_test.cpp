#include "engine/kernels/int8/convolution.h"
#include "engine/kernels/int8/output_function.h"
#include "engine/kernels/reference/int8_convolution.h"
#include "tests/engine/kernels/convolution_geometries.h"

#include <tbb/global_control.h>

#include <algorithm>
#include <bit>
#include <cmath>

using namespace eigenbit::internal;

namespace {

template <typename Value>
std::vector<Value> draw(std::mt19937& random, std::int64_t count, std::int64_t low, std::int64_t high) {
    std::vector<Value> values(static_cast<std::size_t>(count));
    for (Value& value : values) value = static_cast<Value>(between(random, low, high));
    return values;
}

std::vector<float> draw_floats(std::mt19937& random, std::int64_t count, float low, float high) {
    std::uniform_real_distribution<float> distribution(low, high);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = distribution(random);
    return values;
}

/// Some of the multiples of `factor` around zero, of which few are far from it.
std::int8_t draw_code(int bits, int factor, std::mt19937& random) {
    const std::int64_t limit = bits == 0 ? 0 : std::int64_t{1} << (bits - 1);
    const bool exception = bits > 0 && between(random, 0, 99) == 0;
    const std::int64_t index =
        exception ? between(random, -128, 127) : between(random, -limit, limit == 0 ? 0 : limit - 1);
    return static_cast<std::int8_t>(std::clamp<std::int64_t>(index * factor, -128, 127));
}

/// Floats have bits enough for every product and sum to be rounded; results must agree to the last one.
struct Problem {
    ConvolutionGeometry geometry;
    std::uint8_t zero_point;
    std::vector<std::int8_t> weights;
    std::vector<float> scale, bias, slopes, residual;
    std::vector<std::uint8_t> x, residual_bytes;
    std::vector<std::int64_t> input_cuts;

    Problem(const ConvolutionGeometry& g, std::mt19937& random)
        : geometry(g),
          zero_point(static_cast<std::uint8_t>(between(random, 0, 2) * 127)),
          weights(draw<std::int8_t>(random, g.o * g.kh * g.kw * (g.i / g.groups), -128, 127)),
          scale(draw_floats(random, g.o, 0.001F, 0.01F)),
          bias(draw_floats(random, g.o, -100.0F, 300.0F)),
          slopes(draw_floats(random, g.o, -0.5F, 1.5F)),
          residual(draw_floats(random, g.n * g.oh * g.ow * g.o, -100.0F, 100.0F)),
          x(draw<std::uint8_t>(random, g.n * g.h * g.w * g.i + 3, 0, 255)),
          residual_bytes(draw<std::uint8_t>(random, g.n * g.oh * g.ow * g.o, 0, 255)) {
        const std::int64_t kind = between(random, 0, 3);
        if (kind == 1) draw_blocks(g.o, g.kh * g.kw * (g.i / g.groups), random);
        if (kind == 2) input_cuts = draw_blocks(g.i / g.groups, 1, random);
        if (kind == 3) draw_bell(random);
    }

    /// As the weights of real layers: few quads of them are so large that 16 bits do not hold their sums.
    void draw_bell(std::mt19937& random) {
        for (std::int8_t& weight : weights) {
            weight = static_cast<std::int8_t>(between(random, -43, 43) + between(random, -42, 42)
                                              + between(random, -42, 42));
        }
    }

    /// Codes of 0 to 8 bits and few others, alike in blocks of an axis. Returns where those begin.
    std::vector<std::int64_t> draw_blocks(std::int64_t channels, std::int64_t inner, std::mt19937& random) {
        std::vector<std::int64_t> begins;
        for (std::int64_t begin = 0, end = 0; begin < channels; begin = end) {
            begins.push_back(begin);
            end = std::min(channels, begin + 4 * between(random, 1, 10) - between(random, 0, 4) / 4);
            const auto bits = static_cast<int>(between(random, 0, 8));
            const auto factor = static_cast<int>(between(random, 1, 3));
            for (std::size_t i = 0; i < weights.size(); ++i) {
                const std::int64_t channel = static_cast<std::int64_t>(i) / inner % channels;
                if (channel >= begin && channel < end) weights[i] = draw_code(bits, factor, random);
            }
        }
        return begins;
    }

    Int8Convolution convolution(const CpuImplementation& implementation) const {
        return {geometry, {weights, input_cuts}, zero_point, {scale, bias, slopes}, implementation};
    }
    void run_reference(const Int8Output& output) const {
        integer_convolution_reference(geometry, weights, zero_point, {scale, bias, slopes}, x.data(), output);
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
void check_outputs(const Problem& problem, Int8Output output) {
    std::vector<float> floats(problem.residual.size());
    std::vector<std::uint8_t> bytes(problem.residual.size());
    output.floats = floats.data();
    problem.run_reference(output);
    Int8Output byte_output = output;
    byte_output.floats = nullptr;
    byte_output.bytes = bytes.data();
    byte_output.low = std::max(0.0F, output.low);
    byte_output.high = std::min(255.0F, output.high);
    problem.run_reference(byte_output);
    for_each_supported([&](const CpuImplementation& implementation) {
        const Int8Convolution convolution = problem.convolution(implementation);
        std::vector<float> y(floats.size(), -7.0F);
        Int8Output run = output;
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
                      {.residual = problem.residual.data(), .residual_scale = 0.3F, .low = -30.0F, .high = 200.3F});
        check_outputs(problem, {.residual_bytes = problem.residual_bytes.data(), .residual_scale = 0.7F, .low = 3.0F});
    });
}

TEST_CASE("integer convolution makes functions of its outputs and levels of these") {
    std::mt19937 random(8);
    for_each_problem([&](Problem problem) {
        for (float& scale : problem.scale) scale *= 0.05F;
        for (float& bias : problem.bias) bias *= 0.02F;
        for (const auto kind : {Int8Function::Kind::leaky_relu, Int8Function::Kind::hard_sigmoid,
                                Int8Function::Kind::hard_swish, Int8Function::Kind::exponential}) {
            const Int8Function function{
                .kind = kind,
                .slope = 0.3F,
                .offset = 0.4F,
                .six = int8_divisor(6.0F),
                .step = int8_divisor(draw_floats(random, 1, 0.005F, 0.05F).front()),
                .zero = static_cast<float>(between(random, 0, 255)),
                .exponential = {.kind = static_cast<ExponentialFunction::Kind>(between(random, 1, 9)),
                                .rate = 1.2F,
                                .scale = 1.1F,
                                .depth = 0.8F},
            };
            check_outputs(problem, {.function = function});
            check_outputs(
                problem,
                {.residual = problem.residual.data(), .residual_scale = 0.03F, .function = function, .high = 15.0F});
            check_outputs(problem, {.residual_bytes = problem.residual_bytes.data(),
                                    .residual_scale = 0.01F,
                                    .function = function,
                                    .low = -0.5F});
        }
    });
}

TEST_CASE("quotients that are made with fma are rounded as quotients are") {
    std::mt19937 random(9);
    const auto next = [](float value, int steps) {
        return std::bit_cast<float>(std::bit_cast<std::int32_t>(value) + steps);
    };
    const auto quotient = [](float x, const Int8Divisor& by) { return std::fma(x, by.reciprocal, x * by.rest); };
    std::vector<float> steps = draw_floats(random, 5000, 1.0F, 2.0F);
    for (float& step : steps) step = std::ldexp(step, static_cast<int>(between(random, -100, 99)));
    for (const float step : steps) {
        REQUIRE(can_divide_by(step));
        const Int8Divisor divisor = int8_divisor(step);
        bool same = true;
        for (int level = 0; level < 256; ++level) {
            for (int near = -2; near <= 2; ++near) {
                const float x = next((static_cast<float>(level) + 0.5F) * step, near);
                same = same && std::nearbyint(quotient(x, divisor)) == std::nearbyint(x / step);
            }
        }
        CHECK(same);
    }
    CHECK_FALSE(can_divide_by(1e-32F));
    const Int8Divisor six = int8_divisor(6.0F);
    for (const float x : draw_floats(random, 100'000, 0.0F, 8.0F)) REQUIRE(quotient(x, six) == x / 6.0F);
}

TEST_CASE("outputs that 32 bits do not hold are clamped as others are") {
    for_each_problem([](Problem problem) {
        for (float& scale : problem.scale) scale *= 1e12F;
        check_outputs(problem, {.high = 200.0F});
    });
}

TEST_CASE("sums of extreme codes do not saturate") {
    // Up to ±64, sums of 16 bits may hold some products: as many as they do.
    const ConvolutionGeometry dense{.h = 3, .w = 3, .i = 67, .o = 37, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}};
    const ConvolutionGeometry depthwise{
        .h = 3, .w = 3, .i = 108, .o = 108, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}, .groups = 108};
    for (const ConvolutionGeometry& g : {with_output_extents(dense), with_output_extents(depthwise)}) {
        for (const int weight : {-128, 127, -65, 65, -64, 64, -33, 32, -8, 7, -1, 1}) {
            std::mt19937 random(3);
            Problem problem(g, random);
            std::ranges::fill(problem.weights, static_cast<std::int8_t>(weight));
            std::ranges::fill(problem.x, std::uint8_t{255});
            std::ranges::fill(problem.scale, 1.0F);
            problem.zero_point = 0;
            check_outputs(problem, {});
        }
    }
}

TEST_CASE("a residual of bytes may lie where the output goes") {
    for_each_problem([](const Problem& problem) {
        std::vector<std::uint8_t> expected(problem.residual_bytes.size());
        Int8Output output{.residual_bytes = problem.residual_bytes.data(), .low = 0.0F, .high = 255.0F};
        output.bytes = expected.data();
        problem.run_reference(output);
        std::vector<std::uint8_t> y = problem.residual_bytes;
        output.bytes = y.data();
        output.residual_bytes = y.data();
        problem.convolution(active_cpu_implementation()).run(problem.x.data(), output);
        CHECK(y == expected);
    });
}

namespace {

/// Compares outputs of up to 250 with the reference's, but for how often floats are rounded.
void check_long_sums(Problem problem, int sign) {
    for (std::int8_t& weight : problem.weights) weight = static_cast<std::int8_t>(sign * std::max<int>(weight, 100));
    std::ranges::fill(problem.x, std::uint8_t{255});
    problem.zero_point = 0;
    const auto filter = static_cast<float>(problem.weights.size() / problem.scale.size());
    std::ranges::fill(problem.scale, 250.0F / (filter * 255.0F * 127.0F));
    std::vector<float> expected(problem.residual.size());
    const Int8Output output{.residual_bytes = problem.residual_bytes.data(),
                            .residual_scale = 0.125F,
                            .function = {.kind = Int8Function::Kind::leaky_relu,
                                         .slope = 0.0F,
                                         .offset = 0.0F,
                                         .six = int8_divisor(6.0F),
                                         .step = int8_divisor(1.0F),
                                         .zero = 0.0F}};
    Int8Output reference = output;
    reference.floats = expected.data();
    problem.run_reference(reference);
    for_each_supported([&](const CpuImplementation& implementation) {
        const Int8Convolution convolution = problem.convolution(implementation);
        std::vector<float> floats(expected.size());
        Int8Output run = output;
        run.floats = floats.data();
        convolution.run(problem.x.data(), run);
        std::vector<std::uint8_t> bytes(expected.size());
        run = {.bytes = bytes.data(),
               .residual_bytes = output.residual_bytes,
               .residual_scale = output.residual_scale,
               .function = output.function,
               .low = 10.0F,
               .high = 240.0F};
        convolution.run(problem.x.data(), run);
        for (std::size_t i = 0; i < expected.size(); ++i) {
            CHECK(std::abs(floats[i] - expected[i]) < 1e-3F);
            CHECK(std::abs(static_cast<float>(bytes[i]) - std::clamp(expected[i], 10.0F, 240.0F)) < 0.501F);
        }
    });
}

}  // namespace

TEST_CASE("sums of more products than 32 bits hold are right") {
    const ConvolutionGeometry pointwise{.i = 140000, .o = 3};
    const ConvolutionGeometry depthwise{.h = 400, .w = 350, .i = 2, .o = 2, .kh = 400, .kw = 350, .groups = 2};
    const ConvolutionGeometry padded{
        .h = 20, .w = 20, .i = 400, .o = 2, .kh = 20, .kw = 20, .stride = {8, 8}, .pad = {3, 3, 3, 3}};
    for (const ConvolutionGeometry& geometry : {pointwise, depthwise, padded}) {
        std::mt19937 random(4);
        const ConvolutionGeometry g = with_output_extents(geometry);
        CAPTURE(to_string(g));
        const Problem problem(g, random);
        check_long_sums(problem, 1);
        check_long_sums(problem, -1);
    }
}

namespace {

/// Bytes of 3×3 weights whose codes are least, least + step, …, 2^bits of them, in some input and output channels.
std::int64_t packed_bytes(int bits, int least, int step, std::int64_t inputs, std::int64_t outputs,
                          bool has_slopes = false) {
    const ConvolutionGeometry g =
        with_output_extents({.h = 7, .w = 7, .i = 128, .o = 128, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}});
    std::vector<std::int8_t> codes(static_cast<std::size_t>(g.o * 9 * g.i));
    for (std::int64_t i = 0; i < g.o * 9 * g.i; ++i) {
        if (i % g.i >= inputs || i / (9 * g.i) >= outputs) continue;
        codes[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(least + step * (i * 7 % (1 << bits)));
    }
    const std::vector<std::int64_t> cuts{0, inputs};
    const std::vector<float> ones(static_cast<std::size_t>(g.o), 1.0F);
    const std::span<const float> slopes = std::span(ones).first(has_slopes ? ones.size() : 0);
    return Int8Convolution(g, {codes, cuts}, 0, {ones, ones, slopes}).weight_bytes();
}

}  // namespace

TEST_CASE("weights of a convolution take the bits of their codes in memory, and nothing for channels of zeros") {
    const Int8Kernels& kernels = *active_cpu_implementation().integer;
    const auto panels = static_cast<std::int64_t>(128 / (kernels.width * kernels.panel_vectors));
    // For each output channel a scale, a bias and a sum to begin with; for each panel where its inputs and codes lie.
    const std::int64_t beside = 128 * 12 + panels * 450;
    for (int bits = 1; bits <= 8; ++bits) {
        const int least = -(1 << (bits - 1));
        // Seven bits are not worth unpacking.
        const std::int64_t bytes = 128 * 9 * 128 * (bits < 7 ? bits : 8) / 8;
        CHECK(packed_bytes(bits, least, 1, 128, 128) >= bytes);
        CHECK(packed_bytes(bits, least, 1, 128, 128) < bytes + beside);
        CHECK(packed_bytes(bits, least, 1, 128, 128, true) == packed_bytes(bits, least, 1, 128, 128) + 128 * 4);
        if (bits < 7) CHECK(packed_bytes(bits, 1 - (1 << bits), 2, 128, 128) < bytes + beside);
        CHECK(packed_bytes(bits, least, 1, 32, 128) < bytes / 4 + beside);
        CHECK(packed_bytes(bits, least, 1, 128, 32) < bytes / 4 + beside);
    }
}
