// Integer convolution kernels on the layers of real networks, batch 1, with weights of 8 and of 4 bits: GOP/s, and
// their share of what a loop of nothing but exact dot products of any bytes reaches in the same run. Weights of few
// bits may have more than all of it: AVX2 sums their products in 16 bits. Codes of 8 bits have pairs that do not fit
// these, unlike those that inference makes for AVX2. Outputs are bytes. One thread.
//
//   build/bench/integer-kernels-bench --benchmark_filter=resnet50

#include "bench/machine_peak.h"
#include "bench/network_layers.h"
#include "engine/kernels/int8/convolution.h"
#include "engine/kernels/reference/int8_convolution.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace eigenbit::internal;

namespace {

struct Operands {
    ConvolutionGeometry g;
    std::vector<std::uint8_t> x, y;
    std::vector<std::int8_t> weights;
    std::vector<float> scale, bias;

    Operands(const ConvolutionGeometry& geometry, int bits)
        : g(geometry),
          x(static_cast<std::size_t>(g.n * g.h * g.w * g.i + 3)),
          y(static_cast<std::size_t>(g.n * g.oh * g.ow * g.o)),
          weights(static_cast<std::size_t>(g.o * g.kh * g.kw * (g.i / g.groups))),
          scale(static_cast<std::size_t>(g.o), 0x1p-10F),
          bias(static_cast<std::size_t>(g.o), 128.0F) {
        std::mt19937 random(1);
        for (std::uint8_t& value : x) value = static_cast<std::uint8_t>(random());
        for (std::int8_t& value : weights)
            value = static_cast<std::int8_t>(static_cast<std::int8_t>(random()) >> (8 - bits));
    }

    Int8Output output() { return {.bytes = y.data(), .low = 0.0F, .high = 255.0F}; }
};

bool is_right(const ConvolutionGeometry& geometry, int bits) {
    Operands fast(geometry, bits);
    Operands slow(geometry, bits);
    Int8Convolution(fast.g, {fast.weights}, 100, {fast.scale, fast.bias}).run(fast.x.data(), fast.output());
    integer_convolution_reference(slow.g, slow.weights, 100, {slow.scale, slow.bias}, slow.x.data(), slow.output());
    return fast.y == slow.y;
}

void run_layer(benchmark::State& state, const ConvolutionGeometry& geometry, int bits) {
    if (!is_right(geometry, bits)) return state.SkipWithError("differs from the reference");
    Operands operands(geometry, bits);
    const Int8Convolution convolution(operands.g, {operands.weights}, 100, {operands.scale, operands.bias});
    convolution.run(operands.x.data(), operands.output());
    double start = thread_seconds();
    convolution.run(operands.x.data(), operands.output());
    // The clock of some systems moves by microseconds: a sample lasts longer.
    const int repeats = static_cast<int>(std::clamp(2e-4 / (thread_seconds() - start), 1.0, 200.0));
    double peak = byte_dot_peak();
    double best = 1e9;
    for (auto _ : state) {
        start = thread_seconds();
        for (int repeat = 0; repeat < repeats; ++repeat) convolution.run(operands.x.data(), operands.output());
        best = std::min(best, (thread_seconds() - start) / repeats);
    }
    peak = std::max(peak, byte_dot_peak());
    const double gops = 2.0 * static_cast<double>(geometry.multiply_adds()) / best * 1e-9;
    state.counters["best_us"] = best * 1e6;
    state.counters["GOP/s"] = gops;
    state.counters["peak"] = peak;
    state.counters["%"] = peak > 0.0 ? 100.0 * gops / peak : 0.0;
}

}  // namespace

int main(int argument_count, char** arguments) {
    const tbb::global_control one_thread(tbb::global_control::max_allowed_parallelism, 1);
    for (const auto& layers : {resnet18_layers(1), resnet50_layers(1), mobilenet_layers(1), resnet20_layers(1)}) {
        for (const Layer& layer : layers) {
            for (const int bits : {8, 4}) {
                const std::string name = fmt::format("{}/{} bits", layer.name, bits);
                benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
                    run_layer(state, layer.geometry, bits);
                })->MinTime(0.05);
            }
        }
    }
    fmt::print("{}: {}\n", active_cpu_implementation().name, active_cpu_implementation().description);
    benchmark::Initialize(&argument_count, arguments);
    if (benchmark::ReportUnrecognizedArguments(argument_count, arguments)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
