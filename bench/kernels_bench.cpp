// float32 convolution kernels on the layers of real networks: GFLOP/s, and their share of what a loop of nothing but
// FMAs reaches in the same run (the machine's frequency and neighbours change from run to run). One thread.
//
//   build/bench/kernels-bench --benchmark_filter=forward/resnet20

#include "engine/kernels/convolution.h"
#include "engine/kernels/convolution_reference.h"
#include "engine/tensor.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <ctime>
#include <random>
#include <string>
#include <vector>

using namespace eigenbit;

namespace {

struct Layer {
    std::string name;
    ConvolutionGeometry geometry;
};

Layer layer(const std::string& network, std::int64_t n, std::int64_t extent, std::int64_t i, std::int64_t o,
            std::int64_t kernel, std::int64_t stride, std::int64_t groups = 1) {
    const std::int64_t pad = kernel / 2;
    const std::int64_t out = convolution_output_extent(extent, 2 * pad, kernel, 1, stride);
    const std::string shape =
        fmt::format("{}/n{}_{}x{}_{}to{}_k{}s{}", network, n, extent, extent, i, o, kernel, stride);
    return {shape,
            {.n = n,
             .h = extent,
             .w = extent,
             .i = i,
             .o = o,
             .kh = kernel,
             .kw = kernel,
             .oh = out,
             .ow = out,
             .stride = {stride, stride},
             .pad = {pad, pad, pad, pad},
             .groups = groups}};
}

std::vector<Layer> resnet20_layers(std::int64_t n) {
    return {
        layer("resnet20", n, 32, 3, 16, 3, 1),  layer("resnet20", n, 32, 16, 16, 3, 1),
        layer("resnet20", n, 32, 16, 32, 3, 2), layer("resnet20", n, 16, 32, 32, 3, 1),
        layer("resnet20", n, 16, 32, 64, 3, 2), layer("resnet20", n, 8, 64, 64, 3, 1),
        layer("resnet20", n, 32, 16, 32, 1, 2),
    };
}

std::vector<Layer> resnet18_layers(std::int64_t n) {
    return {
        layer("resnet18", n, 224, 3, 64, 7, 2),   layer("resnet18", n, 56, 64, 64, 3, 1),
        layer("resnet18", n, 56, 64, 128, 3, 2),  layer("resnet18", n, 56, 64, 128, 1, 2),
        layer("resnet18", n, 28, 128, 128, 3, 1), layer("resnet18", n, 28, 128, 256, 3, 2),
        layer("resnet18", n, 14, 256, 256, 3, 1), layer("resnet18", n, 14, 256, 512, 3, 2),
        layer("resnet18", n, 7, 512, 512, 3, 1),
    };
}

std::vector<Layer> resnet50_layers(std::int64_t n) {
    return {
        layer("resnet50", n, 56, 64, 64, 1, 1),    layer("resnet50", n, 56, 64, 256, 1, 1),
        layer("resnet50", n, 56, 256, 64, 1, 1),   layer("resnet50", n, 56, 256, 128, 1, 1),
        layer("resnet50", n, 28, 512, 128, 1, 1),  layer("resnet50", n, 28, 128, 512, 1, 1),
        layer("resnet50", n, 56, 256, 512, 1, 2),  layer("resnet50", n, 14, 1024, 256, 1, 1),
        layer("resnet50", n, 14, 256, 1024, 1, 1), layer("resnet50", n, 7, 2048, 512, 1, 1),
        layer("resnet50", n, 7, 512, 2048, 1, 1),
    };
}

std::vector<Layer> mobilenet_layers(std::int64_t n) {
    return {
        layer("mobilenet", n, 112, 32, 32, 3, 1, 32),   layer("mobilenet", n, 112, 96, 96, 3, 2, 96),
        layer("mobilenet", n, 56, 144, 144, 3, 1, 144), layer("mobilenet", n, 28, 192, 192, 3, 1, 192),
        layer("mobilenet", n, 14, 384, 384, 3, 1, 384), layer("mobilenet", n, 7, 960, 960, 3, 1, 960),
        layer("mobilenet", n, 112, 16, 96, 1, 1),       layer("mobilenet", n, 56, 144, 24, 1, 1),
        layer("mobilenet", n, 14, 64, 384, 1, 1),       layer("mobilenet", n, 7, 160, 960, 1, 1),
    };
}

std::vector<Layer> fully_connected_layers(std::int64_t n) {
    return {layer("fully_connected", n, 1, 512, 1000, 1, 1), layer("fully_connected", n, 1, 4096, 4096, 1, 1)};
}

#if defined(__x86_64__)
using Lanes16 = float __attribute__((vector_size(64)));
using Lanes8 = float __attribute__((vector_size(32)));

/// Runs twelve independent chains of FMAs, more than any CPU's latency needs; returns floating-point operations.
template <typename Lanes>
[[gnu::always_inline]] inline double run_fmas(std::int64_t iterations) {
    constexpr int kChains = 12;
    Lanes sums[kChains] = {};
    Lanes factor = Lanes{} + 0.5F;
    for (std::int64_t iteration = 0; iteration < iterations; ++iteration) {
#pragma GCC unroll 12
        for (Lanes& sum : sums) {
            sum = sum * factor + factor;
            asm volatile("" : "+v"(sum));
        }
    }
    return 2.0 * kChains * static_cast<double>(iterations) * (sizeof(Lanes) / sizeof(float));
}

[[gnu::target("avx512f")]] double run_fmas_512(std::int64_t iterations) { return run_fmas<Lanes16>(iterations); }
[[gnu::target("avx2,fma")]] double run_fmas_256(std::int64_t iterations) { return run_fmas<Lanes8>(iterations); }
#endif

/// Processor time of this thread, which does not run while others have the core.
double thread_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// The machine's FMA limit of one core, GFLOP/s: the best of a few short loops. 0 where there are no FMAs.
double fma_peak() {
    double best = 0.0;
#if defined(__x86_64__)
    double (*const run)(std::int64_t) = __builtin_cpu_supports("avx512f") ? run_fmas_512
                                        : __builtin_cpu_supports("fma")   ? run_fmas_256
                                                                          : nullptr;
    for (int trial = 0; run && trial < 10; ++trial) {
        const double start = thread_seconds();
        const double operations = run(300'000);
        best = std::max(best, operations / (thread_seconds() - start) * 1e-9);
    }
#endif
    return best;
}

/// Small whole numbers: sums are exact, so that results can be compared to the last bit.
Tensor whole_numbers(std::int64_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> distribution(-4, 4);
    Tensor values(Shape{count});
    for (float& value : values.values()) value = static_cast<float>(distribution(random));
    return values;
}

enum class Direction { kForward, kInputGradient, kWeightGradient, kPack };

struct Operands {
    ConvolutionGeometry g;
    Tensor x, weights, y;
    PackedWeights forward, backward;

    explicit Operands(const ConvolutionGeometry& geometry)
        : g(geometry),
          x(whole_numbers(g.n * g.h * g.w * g.i, 1)),
          weights(whole_numbers(g.o * g.kh * g.kw * (g.i / g.groups), 2)),
          y(whole_numbers(g.n * g.oh * g.ow * g.o, 3)) {
        pack_forward_weights(g, weights.data(), forward);
        pack_input_gradient_weights(g, weights.data(), backward);
    }

    Tensor& result(Direction direction) {
        return direction == Direction::kForward ? y : direction == Direction::kInputGradient ? x : weights;
    }

    void run(Direction direction) {
        switch (direction) {
        case Direction::kForward:
            return convolution_forward(g, x.data(), forward, {}, y.data());
        case Direction::kInputGradient:
            return convolution_input_gradient(g, y.data(), backward, false, x.data());
        case Direction::kWeightGradient:
            return convolution_weight_gradient(g, x.data(), y.data(), false, weights.data(), nullptr);
        case Direction::kPack:
            return pack_forward_weights(g, weights.data(), forward);
        }
    }

    void run_reference(Direction direction) {
        switch (direction) {
        case Direction::kForward:
            return convolution_forward_reference(g, x.data(), weights.data(), {}, y.data());
        case Direction::kInputGradient:
            return convolution_input_gradient_reference(g, y.data(), weights.data(), false, x.data());
        case Direction::kWeightGradient:
            return convolution_weight_gradient_reference(g, x.data(), y.data(), false, weights.data(), nullptr);
        case Direction::kPack:
            return;
        }
    }
};

/// One image decides whether the kernel is right for the shape.
bool is_right(ConvolutionGeometry geometry, Direction direction) {
    geometry.n = 1;
    Operands fast(geometry);
    Operands slow(geometry);
    fast.run(direction);
    slow.run_reference(direction);
    return std::ranges::equal(fast.result(direction).values(), slow.result(direction).values());
}

void run_layer(benchmark::State& state, const ConvolutionGeometry& geometry, Direction direction) {
    if (!is_right(geometry, direction)) return state.SkipWithError("differs from the reference");
    Operands operands(geometry);
    operands.run(direction);
    double start = thread_seconds();
    operands.run(direction);
    // The clock of some systems moves by microseconds: a sample lasts longer.
    const int repeats = static_cast<int>(std::clamp(2e-4 / (thread_seconds() - start), 1.0, 200.0));
    double peak = fma_peak();
    double best = 1e9;
    for (auto _ : state) {
        start = thread_seconds();
        for (int repeat = 0; repeat < repeats; ++repeat) operands.run(direction);
        best = std::min(best, (thread_seconds() - start) / repeats);
    }
    peak = std::max(peak, fma_peak());
    const double gflops = 2.0 * static_cast<double>(geometry.multiply_adds()) / best * 1e-9;
    state.counters["best_us"] = best * 1e6;
    if (direction == Direction::kPack) {
        state.counters["GB/s"] = static_cast<double>(operands.weights.elements()) * sizeof(float) / best * 1e-9;
    } else {
        state.counters["GFLOP/s"] = gflops;
        state.counters["peak"] = peak;
        state.counters["%"] = peak > 0.0 ? 100.0 * gflops / peak : 0.0;
    }
}

void add(const char* name, Direction direction, const std::vector<Layer>& layers) {
    for (const Layer& layer : layers) {
        benchmark::RegisterBenchmark(fmt::format("{}/{}", name, layer.name).c_str(), [=](benchmark::State& state) {
            run_layer(state, layer.geometry, direction);
        })->MinTime(0.1);
    }
}

}  // namespace

int main(int argument_count, char** arguments) {
    const tbb::global_control one_thread(tbb::global_control::max_allowed_parallelism, 1);
    for (const auto& [name, direction] :
         {std::pair{"forward", Direction::kForward}, std::pair{"input_gradient", Direction::kInputGradient},
          std::pair{"weight_gradient", Direction::kWeightGradient}}) {
        add(name, direction, resnet20_layers(128));
        add(name, direction, resnet18_layers(16));
        add(name, direction, resnet50_layers(16));
        add(name, direction, mobilenet_layers(4));
    }
    for (const auto& layers : {resnet18_layers(1), resnet50_layers(1), mobilenet_layers(1), fully_connected_layers(1),
                               fully_connected_layers(32)}) {
        add("forward", Direction::kForward, layers);
    }
    add("pack", Direction::kPack, resnet18_layers(1));
    fmt::print("{}: {}\n", active_cpu_implementation().name, active_cpu_implementation().description);
    benchmark::Initialize(&argument_count, arguments);
    if (benchmark::ReportUnrecognizedArguments(argument_count, arguments)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
