#include "cli/training_options.h"

#include "cli/progress.h"
#include "cli/stop_signal.h"

#include <fmt/format.h>

#include <map>
#include <optional>

namespace eigenbit::cli {
namespace {

std::string percent(double share) { return fmt::format("{:.2f} %", 100.0 * share); }

std::string describe(const TrainingProgress& now) {
    const EpochReport& report = *now.finished;
    std::string text = fmt::format("epoch {}/{}  loss {:.4f}", now.epoch, now.epochs, now.loss);
    if (report.validation && report.validation->top1) {
        text += "  validation " + percent(*report.validation->top1);
    } else if (report.validation) {
        text += fmt::format("  validation {:.2f} dB", *report.validation->psnr);
    }
    if (report.relative_bits != 1.0) text += fmt::format("  {:.1f} % of the bits", 100.0 * report.relative_bits);
    return text + fmt::format("{}  {:.0f} images/s", report.best ? " (best)" : "", report.images_per_second);
}

/// Shows training as a line of progress and a line for each epoch.
class ShownTraining {
  public:
    explicit ShownTraining(bool quiet) : quiet_(quiet) {}

    void start(const TrainingProgress& now) {
        progress_.emplace(quiet_, "images", now.epochs * now.images_per_epoch, images_until(now));
        if (images_until(now) > 0) {
            progress_->line(fmt::format("resumed after {} epochs and {} images", now.epoch - 1, now.images));
        }
    }
    void show(const TrainingProgress& now) {
        if (now.finished) return progress_->line(describe(now));
        progress_->update(images_until(now), fmt::format("epoch {}/{}  loss {:.4f}", now.epoch, now.epochs, now.loss));
    }

  private:
    static std::int64_t images_until(const TrainingProgress& now) {
        return (now.epoch - 1) * now.images_per_epoch + now.images;
    }

    bool quiet_;
    std::optional<Progress> progress_;
};

std::string checkpoint_file(const TrainingFiles& files, const TrainingOptions& options) {
    return options.checkpoint.empty() ? files.out.string() + ".checkpoint" : options.checkpoint;
}

/// How to go on after training was stopped.
std::string advice(const StoppedTraining& stopped, const TrainingFiles& files, const TrainingOptions& options,
                   const RunOptions& run) {
    const std::string checkpoint = quoted(options.checkpoint);
    return fmt::format(
        "stopped after {} epochs and {} of the next one's {} steps; {} has all of it. To go on:\n  {}{}\n"
        "To have the network as it is by now{}:\n  {} pack {} --out {}",
        stopped.epochs, stopped.steps, stopped.steps_per_epoch, checkpoint, run.command_line,
        options.resume ? "" : " --resume", files.validation.empty() ? "" : ", at its best by --val", run.program,
        checkpoint, quoted(files.out.string()));
}

}  // namespace

void add_training_options(CLI::App& verb, TrainingFiles& files, TrainingOptions& options) {
    verb.add_option("--data", files.data, "Images to train on")->type_name("SPEC")->required();
    verb.add_option("--val", files.validation, "Images to choose the best epoch by (their test split)")
        ->type_name("SPEC");
    verb.add_option("--out", files.out, "Where the network goes")->type_name("FILE")->required();
    verb.add_option("--epochs", options.epochs, "Passes over the data")
        ->type_name("N")
        ->required()
        ->check(CLI::Range(1, 1000000));
    add_defaulted(verb, "--batch", options.batch, "Images a step", "N", CLI::Range(1, 1000000));
    add_defaulted(verb, "--lr", options.learning_rate, "Highest learning rate", "X", above_zero());
    static const std::map<std::string, Schedule> kSchedules{
        {"cosine", Schedule::cosine}, {"step", Schedule::step}, {"constant", Schedule::constant}};
    verb.add_option("--schedule", options.schedule,
                    "cosine to 0; step: a tenth after 1/2 and again after 3/4 of training; constant")
        ->type_name("NAME")
        ->transform(one_of(kSchedules))
        ->default_str("cosine");
    add_defaulted(verb, "--warmup", options.warmup, "Epochs in which the learning rate rises from 0", "N",
                  at_least_zero());
    add_defaulted(verb, "--momentum", options.momentum, "Momentum of SGD", "X", between(0.0, 1.0));
    verb.add_flag("--nesterov", options.nesterov, "Nesterov's momentum");
    add_defaulted(verb, "--weight-decay", options.weight_decay, "Decay of the layers' weights", "X", at_least_zero());
    add_defaulted(verb, "--label-smoothing", options.label_smoothing,
                  "Share of a label that is spread over all classes", "X", between(0.0, 1.0));
    verb.add_flag_callback(
        "--no-augment", [&options] { options.augment = false; },
        "Show every image as it is, neither shifted nor mirrored");
    verb.add_option(
            "--checkpoint", options.checkpoint,
            "File written after every epoch, and when Ctrl-C stops training (OUT.checkpoint); eigenbit pack makes a "
            "network of it, the best by --val so far")
        ->type_name("FILE");
    verb.add_flag(
        "--resume", options.resume,
        "Go on from the checkpoint, if there is one; with other --epochs than before too: from there on the learning "
        "rate is that of a run of so many");
}

std::vector<OutputFile> training_outputs(const TrainingFiles& files, FileFormat format,
                                         const TrainingOptions& options) {
    return {{"--out", files.out, format}, {"--checkpoint", checkpoint_file(files, options), FileFormat::checkpoint}};
}

void complete_training_options(const TrainingFiles& files, std::uint64_t seed, TrainingOptions& options) {
    options.checkpoint = checkpoint_file(files, options);
    options.seed = seed;
}

TrainingResult train_with_progress(Model& model, const Dataset& training, const TrainingFiles& files,
                                   TrainingOptions options, const RunOptions& run) {
    std::optional<Dataset> validation;
    if (!files.validation.empty()) validation = Dataset::open(files.validation, Split::test, model);
    options.validation = validation ? &*validation : nullptr;
    const StopSignal signal;
    ShownTraining shown(run.quiet);
    options.on_start = [&](const TrainingProgress& now) { shown.start(now); };
    options.on_progress = [&](const TrainingProgress& now) { shown.show(now); };
    options.stop = [&] { return signal.received() != 0; };
    TrainingResult result = train(model, training, options);
    if (result.stopped) throw Stopped(signal.received(), advice(*result.stopped, files, options, run));
    return result;
}

Results report_training(const TrainingResult& result, int epochs) {
    Results results{
        {"epochs", epochs}, {"best_epoch", result.best_epoch}, {"images_per_second", result.images_per_second}};
    if (result.validation) {
        add_evaluation(*result.validation, results);
        fmt::print("{}  (epoch {} of {})\n", to_string(*result.validation), result.best_epoch, epochs);
    }
    return results;
}

}  // namespace eigenbit::cli
