#pragma once

#include "datasets/dataset.h"
#include "engine/graph/graph.h"
#include "evaluation/evaluate.h"
#include "train/quantization_aware_optimizer.h"
#include "train/schedule.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

namespace eigenbit::internal {

/// Learning from another network's outputs, beside labels or true images or instead of them.
struct Distillation {
    const Graph* teacher = nullptr;  ///< none: learn from the data set
    double temperature = 4.0;        ///< that softens a classifier's scores
    double label_share = 0.0;        ///< of the data set's labels or true images in the loss, 0 to 1
};

struct TrainingOptions {
    int epochs = 1;
    int batch = 128;
    Schedule schedule;
    Sgd::Options sgd;
    QuantizedTraining quantized{};
    /// What a quantized network's levels may take from the middle of training on, in the bits they take at the
    /// beginning; until then it falls evenly.
    double bits_share = 1.0;
    double label_smoothing = 0.0;
    Distillation distillation{};
    bool augment = true;  ///< crop and mirror at random as the data set allows
    std::uint64_t seed = 0;
    std::filesystem::path checkpoint;  ///< written after every epoch; none when empty
    bool resume = false;               ///< go on from the checkpoint, if there is one
};

/// One epoch, when it is over.
struct EpochReport {
    int epoch = 0;             ///< counted from 1
    double learning_rate = 0;  ///< of the last step
    double loss = 0.0;         ///< mean over the epoch
    double images_per_second = 0.0;
    double relative_bits = 1.0;  ///< of a quantized network's levels, in those at the beginning
    std::optional<Evaluation> validation{};
    bool best = false;  ///< the highest validation score so far
};

/// What training tells while it works; any may be left out.
struct TrainingObserver {
    std::function<void(int epochs, std::int64_t images_per_epoch)> start{};  ///< with the epochs already done
    std::function<void(int epoch, std::int64_t images, double loss)> step{};
    std::function<void(const EpochReport&)> epoch{};
};

struct TrainingResult {
    int best_epoch = 0;  ///< whose weights the network has; the last one without validation. 0: none's
    std::optional<Evaluation> validation;  ///< of these weights
    double images_per_second = 0.0;        ///< of the epochs trained here, validation left out
};

/// Trains the network in place by cross-entropy, or by squared error where the data set is one of restoration, and
/// leaves it with the weights of the epoch that validated best; a quantized network that is not to shrink keeps those
/// it came with where no epoch's are better.
///
/// Normalization's running statistics move by PyTorch's rule (momentum 0.1, unbiased variance). The result depends on
/// the options alone: neither on the number of threads nor on interruptions that were resumed. Throws Error when the
/// loss is no number any more, and when the checkpoint to resume from is of another run.
TrainingResult train(Graph& graph, const Dataset& training, const Dataset* validation, const TrainingOptions& options,
                     const TrainingObserver& observer = {});

}  // namespace eigenbit::internal
