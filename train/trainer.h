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
#include <string>
#include <vector>

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
    std::vector<std::string> frozen{};  ///< layers whose parameters stay as they are
    bool augment = true;                ///< crop and mirror at random as the data set allows
    std::uint64_t seed = 0;
    std::filesystem::path checkpoint;  ///< written after every epoch; none when empty
    bool resume = false;               ///< go on from the checkpoint, if there is one
    /// .ebit file of the network before training, which the checkpoint keeps: without it none is made of one.
    std::vector<std::uint8_t> network{};
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
    /// With what is done already: epochs, and images of the one after them.
    std::function<void(int epochs, std::int64_t images, std::int64_t images_per_epoch)> start{};
    std::function<void(int epoch, std::int64_t images, double loss)> step{};
    std::function<void(const EpochReport&)> epoch{};
    /// Asked after every step and while validating: true ends training, with all that was done in the checkpoint.
    std::function<bool()> stop{};
};

/// How far training came that was asked to stop.
struct StoppedTraining {
    int epochs = 0;          ///< finished
    std::int64_t steps = 0;  ///< of the epoch after these
    std::int64_t steps_per_epoch = 0;
};

struct TrainingResult {
    int best_epoch = 0;  ///< whose weights the network has; the last one without validation. 0: none's
    std::optional<Evaluation> validation;  ///< of these weights
    double images_per_second = 0.0;        ///< of the epochs trained here, validation left out
    /// Where training was asked to stop: the network is then as it was left, and nothing else is told.
    std::optional<StoppedTraining> stopped{};
};

/// Trains the network in place by cross-entropy, or by squared error where the data set is one of restoration, and
/// leaves it with the weights of the epoch that validated best; a quantized network that is not to shrink keeps those
/// it came with where no epoch's are better.
///
/// Normalization's running statistics move by PyTorch's rule (momentum 0.1, unbiased variance). The result depends on
/// the options alone: neither on the number of threads nor on interruptions that were resumed. A run may be resumed for
/// another number of epochs than it was begun for: from there on it has the learning rates and bits of a run of so
/// many. Throws Error when the loss is no number any more, and when the checkpoint to resume from is of another run, or
/// of one that is further already, and when it is to learn labels of data without.
TrainingResult train(Graph& graph, const Dataset& training, const Dataset* validation, const TrainingOptions& options,
                     const TrainingObserver& observer = {});

/// Gives the network of a checkpoint, as it was before training, the weights that validated best until the checkpoint
/// was written, or else the last ones. Throws Error, naming the checkpoint's file, when it is of another network.
void restore_best(Graph& graph, const Checkpoint& checkpoint, const std::filesystem::path& file);

}  // namespace eigenbit::internal
