#pragma once

#include "dataset.hpp"
#include "evaluation.hpp"
#include "model.hpp"

#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// An epoch of training, when it is over.
struct EpochReport {
    double images_per_second = 0.0;          ///< of training, validation left out
    double relative_bits = 1.0;              ///< of a compressed network's levels, in those at the beginning
    std::optional<Evaluation> validation{};  ///< where there are data to validate on
    bool best = false;                       ///< the highest score so far
};

/// How far training is.
struct TrainingProgress {
    int epoch = 0;                          ///< counted from 1
    int epochs = 0;                         ///< of the whole training
    std::int64_t images = 0;                ///< of this epoch
    std::int64_t images_per_epoch = 0;      ///< without those that are left over
    double loss = 0.0;                      ///< mean over the epoch so far
    std::optional<EpochReport> finished{};  ///< of the epoch, when it is over
};

/// Told by the thread that called train; what it throws comes out of train.
using OnProgress = std::function<void(const TrainingProgress&)>;

/// Shows a line of progress on standard error.
inline OnProgress progress_bar() {
    return [](const TrainingProgress& now) {
        std::fprintf(stderr, "\repoch %d/%d  %lld of %lld images  loss %.4f", now.epoch, now.epochs,
                     static_cast<long long>(now.images), static_cast<long long>(now.images_per_epoch), now.loss);
        if (now.images == now.images_per_epoch) std::fputc('\n', stderr);
    };
}

enum class Schedule {
    cosine,  ///< to 0
    step,    ///< a tenth after 1/2 and again after 3/4 of training
    constant
};

/// How to train.
struct TrainingOptions {
    int epochs = 1;                        ///< passes over the data
    int batch = 128;                       ///< images a step
    double learning_rate = 0.0;            ///< the highest; 0: 0.1, or 0.01 of a compressed network
    Schedule schedule = Schedule::cosine;  ///< how the learning rate falls
    double warmup = 0.0;                   ///< epochs in which the learning rate rises from 0
    double momentum = 0.9;                 ///< share of the step before that a step goes on with
    bool nesterov = false;                 ///< Nesterov's momentum
    double weight_decay = 1e-4;            ///< of layers' weights
    double label_smoothing = 0.0;          ///< share of a label that is spread over all classes
    std::vector<std::string> frozen{};     ///< layers whose parameters stay as they are; statistics move all the same
    bool augment = true;                   ///< crop and mirror at random as the data set allows
    const Dataset* validation = nullptr;   ///< the best epoch is chosen by it
    const Model* teacher = nullptr;        ///< a network to imitate
    double label_share = 0.0;              ///< of labels or true images in the loss beside a teacher
    double temperature = 4.0;              ///< by which the teacher's scores are softened
    std::string checkpoint{};  ///< file written after every epoch, and when training is stopped; empty: none
    bool resume = false;       ///< go on from the checkpoint, if there is one
    std::uint64_t seed = 0;    ///< of all that is drawn at random
    int threads = 0;           ///< 0: as many as processors; the result does not depend on it
    OnProgress on_start{};     ///< told once, before the first step, where training goes on from
    OnProgress on_progress{};  ///< told after each step, and after each epoch
    /// Asked after every step and while validating, by the calling thread: true ends training.
    std::function<bool()> stop{};
    Log log{};  ///< hears warnings of the calling thread

    // Of compressed networks alone.
    double rate = 0.0;          ///< bits a weight to come down to by the middle of training; 0: those it has
    double level_rate = 0.001;  ///< how far a step pushes the mean quantized weight at 1 bit, in steps of its quantizer
    double step_rate = 0.0;     ///< how far it pushes the mean quantizer's step, in eighths of octaves
};

/// How far training came that was asked to stop.
struct StoppedTraining {
    int epochs = 0;                    ///< finished
    std::int64_t steps = 0;            ///< of the epoch after these
    std::int64_t steps_per_epoch = 0;  ///< of an epoch
};

/// What training came to.
struct TrainingResult {
    int best_epoch = 0;                      ///< whose weights the network has; 0: those it came with
    std::optional<Evaluation> validation{};  ///< of these weights
    double images_per_second = 0.0;          ///< of the epochs trained here, validation left out
    /// Where training was asked to stop: the network is then as it was left, and nothing else is told.
    std::optional<StoppedTraining> stopped{};
};

/// Trains a network in place: by cross-entropy, or by squared error where the data set is one of restoration. A network
/// that does not say how images are prepared, or what its classes are called, is told by the data. Throws Error where
/// the network does not fit the data, the loss is no number any more, or the checkpoint is of another run.
TrainingResult train(Model& model, const Dataset& data, const TrainingOptions& options = {});

/// Trains a compressed network in place, through its quantizers, at the same rate or a lower one. Throws Error where it
/// is not compressed, too.
TrainingResult retrain(Model& model, const Dataset& data, const TrainingOptions& options = {});

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
