#include "include/eigenbit/benchmark.hpp"

#include "api/calibration.h"
#include "api/cpp/evaluation.h"
#include "api/cpp/state.h"
#include "api/image_size.h"
#include "engine/base/random.h"
#include "engine/graph/layer_view.h"
#include "engine/kernels/cpu.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/passes/quantizer_candidates.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <span>

namespace eigenbit {
inline namespace v1 {
namespace {

using Clock = std::chrono::steady_clock;

internal::Tensor random_images(const internal::Shape& shape, std::uint64_t seed) {
    internal::Random random({seed});
    internal::Tensor images(shape);
    std::ranges::generate(images.values(), [&] { return static_cast<float>(random.normal()); });
    return images;
}

/// Rounds the float weights of every layer to so many bits, with one step for the layer.
void round_weights(internal::Graph& graph, int bits) {
    for (const internal::LayerView& layer : layers_of(graph)) {
        internal::Weight& weight = graph.parameter(layer.weight);
        if (!weight.is_float()) continue;
        const internal::Shape shape = weight.shape();
        float largest = std::numeric_limits<float>::min();
        for (const float value : weight.values().values()) largest = std::max(largest, std::abs(value));
        const auto levels = static_cast<float>(1 << (bits - 1));
        const float step = largest / levels;
        internal::Quantized quantized{
            .shape = shape, .axis = 0, .blocks = {{0, shape[0], bits, step, 0.5F}}, .levels = {}};
        for (const float value : weight.values().values()) {
            const float level = std::clamp(std::floor(value / step), -levels, levels - 1.0F);
            quantized.levels.push_back(static_cast<std::int16_t>(level));
        }
        weight = std::move(quantized);
    }
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Seconds of runs that together last as long as asked for, sorted; at least ten after two that warm up.
template <typename Run>
std::vector<double> time_runs(double seconds, const Run& run) {
    constexpr std::size_t kLeastRuns = 10;
    run();
    run();
    std::vector<double> times;
    const Clock::time_point start = Clock::now();
    while (times.size() < kLeastRuns || seconds_since(start) < seconds) {
        const Clock::time_point begin = Clock::now();
        run();
        times.push_back(seconds_since(begin));
    }
    std::ranges::sort(times);
    return times;
}

std::vector<StepProfile> profile(internal::Inference& inference, internal::ConstView images) {
    constexpr int kRuns = 20;
    const std::span<const internal::Step> steps = inference.steps();
    std::vector<double> best(steps.size(), std::numeric_limits<double>::max());
    for (int run = 0; run < kRuns; ++run) {
        inference.run(images, [&](std::size_t step, double seconds) { best[step] = std::min(best[step], seconds); });
    }
    std::vector<StepProfile> result;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        result.push_back({.name = steps[i].name,
                          .kind = steps[i].kind,
                          .seconds = best[i],
                          .weights = steps[i].weights,
                          .weight_bytes = weight_bytes(steps[i]),
                          .multiply_accumulates = steps[i].multiply_accumulates});
    }
    return result;
}

void measure_prepared(internal::Graph graph, const internal::Tensor& images, const BenchmarkOptions& options,
                      Benchmark& result) {
    const internal::Shape shape = images.shape();
    const bool is_int8 = options.arithmetic == Arithmetic::int8;
    if (is_int8 && !runs_in_int8(graph)) result.added_quantizers = internal::add_quantizers(graph, images, 0);
    PreparedNetwork& prepared = result.prepared.emplace();
    const Clock::time_point start = Clock::now();
    prepare_for_inference(graph);
    internal::Inference inference(graph, std::span(&shape, 1),
                                  is_int8 ? internal::Execution::int8 : internal::Execution::float32);
    prepared.preparation_seconds = seconds_since(start);
    if (is_int8) prepared.float_layers = float_layers_of(graph);
    result.seconds = time_runs(options.seconds, [&] { inference.run(images); });
    prepared.multiply_accumulates = inference.program().multiply_accumulates();
    prepared.weight_bytes = inference.program().weight_bytes();
    prepared.activation_bytes = inference.activation_bytes();
    if (options.profile) prepared.steps = profile(inference, images);
}

}  // namespace

std::vector<CpuImplementation> cpu_implementations() {
    return translated([] {
        const internal::CpuImplementation& active = internal::active_cpu_implementation();
        std::vector<CpuImplementation> result;
        for (const internal::CpuImplementation& one : internal::cpu_implementations()) {
            result.push_back({one.name, one.description, one.required_features, one.supported, &one == &active});
        }
        return result;
    });
}

std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown processor";
}

Benchmark benchmark(const Model& model, const BenchmarkOptions& options) {
    return translated(options.threads, {}, [&] {
        internal::Graph graph = model.state().model.graph;
        if (graph.inputs().size() != 1) {
            internal::fail("The network has {} inputs; bench runs networks with one.", graph.inputs().size());
        }
        const std::int64_t fixed = graph.inputs().front().shape[0];
        Benchmark result{.batch = fixed == 0 ? options.batch : fixed};
        if (options.weight_bits > 0) round_weights(graph, options.weight_bits);
        const internal::Tensor images =
            random_images(internal::input_shapes(graph, result.batch, model.state().size).front(), options.seed);
        if (options.arithmetic == Arithmetic::simulated) {
            internal::NetworkRunner network(std::move(graph), internal::NetworkRunner::Mode::simulated);
            result.seconds = time_runs(options.seconds, [&] { network.run(images); });
        } else {
            measure_prepared(std::move(graph), images, options, result);
        }
        return result;
    });
}

}  // namespace v1
}  // namespace eigenbit
