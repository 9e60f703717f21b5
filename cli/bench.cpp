#include "cli/verbs.h"
#include "include/eigenbit/benchmark.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

namespace eigenbit::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit bench resnet50.onnx --execution int8 --threads 1
  eigenbit bench packed.ebit --execution int8 --batch 8 --seconds 10
  eigenbit bench alexnet.onnx --execution int8 --bits 2
  eigenbit bench dncnn.onnx --size 256 --profile      for networks that take images of any size)";

struct BenchOptions {
    ModelSource model;
    BenchmarkOptions benchmark;
};

std::string active_cpu() {
    const std::vector<CpuImplementation> all = cpu_implementations();
    return std::ranges::find_if(all, &CpuImplementation::is_active)->name;
}

void print_latencies(const Benchmark& measured, Results& results) {
    const auto milliseconds = [&](double share) { return 1e3 * measured.percentile(share); };
    const double rate = static_cast<double>(measured.batch) / measured.percentile(0.5);
    fmt::print("latency     best {:.3f} ms, median {:.3f}, 90 % {:.3f}, 99 % {:.3f} ({} runs)\n", milliseconds(0.0),
               milliseconds(0.5), milliseconds(0.9), milliseconds(0.99), measured.seconds.size());
    fmt::print("throughput  {:.1f} images/s\n", rate);
    results["latency_ms"] = {{"best", milliseconds(0.0)},
                             {"median", milliseconds(0.5)},
                             {"p90", milliseconds(0.9)},
                             {"p99", milliseconds(0.99)}};
    results["images_per_second"] = rate;
    results["runs"] = measured.seconds.size();
}

/// Best time of each step over some runs, and the memory of its weights.
void print_profile(const std::vector<StepProfile>& steps, Results& results) {
    double total = 0.0;
    for (const StepProfile& step : steps) total += step.seconds;
    fmt::print("\n{:>9} {:>6} {:>9} {:>9} {:>11}  {:<28} {}\n", "µs", "%", "GOP/s", "bytes", "bits/weight", "step",
               "layer");
    for (const StepProfile& step : steps) {
        const double gops = 2e-9 * static_cast<double>(step.multiply_accumulates) / step.seconds;
        const double bits = 8.0 * static_cast<double>(step.weight_bytes) / static_cast<double>(step.weights);
        fmt::print("{:9.1f} {:6.1f} {:>9} {:>9} {:>11}  {:<28} {}\n", 1e6 * step.seconds, 100.0 * step.seconds / total,
                   step.multiply_accumulates > 0 ? fmt::format("{:.1f}", gops) : "",
                   step.weight_bytes > 0 ? fmt::format("{}", step.weight_bytes) : "",
                   step.weights > 0 ? fmt::format("{:.2f}", bits) : "", step.kind, step.name);
        results["steps"].push_back({{"name", step.name},
                                    {"kind", step.kind},
                                    {"microseconds", 1e6 * step.seconds},
                                    {"weights", step.weights},
                                    {"weight_bytes", step.weight_bytes},
                                    {"multiply_accumulates", step.multiply_accumulates}});
    }
}

void print_preparation(const Benchmark& measured, Results& results) {
    const PreparedNetwork& prepared = *measured.prepared;
    if (measured.added_quantizers > 0) {
        fmt::print("{} activations without a quantizer got one from random images\n", measured.added_quantizers);
    }
    const double preparation = 1e3 * prepared.preparation_seconds;
    fmt::print("preparation {:.1f} ms\n", preparation);
    report_float_layers(prepared.float_layers, results);
    results["preparation_ms"] = preparation;
}

void print_prepared(const Benchmark& measured, Results& results) {
    const PreparedNetwork& prepared = *measured.prepared;
    const auto operations = 2.0 * static_cast<double>(prepared.multiply_accumulates);
    fmt::print("arithmetic  {:.1f} GOP/s, {:.3f} G multiply–accumulates\n",
               1e-9 * operations / measured.percentile(0.5), 0.5e-9 * operations);
    fmt::print("memory      weights {:.2f} MB, activations {:.2f} MB\n",
               1e-6 * static_cast<double>(prepared.weight_bytes),
               1e-6 * static_cast<double>(prepared.activation_bytes));
    results["multiply_accumulates"] = prepared.multiply_accumulates;
    results["weight_bytes"] = prepared.weight_bytes;
    results["activation_bytes"] = prepared.activation_bytes;
    if (!prepared.steps.empty()) print_profile(prepared.steps, results);
}

Results bench(BenchOptions options, const RunOptions& run) {
    const auto before_loading = std::chrono::steady_clock::now();
    const Model model = load(options.model);
    const std::chrono::duration<double, std::milli> loading = std::chrono::steady_clock::now() - before_loading;
    options.benchmark.seed = run.seed;
    const Benchmark measured = benchmark(model, options.benchmark);
    fmt::print("{}: {}, {}, {} thread{}, batch {}\n", options.model.path.filename().string(),
               name_of(options.benchmark.arithmetic), active_cpu(), run.threads, run.threads == 1 ? "" : "s",
               measured.batch);
    fmt::print("loading     {:.1f} ms\n", loading.count());
    Results results;
    if (measured.prepared) print_preparation(measured, results);
    print_latencies(measured, results);
    if (measured.prepared) print_prepared(measured, results);
    results["loading_ms"] = loading.count();
    results["file_bytes"] = std::filesystem::file_size(options.model.path);
    return results;
}

}  // namespace

Verb bench_verb(CLI::App& command) {
    const auto options = std::make_shared<BenchOptions>();
    CLI::App* const app = add_verb(command, "bench", "Measure how fast a network runs", kExamples);
    add_model_options(*app, options->model);
    add_size_option(*app, options->model);
    add_execution_option(*app, options->benchmark.arithmetic);
    add_defaulted(*app, "--batch", options->benchmark.batch, "Images at a time", "N", CLI::Range(1, 100000));
    add_defaulted(*app, "--seconds", options->benchmark.seconds, "How long to measure", "S", between(0.0, 3600.0));
    app->add_option("--bits", options->benchmark.weight_bits,
                    "Round float weights to so many bits before, to see what they would cost")
        ->type_name("B")
        ->check(CLI::Range(1, 8));
    app->add_flag("--profile", options->benchmark.profile,
                  "Also show each layer's time and the memory of its weights (float and int8)");
    const auto files = [options] { return Files{.inputs = {options->model.path}}; };
    return {app, files, [options](const RunOptions& run, Results& results) { results = bench(*options, run); }};
}

}  // namespace eigenbit::cli
