#pragma once

#include "cli/results.h"
#include "evaluation/evaluate.h"

#include <string>

namespace eigenbit::internal {

/// "top-1 91.73 % ± 0.28, top-5 99.76 %, 10000 images"
std::string to_string(const Evaluation& evaluation);

/// Adds images and, in percent, top1, top1_standard_error and top5, or psnr (dB) and ssim.
void add_evaluation(const Evaluation& evaluation, Results& results);

}  // namespace eigenbit::internal
