#include "include/eigenbit/training.hpp"

#include "api/cpp/evaluation.h"
#include "api/cpp/state.h"
#include "api/retraining.h"
#include "engine/formats/ebit/ebit.h"
#include "train/trainer.h"

#include <optional>
#include <utility>

namespace eigenbit {
inline namespace v1 {
namespace {

internal::Schedule::Kind kind_of(Schedule schedule) {
    switch (schedule) {
    case Schedule::cosine:
        return internal::Schedule::Kind::cosine;
    case Schedule::step:
        return internal::Schedule::Kind::step;
    case Schedule::constant:
        return internal::Schedule::Kind::constant;
    }
    internal::fail("Schedule {} is unknown.", static_cast<int>(schedule));
}

/// Throws Error where a teacher, which may be null, has names of classes that are others than the network's.
void check_teacher(const Model* teacher, const std::vector<std::string>& classes) {
    if (teacher == nullptr || teacher->classes().empty() || classes.empty()) return;
    if (teacher->classes() != classes) {
        internal::fail("The teacher and the network know other classes, or in another order.");
    }
}

internal::TrainingOptions options_of(const TrainingOptions& options, const Model& model) {
    if (options.epochs < 1 || options.batch < 1) {
        internal::fail("Training was asked for {} epochs in batches of {}, expected 1 or more.", options.epochs,
                       options.batch);
    }
    const bool is_compressed = model.is_compressed();
    internal::TrainingOptions result;
    result.epochs = options.epochs;
    result.batch = options.batch;
    const double usual_rate = is_compressed ? 0.01 : 0.1;
    result.schedule = {.kind = kind_of(options.schedule),
                       .peak = options.learning_rate > 0.0 ? options.learning_rate : usual_rate,
                       .epochs = static_cast<double>(options.epochs),
                       .warmup = options.warmup,
                       .milestones = {0.5 * options.epochs, 0.75 * options.epochs}};
    result.sgd = {options.momentum, options.nesterov, options.weight_decay};
    result.quantized = {options.level_rate, options.step_rate,
                        model.state().file_storage() == internal::LevelStorage::entropy};
    result.label_smoothing = options.label_smoothing;
    result.frozen = options.frozen;
    result.augment = options.augment;
    result.seed = options.seed;
    result.checkpoint = options.checkpoint;
    result.resume = options.resume;
    if (options.teacher != nullptr) {
        result.distillation = {&options.teacher->state().model.graph, options.temperature, options.label_share};
    }
    return result;
}

/// What tells the caller how far training is.
class Observer {
  public:
    Observer(const TrainingOptions& options) : options_(options) {}

    internal::TrainingObserver observer() {
        return {.start =
                    [this](int epochs, std::int64_t images, std::int64_t images_per_epoch) {
                        images_per_epoch_ = images_per_epoch;
                        tell(options_.on_start, {.epoch = epochs + 1, .images = images});
                    },
                .step =
                    [this](int epoch, std::int64_t images, double loss) {
                        tell(options_.on_progress, {.epoch = epoch, .images = images, .loss = loss});
                    },
                .epoch =
                    [this](const internal::EpochReport& report) {
                        tell(options_.on_progress, {.epoch = report.epoch,
                                                    .images = images_per_epoch_,
                                                    .loss = report.loss,
                                                    .finished = report_of(report)});
                    },
                .stop = options_.stop};
    }

  private:
    static EpochReport report_of(const internal::EpochReport& report) {
        EpochReport told{
            .images_per_second = report.images_per_second, .relative_bits = report.relative_bits, .best = report.best};
        if (report.validation) told.validation = evaluation_of(*report.validation);
        return told;
    }
    void tell(const OnProgress& hear, TrainingProgress now) const {
        if (!hear) return;
        now.epochs = options_.epochs;
        now.images_per_epoch = images_per_epoch_;
        hear(now);
    }

    const TrainingOptions& options_;
    std::int64_t images_per_epoch_ = 0;
};

TrainingResult train_in_place(Model& model, const Dataset& data, const TrainingOptions& options) {
    internal::Model& own = model.state().model;
    internal::TrainingOptions training = options_of(options, model);
    const internal::LevelStorage storage = model.state().file_storage();
    const internal::Dataset examples = data.state().labelled_for(own);
    internal::describe_by_data(own, examples);
    check_teacher(options.teacher, own.classes);
    std::optional<internal::Dataset> validation;
    if (options.validation != nullptr) validation = options.validation->state().labelled_for(own);
    if (options.rate > 0.0) training.bits_share = internal::share_of_level_bits(own, storage, options.rate);
    if (!options.checkpoint.empty()) training.network = internal::encode_ebit(own, storage).bytes;
    Observer observer(options);
    const internal::TrainingResult result =
        internal::train(own.graph, examples, validation ? &*validation : nullptr, training, observer.observer());
    internal::update_rate_note(own, storage);
    TrainingResult told{.best_epoch = result.best_epoch, .images_per_second = result.images_per_second};
    if (result.validation) told.validation = evaluation_of(*result.validation);
    if (result.stopped) told.stopped = {result.stopped->epochs, result.stopped->steps, result.stopped->steps_per_epoch};
    return told;
}

}  // namespace

TrainingResult train(Model& model, const Dataset& data, const TrainingOptions& options) {
    return translated(options.threads, options.log, [&] { return train_in_place(model, data, options); });
}

TrainingResult retrain(Model& model, const Dataset& data, const TrainingOptions& options) {
    return translated(options.threads, options.log, [&] {
        if (!model.is_compressed()) {
            internal::fail("The network is not compressed: there are no quantizers to train through.");
        }
        return train_in_place(model, data, options);
    });
}

}  // namespace v1
}  // namespace eigenbit
