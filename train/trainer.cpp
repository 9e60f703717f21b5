#include "train/trainer.h"

#include "datasets/classes.h"
#include "datasets/loader.h"
#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/executor/graph_executor.h"
#include "engine/passes/expand_products.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/program/inference.h"
#include "evaluation/output_kind.h"
#include "train/checkpoint.h"
#include "train/loss.h"
#include "train/quantization_aware_optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

namespace eigenbit::internal {
namespace {

constexpr double kBitsTolerance = 1.005;  // over the share wanted, of an epoch that can be a quantized network's best

constexpr std::array kScheduleNames{"constant", "step", "cosine"};  // by Schedule::Kind

/// What makes a run this run, a line each.
std::string settings_of(const TrainingOptions& options, const Dataset& training, const Dataset* validation) {
    std::string text;
    const auto add = [&](std::string_view name, const auto& value) { text += fmt::format("{}: {}\n", name, value); };
    add("data", training.name);
    add("validation", validation != nullptr ? validation->name : "none");
    add("seed", options.seed);
    add("batch", options.batch);
    add("augmentation", options.augment);
    add("label smoothing", options.label_smoothing);
    add("teacher", options.distillation.teacher != nullptr);
    add("temperature", options.distillation.temperature);
    add("share of labels", options.distillation.label_share);
    add("momentum", options.sgd.momentum);
    add("Nesterov", options.sgd.nesterov);
    add("weight decay", options.sgd.weight_decay);
    add("learning rate of levels", options.quantized.level_learning_rate);
    add("learning rate of steps", options.quantized.step_learning_rate);
    add("bits held", options.quantized.rate_control);
    add("share of bits", options.bits_share);
    add("schedule", kScheduleNames[static_cast<std::size_t>(options.schedule.kind)]);
    add("learning rate", options.schedule.peak);
    add("warm-up", options.schedule.warmup);
    add("milestone factor", options.schedule.factor);
    for (const std::string& layer : options.frozen) add("frozen", layer);
    return text;
}

/// The lines in which two texts differ first.
std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b) {
    const auto [end_a, end_b] = std::ranges::mismatch(a, b);
    const auto line_at = [](const std::string& text, std::string::const_iterator position) {
        const auto offset = static_cast<std::size_t>(position - text.begin());
        const std::size_t begin = offset == 0 ? 0 : text.rfind('\n', offset - 1) + 1;
        return text.substr(begin, text.find('\n', offset) - begin);
    };
    return {line_at(a, end_a), line_at(b, end_b)};
}

class Trainer {
  public:
    Trainer(Graph& graph, const Dataset& training, const TrainingOptions& options)
        : graph_(graph),
          options_(options),
          loader_(training, {.batch_size = options.batch,
                             .seed = options.seed,
                             .shuffle = true,
                             .augment = options.augment,
                             .drop_incomplete = true}),
          network_(graph, options.sgd, options.quantized, options.schedule.peak,
                   parameters_of_layers(graph, options.frozen)) {
        if (loader_.batches() == 0) {
            fail("The data set {} has {} examples, fewer than the batch size {}.", training.name, training.size,
                 options.batch);
        }
    }

    std::int64_t images_per_epoch() const { return loader_.batches() * loader_.batch_size(); }

    std::int64_t batches() const { return loader_.batches(); }
    double images_per_second() const { return seconds_ > 0.0 ? static_cast<double>(images_) / seconds_ : 0.0; }

    /// The epoch after those of the state, from the state's step on, which moves along; nothing where the observer
    /// stopped it.
    std::optional<EpochReport> run_epoch(Checkpoint& state, const TrainingObserver& observer) {
        const auto start = std::chrono::steady_clock::now();
        const int epoch = static_cast<int>(state.epochs) + 1;
        EpochReport report{.epoch = epoch};
        const std::int64_t first = state.steps;
        std::optional<GraphExecutor> session;
        loader_.start(epoch, first);
        while (const Batch* batch = loader_.next()) {
            if (!session) prepare(epoch, first, batch->images.shape(), session);
            const double progress = progress_of(epoch, state.steps);
            report.learning_rate = learning_rate(options_.schedule, progress);
            const double loss = run_step(*session, *batch);
            if (!std::isfinite(loss)) {
                fail("The loss became {} in step {} of epoch {}: training diverged; try a learning rate below {:.3g}.",
                     loss, state.steps + 1, epoch, report.learning_rate);
            }
            network_.step(*session, state.steps, report.learning_rate, bits_share(progress));
            state.loss_sum += loss;
            ++state.steps;
            const double mean_loss = state.loss_sum / static_cast<double>(state.steps);
            if (observer.step) observer.step(epoch, state.steps * loader_.batch_size(), mean_loss);
            if (observer.stop && observer.stop()) return std::nullopt;
        }
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        const std::int64_t images = (state.steps - first) * loader_.batch_size();
        images_ += images;
        seconds_ += elapsed.count();
        report.loss = state.loss_sum / static_cast<double>(state.steps);
        report.relative_bits = network_.relative_bits();
        report.images_per_second = static_cast<double>(images) / elapsed.count();
        return report;
    }

    QuantizationAwareOptimizer& network() { return network_; }

  private:
    // A session of its own for each epoch: what dropout draws is then a function of seed, epoch and step.
    void prepare(int epoch, std::int64_t step, const Shape& input, std::optional<GraphExecutor>& session) {
        Random random({options_.seed, static_cast<std::uint64_t>(epoch)});
        session.emplace(graph_, input,
                        GraphExecutor::Options{.training = true,
                                               .gradients = network_.gradients(),
                                               .seed = random.bits(),
                                               .forwards = static_cast<std::uint64_t>(step)});
        output_gradient_ = Tensor(session->output().shape);
        data_gradient_ = Tensor(session->output().shape);
        if (!loader_.dataset().restoration) {
            kind_ = output_kind(graph_, input);
            check_kind("network", kind_);
        }
        if (options_.distillation.teacher != nullptr && !teacher_) prepare_teacher(input);
    }

    static void check_kind(std::string_view whose, OutputKind kind) {
        if (kind == OutputKind::scores || kind == OutputKind::probabilities) return;
        fail("The {} outputs {}; one score, or one probability by a softmax, for each class was expected to train by.",
             whose, to_string(kind));
    }

    void prepare_teacher(const Shape& input) try {
        Graph teacher = *options_.distillation.teacher;
        if (!loader_.dataset().restoration) {
            teacher_kind_ = output_kind(teacher, input);
            check_kind("teacher", teacher_kind_);
        }
        prepare_for_inference(teacher);
        teacher_.emplace(teacher, std::span(&input, 1), Execution::float32);
    } catch (const Error& error) {
        fail("The teacher cannot be run on these images: {}", error.what());
    }

    /// Epochs done before this step, fractions counting.
    double progress_of(int epoch, std::int64_t step) const {
        return epoch - 1 + static_cast<double>(step) / static_cast<double>(loader_.batches());
    }

    double bits_share(double epochs_done) const {
        return 1.0 + (options_.bits_share - 1.0) * std::min(1.0, 2.0 * epochs_done / options_.epochs);
    }

    /// Loss and gradients of a batch.
    double run_step(GraphExecutor& session, const Batch& batch) {
        const ConstView output = session.run(batch.images);
        const double loss = loss_of(output, batch);
        session.backward(output_gradient_);
        return loss;
    }

    /// Leaves its gradient in output_gradient_.
    double loss_of(ConstView output, const Batch& batch) {
        const double share = teacher_ ? options_.distillation.label_share : 1.0;
        if (share == 1.0) return loss_by_data(output, batch, output_gradient_);
        const double taught = loss_by_teacher(output, batch, output_gradient_);
        if (share == 0.0) return taught;
        const double told = loss_by_data(output, batch, data_gradient_);
        for (std::int64_t i = 0; i < output_gradient_.elements(); ++i) {
            output_gradient_[i] += static_cast<float>(share) * (data_gradient_[i] - output_gradient_[i]);
        }
        return std::lerp(taught, told, share);
    }

    double loss_by_data(ConstView output, const Batch& batch, View gradient) {
        if (loader_.dataset().restoration) return mean_squared_error(output, batch.targets, gradient);
        return loss_of_scores(output, gradient, [&](ConstView scores) {
            return softmax_cross_entropy(scores, batch.labels, options_.label_smoothing, gradient);
        });
    }

    double loss_by_teacher(ConstView output, const Batch& batch, View gradient) {
        const ConstView taught = teacher_->run(batch.images);
        if (loader_.dataset().restoration) return mean_squared_error(output, taught, gradient);
        const Tensor scores = teacher_kind_ == OutputKind::probabilities ? scores_of(taught) : Tensor(taught);
        return loss_of_scores(output, gradient, [&](ConstView learned) {
            return distillation(learned, scores, options_.distillation.temperature, gradient);
        });
    }

    /// Calls loss(scores), which leaves its gradient in `gradient`, of a network that outputs scores or probabilities.
    template <typename Loss>
    double loss_of_scores(ConstView output, View gradient, const Loss& loss) const {
        if (kind_ != OutputKind::probabilities) return loss(output);
        const double result = loss(scores_of(output));
        pull_back_scores(output, gradient);
        return result;
    }

    Graph& graph_;
    const TrainingOptions& options_;
    BatchLoader loader_;
    QuantizationAwareOptimizer network_;
    OutputKind kind_ = OutputKind::scores;  // of a network that learns classes
    std::optional<Inference> teacher_;
    OutputKind teacher_kind_ = OutputKind::scores;
    Tensor output_gradient_;
    Tensor data_gradient_;     // of the loss by labels or true images, where a teacher's is in output_gradient_
    std::int64_t images_ = 0;  // of the epochs run here
    double seconds_ = 0.0;
};

/// Puts graph and velocities where the checkpoint left them. Does nothing when there is none.
void resume(const std::filesystem::path& path, int epochs, QuantizationAwareOptimizer& network, Checkpoint& state) {
    if (!std::filesystem::exists(path)) return;
    Checkpoint saved = read_checkpoint(path);
    if (saved.settings != state.settings) {
        const auto [theirs, ours] = first_difference(saved.settings, state.settings);
        fail("Checkpoint '{}' is of another run: it has \"{}\", this run \"{}\".", path.string(), theirs, ours);
    }
    if (saved.epochs > epochs) {
        fail("Checkpoint '{}' has {} epochs behind it, more than the {} to train for.", path.string(), saved.epochs,
             epochs);
    }
    restore_tensors(path, saved.parameters, network.parameter_slots());
    restore_tensors(path, saved.optimizer, network.optimizer_slots());
    network.restored();
    state = std::move(saved);
}

/// Whether an epoch left a quantized network as small as it is to be.
bool fits(const EpochReport& report, const TrainingOptions& options) {
    return !options.quantized.rate_control || report.relative_bits <= kBitsTolerance * options.bits_share;
}

void save(const std::filesystem::path& path, QuantizationAwareOptimizer& network, Checkpoint& state) {
    if (path.empty()) return;
    state.parameters = copy_tensors(network.parameter_slots());
    state.optimizer = copy_tensors(network.optimizer_slots());
    write_checkpoint(path, state);
}

/// How well the network does now; nothing where the observer stopped it.
std::optional<Evaluation> validate(const Graph& graph, const Dataset& validation, const TrainingObserver& observer) {
    struct Stop {};
    try {
        return evaluate(graph, validation, {.progress = [&](std::int64_t) {
                            if (observer.stop && observer.stop()) throw Stop{};
                        }});
    } catch (const Stop&) {
        return std::nullopt;
    }
}

/// Of a graph without products that run as two layers.
TrainingResult train_expanded(Graph& graph, const Dataset& training, const Dataset* validation,
                              const TrainingOptions& options, const TrainingObserver& observer) {
    Trainer trainer(graph, training, options);
    Checkpoint state{.settings = settings_of(options, training, validation),
                     .network = options.network,
                     .learns_steps = options.quantized.step_learning_rate > 0.0};
    QuantizationAwareOptimizer& network = trainer.network();
    if (options.resume) resume(options.checkpoint, options.epochs, network, state);
    const auto stop = [&] {
        save(options.checkpoint, network, state);
        TrainingResult result;
        result.stopped = {static_cast<int>(state.epochs), state.steps, trainer.batches()};
        return result;
    };
    // What comes already trained can only become better.
    const bool may_stay = network.is_quantized() && options.bits_share >= 1.0;
    if (validation != nullptr && state.epochs == 0 && state.steps == 0 && may_stay) {
        const std::optional<Evaluation> before = validate(graph, *validation, observer);
        if (!before) return stop();
        state.best_score = before->score();
        state.best_parameters = copy_tensors(network.parameter_slots());
    }

    TrainingResult result;
    if (observer.start) {
        observer.start(static_cast<int>(state.epochs), state.steps * trainer.images_per_epoch() / trainer.batches(),
                       trainer.images_per_epoch());
    }
    while (state.epochs < options.epochs) {
        std::optional<EpochReport> report = trainer.run_epoch(state, observer);
        if (report && validation != nullptr) report->validation = validate(graph, *validation, observer);
        if (!report || (validation != nullptr && !report->validation)) return stop();
        state.epochs = report->epoch;
        state.steps = 0;
        state.loss_sum = 0.0;
        if (validation != nullptr) {
            const bool first = state.best_parameters.empty();
            report->best = fits(*report, options) ? first || report->validation->score() > state.best_score
                                                  : first && report->epoch == options.epochs;
        }
        if (report->best) {
            state.best_epoch = report->epoch;
            state.best_score = report->validation->score();
            state.best_parameters = copy_tensors(network.parameter_slots());
            result.validation = report->validation;
        }
        save(options.checkpoint, network, state);
        if (observer.epoch) observer.epoch(*report);
    }
    result.best_epoch = static_cast<int>(validation != nullptr ? state.best_epoch : state.epochs);
    result.images_per_second = trainer.images_per_second();
    if (validation != nullptr) {
        if (state.best_parameters.empty()) state.best_parameters = copy_tensors(network.parameter_slots());
        restore_tensors(options.checkpoint, state.best_parameters, network.parameter_slots());
        network.restored();
        if (!result.validation) result.validation = evaluate(graph, *validation);
    }
    return result;
}

}  // namespace

TrainingResult train(Graph& graph, const Dataset& training, const Dataset* validation, const TrainingOptions& options,
                     const TrainingObserver& observer) {
    const bool learns_labels = options.distillation.teacher == nullptr || options.distillation.label_share > 0.0;
    if (learns_labels) require_labels(training);
    const std::vector<ExpandedLayer> expanded = expand_products(graph);
    const TrainingResult result = train_expanded(graph, training, validation, options, observer);
    collapse_products(graph, expanded);
    return result;
}

void restore_best(Graph& graph, const Checkpoint& checkpoint, const std::filesystem::path& file) {
    const std::vector<ExpandedLayer> expanded = expand_products(graph);
    QuantizationAwareOptimizer network(graph, {}, {.step_learning_rate = checkpoint.learns_steps ? 1.0 : 0.0}, 1.0);
    const bool has_best = !checkpoint.best_parameters.empty();
    restore_tensors(file, has_best ? checkpoint.best_parameters : checkpoint.parameters, network.parameter_slots());
    network.restored();
    collapse_products(graph, expanded);
}

}  // namespace eigenbit::internal
