#include "api/model_file.h"
#include "cli/execution.h"
#include "cli/verbs.h"
#include "compress/quantization/activation_quantizers.h"
#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/passes/fuse.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/passes/quantizer_candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

namespace eigenbit::internal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kExamples = R"(Examples:
  eigenbit bench resnet50.onnx --execution int8 --threads 1
  eigenbit bench packed.ebit --execution int8 --batch 8 --seconds 10
  eigenbit bench alexnet.onnx --execution int8 --bits 2
  eigenbit bench dncnn.onnx --size 256 --profile      for networks that take images of any size)";

struct BenchOptions {
    ModelSource model;
    NetworkRunner::Mode execution = NetworkRunner::Mode::float32;
    std::int64_t batch = 1;
    double seconds = 2.0;
    bool profile = false;
    int bits = 0;  ///< of weights; 0 leaves them as they are
};

Tensor random_images(const Shape& shape, std::uint64_t seed) {
    Random random({seed});
    Tensor images(shape);
    std::ranges::generate(images.values(), [&] { return static_cast<float>(random.normal()); });
    return images;
}

/// Rounds the float weights of every layer to so many bits, with one step for the layer.
void round_weights(Graph& graph, int bits) {
    for (const LayerView& layer : layers_of(graph)) {
        Weight& weight = graph.parameter(layer.weight);
        if (!weight.is_float()) continue;
        const Shape shape = weight.shape();
        float largest = std::numeric_limits<float>::min();
        for (const float value : weight.values().values()) largest = std::max(largest, std::abs(value));
        const auto levels = static_cast<float>(1 << (bits - 1));
        const float step = largest / levels;
        Quantized quantized{.shape = shape, .axis = 0, .blocks = {{0, shape[0], bits, step, 0.5F}}, .levels = {}};
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

double percentile(std::span<const double> sorted, double share) {
    const auto last = static_cast<double>(sorted.size() - 1);
    return sorted[static_cast<std::size_t>(std::lround(share * last))];
}

void print_latencies(std::span<const double> sorted, std::int64_t batch, Results& results) {
    const auto milliseconds = [&](double share) { return 1e3 * percentile(sorted, share); };
    const double rate = static_cast<double>(batch) / percentile(sorted, 0.5);
    fmt::print("latency     best {:.3f} ms, median {:.3f}, 90 % {:.3f}, 99 % {:.3f} ({} runs)\n", milliseconds(0.0),
               milliseconds(0.5), milliseconds(0.9), milliseconds(0.99), sorted.size());
    fmt::print("throughput  {:.1f} images/s\n", rate);
    results["latency_ms"] = {{"best", milliseconds(0.0)},
                             {"median", milliseconds(0.5)},
                             {"p90", milliseconds(0.9)},
                             {"p99", milliseconds(0.99)}};
    results["images_per_second"] = rate;
    results["runs"] = sorted.size();
}

/// Best time of each step over some runs, and the memory of its weights.
void print_profile(Inference& inference, ConstView images, Results& results) {
    constexpr int kRuns = 20;
    const std::span<const Step> steps = inference.steps();
    std::vector<double> best(steps.size(), 1e9);
    for (int run = 0; run < kRuns; ++run) {
        inference.run(images, [&](std::size_t step, double seconds) { best[step] = std::min(best[step], seconds); });
    }
    double total = 0.0;
    for (const double seconds : best) total += seconds;
    fmt::print("\n{:>9} {:>6} {:>9} {:>9} {:>11}  {:<28} {}\n", "µs", "%", "GOP/s", "bytes", "bits/weight", "step",
               "layer");
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const double gops = 2e-9 * static_cast<double>(steps[i].multiply_accumulates) / best[i];
        const std::int64_t bytes = weight_bytes(steps[i]);
        const double bits = 8.0 * static_cast<double>(bytes) / static_cast<double>(steps[i].weights);
        fmt::print("{:9.1f} {:6.1f} {:>9} {:>9} {:>11}  {:<28} {}\n", 1e6 * best[i], 100.0 * best[i] / total,
                   steps[i].multiply_accumulates > 0 ? fmt::format("{:.1f}", gops) : "",
                   bytes > 0 ? fmt::format("{}", bytes) : "", steps[i].weights > 0 ? fmt::format("{:.2f}", bits) : "",
                   steps[i].kind, steps[i].name);
        results["steps"].push_back({{"name", steps[i].name},
                                    {"kind", steps[i].kind},
                                    {"microseconds", 1e6 * best[i]},
                                    {"weights", steps[i].weights},
                                    {"weight_bytes", bytes},
                                    {"multiply_accumulates", steps[i].multiply_accumulates}});
    }
}

Results bench_simulated(const Graph& graph, const Tensor& images, const BenchOptions& options) {
    NetworkRunner network(graph, NetworkRunner::Mode::simulated);
    Results results;
    print_latencies(time_runs(options.seconds, [&] { network.run(images); }), options.batch, results);
    return results;
}

Results bench_fused(Graph graph, const Tensor& images, const BenchOptions& options) {
    const Shape shape = images.shape();
    const bool is_int8 = options.execution == NetworkRunner::Mode::int8;
    if (is_int8 && !runs_in_int8(graph)) {
        constexpr int kBits = 8;
        const auto chosen = quantize_activations(graph, images, {.depths = {kBits, kBits}, .sampling = {}});
        fmt::print("{} activations without a quantizer got one from random images\n", chosen.size());
    }
    const Clock::time_point before_preparation = Clock::now();
    prepare_for_inference(graph);
    Inference inference(graph, std::span(&shape, 1), is_int8 ? Execution::int8 : Execution::float32);
    const double preparation = 1e3 * seconds_since(before_preparation);
    fmt::print("preparation {:.1f} ms\n", preparation);
    Results results;
    if (is_int8) report_float_layers(graph, results);
    results["preparation_ms"] = preparation;
    const std::vector<double> times = time_runs(options.seconds, [&] { inference.run(images); });
    print_latencies(times, options.batch, results);
    const auto operations = 2.0 * static_cast<double>(inference.program().multiply_accumulates());
    fmt::print("arithmetic  {:.1f} GOP/s, {:.3f} G multiply–accumulates\n", 1e-9 * operations / percentile(times, 0.5),
               0.5e-9 * operations);
    fmt::print("memory      weights {:.2f} MB, activations {:.2f} MB\n",
               1e-6 * static_cast<double>(inference.program().weight_bytes()),
               1e-6 * static_cast<double>(inference.activation_bytes()));
    results["multiply_accumulates"] = inference.program().multiply_accumulates();
    results["weight_bytes"] = inference.program().weight_bytes();
    results["activation_bytes"] = inference.activation_bytes();
    if (options.profile) print_profile(inference, images, results);
    return results;
}

Results bench(BenchOptions options, const RunOptions& run) {
    const Clock::time_point before_loading = Clock::now();
    Model model = load_model(options.model);
    const double loading = 1e3 * seconds_since(before_loading);
    if (model.graph.inputs().size() != 1) {
        fail("The network has {} inputs; bench runs networks with one.", model.graph.inputs().size());
    }
    if (const std::int64_t batch = model.graph.inputs().front().shape[0]; batch != 0) options.batch = batch;
    if (options.bits > 0) round_weights(model.graph, options.bits);
    const Tensor images = random_images(input_shapes(model.graph, options.batch, options.model.size).front(), run.seed);
    fmt::print("{}: {}, {}, {} thread{}, batch {}\n", options.model.path.filename().string(),
               mode_name(options.execution), active_cpu_implementation().name, run.threads, run.threads == 1 ? "" : "s",
               options.batch);
    fmt::print("loading     {:.1f} ms\n", loading);
    Results results = options.execution == NetworkRunner::Mode::simulated
                          ? bench_simulated(model.graph, images, options)
                          : bench_fused(std::move(model.graph), images, options);
    results["loading_ms"] = loading;
    results["file_bytes"] = std::filesystem::file_size(options.model.path);
    return results;
}

}  // namespace

Verb bench_verb(CLI::App& command) {
    const auto options = std::make_shared<BenchOptions>();
    CLI::App* const app = add_verb(command, "bench", "Measure how fast a network runs", kExamples);
    add_model_options(*app, options->model);
    add_size_option(*app, options->model);
    add_execution_option(*app, options->execution);
    add_defaulted(*app, "--batch", options->batch, "Images at a time", "N", CLI::Range(1, 100000));
    add_defaulted(*app, "--seconds", options->seconds, "How long to measure", "S", between(0.0, 3600.0));
    app->add_option("--bits", options->bits, "Round float weights to so many bits before, to see what they would cost")
        ->type_name("B")
        ->check(CLI::Range(1, 8));
    app->add_flag("--profile", options->profile,
                  "Also show each layer's time and the memory of its weights (float and int8)");
    const auto files = [options] { return Files{.inputs = {options->model.path}}; };
    return {app, files, [options](const RunOptions& run, Results& results) { results = bench(*options, run); }};
}

}  // namespace eigenbit::internal
