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
                        model.state().storage == internal::LevelStorage::entropy};
    result.label_smoothing = options.label_smoothing;
    result.augment = options.augment;
    result.seed = options.seed;
    result.checkpoint = options.checkpoint;
    result.resume = options.resume;
    if (options.teacher != nullptr) {
        result.distillation = {&options.teacher->state().model.graph, options.temperature, options.label_share};
    }
    return result;
}

/// What tells the caller how far training is. `epochs` are those of the whole.
class Observer {
  public:
    Observer(const TrainingOptions& options) : options_(options) {}

    internal::TrainingObserver observer() {
        return {.start = [this](int, std::int64_t, std::int64_t images) { images_per_epoch_ = images; },
                .step = [this](int epoch, std::int64_t images, double loss) { tell(epoch, images, loss, {}); },
                .epoch =
                    [this](const internal::EpochReport& report) {
                        if (report.validation) {
                            tell(report.epoch, images_per_epoch_, report.loss, evaluation_of(*report.validation));
                        }
                    },
                .stop = [this] { return options_.stop.stop_requested(); }};
    }

  private:
    void tell(int epoch, std::int64_t images, double loss, std::optional<Evaluation> validation) const {
        if (options_.on_progress) {
            options_.on_progress({epoch, options_.epochs, images, images_per_epoch_, loss, std::move(validation)});
        }
    }

    const TrainingOptions& options_;
    std::int64_t images_per_epoch_ = 0;
};

TrainingResult train_in_place(Model& model, const Dataset& data, const TrainingOptions& options) {
    internal::Model& own = model.state().model;
    internal::TrainingOptions training = options_of(options, model);
    const internal::Dataset examples = data.state().labelled_for(own);
    internal::describe_by_data(own, examples);
    std::optional<internal::Dataset> validation;
    if (options.validation != nullptr) validation = options.validation->state().labelled_for(own);
    if (options.rate > 0.0) {
        const internal::ModelFile file{own, model.state().storage,
                                       internal::encode_ebit(own, model.state().storage).sizes};
        training.bits_share = internal::share_of_level_bits(file, options.rate, "the network");
    }
    if (!options.checkpoint.empty()) training.network = internal::encode_ebit(own, model.state().storage).bytes;
    Observer observer(options);
    const internal::TrainingResult result =
        internal::train(own.graph, examples, validation ? &*validation : nullptr, training, observer.observer());
    internal::update_rate_note(own, model.state().storage);
    TrainingResult told{.best_epoch = result.best_epoch, .stopped = result.stopped.has_value()};
    if (result.validation) told.validation = evaluation_of(*result.validation);
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
