#include "cli/results.h"

#include "include/eigenbit/files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/resource.h>

namespace eigenbit::cli {
namespace {

std::int64_t peak_memory_bytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return std::int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace

void write_results(Results results, const RunOptions& options, double seconds) {
    results["seconds"] = seconds;
    results["peak_memory_bytes"] = peak_memory_bytes();
    results["threads"] = options.threads;
    results["seed"] = options.seed;
    results["version"] = EIGENBIT_VERSION;
    write_file(options.json, results.dump(2) + "\n");
}

std::string to_string(const Extents& extents) { return fmt::format("({})", fmt::join(extents, ", ")); }

std::string to_string(const Evaluation& evaluation) {
    if (evaluation.psnr) {
        return fmt::format("PSNR {:.2f} dB, SSIM {:.4f}, {} images", *evaluation.psnr, *evaluation.ssim,
                           evaluation.images);
    }
    return fmt::format("top-1 {:.2f} % ± {:.2f}, top-5 {:.2f} %, {} images", 100.0 * *evaluation.top1,
                       100.0 * evaluation.top1_standard_error(), 100.0 * *evaluation.top5, evaluation.images);
}

void add_evaluation(const Evaluation& evaluation, Results& results) {
    results["images"] = evaluation.images;
    if (evaluation.psnr) {
        results["psnr"] = *evaluation.psnr;
        results["ssim"] = *evaluation.ssim;
        return;
    }
    results["top1"] = 100.0 * *evaluation.top1;
    results["top1_standard_error"] = 100.0 * evaluation.top1_standard_error();
    results["top5"] = 100.0 * *evaluation.top5;
}

void print_added_quantizers(const AddedQuantizers& added) {
    if (added.activations == 0) return;
    fmt::print("{} activations without a quantizer got one from {} images\n", added.activations, added.images);
}

void report_float_layers(std::span<const FloatLayer> layers, Results& results) {
    for (const FloatLayer& layer : layers) {
        fmt::print("float       {}: {}\n", layer.name, layer.reason);
        results["float_layers"].push_back({{"name", layer.name}, {"reason", layer.reason}});
    }
}

void take_weights(Model& model, const std::filesystem::path& weights, Results& results) {
    if (weights.empty()) return;
    const TakenWeights outcome = model.take_weights(weights);
    fmt::print("{} of {} parameters taken from {}\n", outcome.taken.size(),
               outcome.taken.size() + outcome.kept.size() + outcome.unfit.size(), weights.string());
    results["weights"] = {
        {"taken", outcome.taken}, {"kept", outcome.kept}, {"unused", outcome.unused}, {"unfit", outcome.unfit}};
}

}  // namespace eigenbit::cli
