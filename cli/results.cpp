#include "cli/results.h"

#include "engine/formats/file.h"
#include "evaluation/metrics.h"

#include <fmt/format.h>

#include <sys/resource.h>

namespace eigenbit::internal {
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
    write_text_file(options.json, results.dump(2) + "\n");
}

std::string to_string(const Evaluation& evaluation) {
    if (evaluation.restoration) {
        return fmt::format("PSNR {:.2f} dB, SSIM {:.4f}, {} images", evaluation.restoration->psnr,
                           evaluation.restoration->ssim, evaluation.images);
    }
    const double top1 = evaluation.classification->top1;
    return fmt::format("top-1 {:.2f} % ± {:.2f}, top-5 {:.2f} %, {} images", 100.0 * top1,
                       100.0 * standard_error(top1, evaluation.images), 100.0 * evaluation.classification->top5,
                       evaluation.images);
}

void add_evaluation(const Evaluation& evaluation, Results& results) {
    results["images"] = evaluation.images;
    if (evaluation.restoration) {
        results["psnr"] = evaluation.restoration->psnr;
        results["ssim"] = evaluation.restoration->ssim;
        return;
    }
    const double top1 = evaluation.classification->top1;
    results["top1"] = 100.0 * top1;
    results["top1_standard_error"] = 100.0 * standard_error(top1, evaluation.images);
    results["top5"] = 100.0 * evaluation.classification->top5;
}

}  // namespace eigenbit::internal
