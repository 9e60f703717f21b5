#pragma once

#include "datasets/dataset.h"
#include "engine/graph/graph.h"
#include "evaluation/network_runner.h"

#include <cstdint>
#include <functional>
#include <optional>

namespace eigenbit::internal {

/// How well a network classifies, in shares of the images.
struct Classification {
    double top1 = 0.0;
    double top5 = 0.0;
};

/// How close restored images come to the true ones, means over the images.
struct RestorationQuality {
    double psnr = 0.0;  ///< dB
    double ssim = 0.0;
};

struct Evaluation {
    std::int64_t images = 0;
    std::optional<Classification> classification;
    std::optional<RestorationQuality> restoration;

    /// What is better when it is greater: top1 or psnr.
    double score() const { return classification ? classification->top1 : restoration->psnr; }
    /// The same in % or dB.
    double points() const { return classification ? 100.0 * classification->top1 : restoration->psnr; }
};

struct EvaluationOptions {
    int batch = 100;
    std::function<void(std::int64_t images)> progress{};  ///< told how many are done
    std::function<void(ConstView output)> watch{};        ///< shown what the network outputs for each batch
};

/// Runs the network on every example of the data set and compares with the labels or the true images.
///
/// Restored images of the input's own size are clamped to 0 … 1 and compared as they are. Enlarged ones are compared as
/// super-resolution is reported: rounded to 8 bits, in BT.601 luma, without a border as wide as the scale. Throws Error
/// when the network does not fit the data set, outputs no scores of classes where it has labels, or what is no number.
Evaluation evaluate(NetworkRunner& network, const Dataset& dataset, const EvaluationOptions& options = {});
Evaluation evaluate(const Graph& graph, const Dataset& dataset, const EvaluationOptions& options = {});

}  // namespace eigenbit::internal
