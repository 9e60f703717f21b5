#include "cli/evaluation_results.h"

#include "evaluation/metrics.h"

#include <fmt/format.h>

namespace eigenbit::internal {

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
