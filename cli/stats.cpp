#include "cli/progress.h"
#include "cli/verbs.h"
#include "include/eigenbit/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace eigenbit::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit stats resnet20.onnx --data cifar10:cifar-10-batches-bin
  eigenbit stats net.onnx --data folder:photos --images 2000 --json statistics.json

Any number of images takes the same memory: the gradients of at most 16 images (--memory bounds them), the activations
of as many, and 8 bytes for each element of the gradients' second moments: the squares of all layers' numbers of input
and of output channels.)";

struct StatsOptions {
    ModelSource model;
    std::string data;
    StatisticsOptions statistics;
    std::int64_t memory_megabytes = 1024;
};

void print_moments(const std::vector<LayerStatistics>& layers, std::size_t width) {
    fmt::print("{:<{}}  {:<6} {:>5}  {:>26}  {:>26}  {:>20}  {:>20}\n", "", width, "", "", "weights' second moments",
               "gradients' second moments", "KLT gain, dB", "ELT gain, dB");
    fmt::print("{:<{}}  {:<6} {:>5}", "layer", width, "axis", "size");
    for (int i = 0; i < 2; ++i) fmt::print("  {:>8} {:>8} {:>8}", "trace", "cond.", "spread");
    for (int i = 0; i < 2; ++i) fmt::print("  {:>6} {:>6} {:>6}", "grad.", "weight", "both");
    fmt::print("\n");
    for (const LayerStatistics& layer : layers) {
        for (const AxisStatistics& axis : layer.axes) {
            fmt::print("{:<{}}  {:<6} {:>5}", layer.name, width, axis.axis, axis.weights.eigenvalues.size());
            for (const MomentSpectrum* moments : {&axis.weights, &axis.gradients}) {
                fmt::print("  {:>8.3g} {:>8.3g} {:>8.2f}", moments->trace, moments->condition, moments->spread_db);
            }
            for (const CodingGain& gain : {axis.klt, axis.elt}) {
                fmt::print("  {:>6.2f} {:>6.2f} {:>6.2f}", gain.gradients_db, gain.weights_db,
                           gain.gradients_db + gain.weights_db);
            }
            fmt::print("\n");
        }
    }
}

void print_activations(const std::vector<LayerStatistics>& layers, std::size_t width) {
    fmt::print("\n{:<{}}  {:>9} {:>9} {:>9} {:>9}  {:>22}\n", "layer's input", width, "least", "greatest", "mean",
               "deviation", "8 bits clip at");
    for (const LayerStatistics& layer : layers) {
        const ActivationStatistics& input = layer.input;
        fmt::print("{:<{}}  {:>9.4g} {:>9.4g} {:>9.4g} {:>9.4g}  {:>9.4g} to {:>9.4g}\n", layer.name, width,
                   input.least, input.greatest, input.mean, std::sqrt(input.variance), input.clipping_low,
                   input.clipping_high);
    }
}

/// Infinite where there is no number: JSON has none for it.
Results number(double value) { return std::isfinite(value) ? Results(value) : Results(nullptr); }

Results as_results(const MomentSpectrum& moments) {
    return {{"trace", moments.trace},
            {"condition", number(moments.condition)},
            {"spread_db", number(moments.spread_db)},
            {"eigenvalues", moments.eigenvalues}};
}

Results as_results(const CodingGain& gain) {
    return {{"gradients_db", gain.gradients_db}, {"weights_db", gain.weights_db}};
}

Results as_results(const Histogram& histogram) {
    return {{"first_edge", histogram.first_edge}, {"bin_width", histogram.bin_width}, {"counts", histogram.counts}};
}

Results as_results(const LayerStatistics& layer) {
    Results result{{"name", layer.name}, {"shape", layer.shape}};
    for (const AxisStatistics& axis : layer.axes) {
        result["axes"].push_back({{"axis", axis.axis},
                                  {"weights", as_results(axis.weights)},
                                  {"gradients", as_results(axis.gradients)},
                                  {"klt_gain", as_results(axis.klt)},
                                  {"elt_gain", as_results(axis.elt)}});
    }
    const ActivationStatistics& input = layer.input;
    result["input"] = {{"least", input.least},
                       {"greatest", input.greatest},
                       {"mean", input.mean},
                       {"variance", input.variance},
                       {"clipping_at_8_bits", {input.clipping_low, input.clipping_high}},
                       {"histogram", as_results(input.histogram)}};
    return result;
}

Results show_statistics(StatsOptions options, const RunOptions& run) {
    const Model model = load(options.model, options.data);
    const Dataset data = Dataset::open(options.data, Split::train, model);
    options.statistics.seed = run.seed;
    options.statistics.memory_bytes = options.memory_megabytes << 20;
    const NetworkStatistics statistics = [&] {
        Progress progress(run.quiet || data.is_arrays(), "images", std::min(options.statistics.images, data.size()));
        options.statistics.on_progress = [&](std::int64_t images) { progress.update(images, "statistics"); };
        return eigenbit::statistics(model, data, options.statistics);
    }();
    const std::vector<LayerStatistics>& layers = statistics.layers;
    std::size_t width = 13;
    for (const LayerStatistics& layer : layers) width = std::max(width, layer.name.size());
    print_moments(layers, width);
    print_activations(layers, width);
    Results results{{"images", statistics.images}};
    for (const LayerStatistics& layer : layers) results["layers"].push_back(as_results(layer));
    return results;
}

}  // namespace

Verb stats_verb(CLI::App& command) {
    const auto options = std::make_shared<StatsOptions>();
    CLI::App* const app =
        add_verb(command, "stats", "Show what compression sees: moments, coding gains, activations", kExamples);
    add_model_options(*app, options->model);
    add_size_option(*app, options->model);
    app->add_option("--data", options->data, "Images to look at (their training split; no labels)")
        ->type_name("SPEC")
        ->required();
    add_defaulted(*app, "--images", options->statistics.images, "How many", "N", above_zero());
    add_defaulted(*app, "--memory", options->memory_megabytes, "For the gradients that are kept at once, in MiB", "MIB",
                  CLI::Range(1, 1 << 20));
    const auto files = [options] { return Files{.inputs = {options->model.path}}; };
    return {app, files,
            [options](const RunOptions& run, Results& results) { results = show_statistics(*options, run); }};
}

}  // namespace eigenbit::cli
