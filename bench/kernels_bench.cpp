// float32 convolution kernels on the layers of real networks: GFLOP/s, and their share of what a loop of nothing but
// FMAs reaches in the same run (the machine's frequency and neighbours change from run to run). One thread.
//
//   build/bench/kernels-bench --benchmark_filter=forward/resnet20

#include "bench/machine_peak.h"
#include "bench/network_layers.h"
#include "engine/base/tensor.h"
#include "engine/kernels/f32/convolution.h"
#include "engine/kernels/f32/winograd.h"
#include "engine/kernels/reference/convolution.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace eigenbit::internal;

namespace {

/// Small whole numbers: sums are exact, so that results can be compared to the last bit.
Tensor whole_numbers(std::int64_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> distribution(-4, 4);
    Tensor values(Shape{count});
    for (float& value : values.values()) value = static_cast<float>(distribution(random));
    return values;
}

enum class Direction {
    kForward,
    kInputGradient,
    kWeightGradient,
    kPack,
    kWinogradForward,
    kWinogradInputGradient,
    kWinogradWeightGradient,
    kWinogradPack
};

struct Operands {
    ConvolutionGeometry g;
    Tensor x, weights, y;
    PackedWeights forward, backward;
    WinogradWeights winograd_weights, winograd_backward;

    explicit Operands(const ConvolutionGeometry& geometry)
        : g(geometry),
          x(whole_numbers(g.n * g.h * g.w * g.i, 1)),
          weights(whole_numbers(g.o * g.kh * g.kw * (g.i / g.groups), 2)),
          y(whole_numbers(g.n * g.oh * g.ow * g.o, 3)) {
        pack_forward_weights(g, weights.data(), forward);
        pack_input_gradient_weights(g, weights.data(), backward);
        if (!suits_winograd(g)) return;
        winograd_weights.pack_forward(g, weights.data());
        winograd_backward.pack_input_gradient(g, weights.data());
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
        case Direction::kWinogradForward:
            return winograd_forward(g, x.data(), winograd_weights, {}, y.data());
        case Direction::kWinogradInputGradient:
            return winograd_input_gradient(g, y.data(), winograd_backward, false, x.data());
        case Direction::kWinogradWeightGradient:
            return winograd_weight_gradient(g, x.data(), y.data(), false, weights.data());
        case Direction::kWinogradPack:
            return winograd_weights.pack_forward(g, weights.data());
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
        default:
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
    const bool is_exact = direction < Direction::kPack;  // Winograd's results are right up to roundings only
    if (is_exact && !is_right(geometry, direction)) return state.SkipWithError("differs from the reference");
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
    if (direction == Direction::kPack || direction == Direction::kWinogradPack) {
        state.counters["GB/s"] = static_cast<double>(operands.weights.elements()) * sizeof(float) / best * 1e-9;
    } else {
        state.counters["GFLOP/s"] = gflops;
        state.counters["peak"] = peak;
        state.counters["%"] = peak > 0.0 ? 100.0 * gflops / peak : 0.0;
    }
}

std::vector<Layer> winograd_layers(std::vector<Layer> layers) {
    std::erase_if(layers, [](const Layer& layer) { return !suits_winograd(layer.geometry); });
    return layers;
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
    for (const auto& [name, direction] : {std::pair{"winograd_forward", Direction::kWinogradForward},
                                          std::pair{"winograd_input_gradient", Direction::kWinogradInputGradient},
                                          std::pair{"winograd_weight_gradient", Direction::kWinogradWeightGradient},
                                          std::pair{"winograd_pack", Direction::kWinogradPack}}) {
        add(name, direction, winograd_layers(resnet20_layers(128)));
        add(name, direction, winograd_layers(resnet18_layers(16)));
    }
    fmt::print("{}: {}\n", active_cpu_implementation().name, active_cpu_implementation().description);
    benchmark::Initialize(&argument_count, arguments);
    if (benchmark::ReportUnrecognizedArguments(argument_count, arguments)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
