#include "cli/evaluation_results.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "datasets/data_spec.h"
#include "engine/error.h"
#include "engine/formats/onnx.h"
#include "engine/zoo/zoo.h"
#include "train/trainer.h"

#include <fmt/ranges.h>

#include <map>
#include <memory>

namespace eigenbit {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit train --model resnet8 --data fashion --val fashion --epochs 10 --out fashion.onnx
  eigenbit train --model resnet20 --data cifar10:cifar-10-batches-bin --val cifar10:cifar-10-batches-bin \
                 --epochs 160 --warmup 5 --out resnet20.onnx
  eigenbit train … --resume        goes on where a run was stopped, to the same weights)";

struct TrainOptions {
    std::string network;
    std::string data;
    std::string validation;
    std::filesystem::path out;
    TrainingOptions training;
};

void check_folder(const std::filesystem::path& file, std::string_view flag) {
    const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
    if (!std::filesystem::is_directory(folder)) {
        fail("{} is '{}', but there is no folder '{}'.", flag, file.string(), folder.string());
    }
}

/// He et al. 2015 divide the learning rate after a half and three quarters of training.
std::vector<double> usual_milestones(int epochs) { return {0.5 * epochs, 0.75 * epochs}; }

std::string percent(double share) { return fmt::format("{:.2f} %", 100.0 * share); }

std::string describe(const EpochReport& report, int epochs) {
    std::string text = fmt::format("epoch {}/{}  loss {:.4f}", report.epoch, epochs, report.loss);
    if (report.validation && report.validation->classification) {
        text += "  validation " + percent(report.validation->classification->top1);
    } else if (report.validation) {
        text += fmt::format("  validation {:.2f} dB", report.validation->restoration->psnr);
    }
    return text + fmt::format("{}  {:.0f} images/s", report.best ? " (best)" : "", report.images_per_second);
}

/// Connects training with what people see of it.
class TrainingProgress {
  public:
    TrainingProgress(bool quiet, int epochs) : quiet_(quiet), epochs_(epochs) {}

    TrainingObserver observer() {
        return {.start = [this](int epochs, std::int64_t images_per_epoch) { start(epochs, images_per_epoch); },
                .step = [this](int epoch, std::int64_t images, double loss) { step(epoch, images, loss); },
                .epoch = [this](const EpochReport& report) { progress_->line(describe(report, epochs_)); }};
    }

  private:
    void start(int epochs_done, std::int64_t images_per_epoch) {
        images_per_epoch_ = images_per_epoch;
        progress_.emplace(quiet_, "images", epochs_ * images_per_epoch, epochs_done * images_per_epoch);
        if (epochs_done > 0) progress_->line(fmt::format("resumed after epoch {}", epochs_done));
    }
    void step(int epoch, std::int64_t images, double loss) {
        progress_->update((epoch - 1) * images_per_epoch_ + images,
                          fmt::format("epoch {}/{}  loss {:.4f}", epoch, epochs_, loss));
    }

    bool quiet_;
    int epochs_;
    std::int64_t images_per_epoch_ = 0;
    std::optional<Progress> progress_;
};

Results train_network(TrainOptions options, const RunOptions& run) {
    check_folder(options.out, "--out");
    TrainingOptions& training_options = options.training;
    if (training_options.checkpoint.empty()) training_options.checkpoint = options.out.string() + ".checkpoint";
    check_folder(training_options.checkpoint, "--checkpoint");
    training_options.seed = run.seed;
    training_options.schedule.epochs = training_options.epochs;
    training_options.schedule.milestones = usual_milestones(training_options.epochs);

    const Dataset training = open_dataset(options.data, DataSplit::train);
    if (training.restoration)
        fail("--data is {}: {} tells classes apart, it cannot restore images.", options.data, options.network);
    std::optional<Dataset> validation;
    if (!options.validation.empty()) {
        validation = open_dataset(options.validation, DataSplit::test, &training.preprocessing);
    }
    const Preprocessing& preprocessing = training.preprocessing;
    const Shape image{preprocessing.height, preprocessing.width, preprocessing.channels};
    Model model{build_network(options.network, image, training.class_count, run.seed), preprocessing, training.classes};

    TrainingProgress progress(run.quiet, training_options.epochs);
    const TrainingResult result =
        train(model.graph, training, validation ? &*validation : nullptr, training_options, progress.observer());
    write_onnx(model, options.out);

    Results results{{"epochs", training_options.epochs},
                    {"best_epoch", result.best_epoch},
                    {"parameters", model.graph.parameter_elements()},
                    {"images_per_second", result.images_per_second},
                    {"file_bytes", std::filesystem::file_size(options.out)}};
    if (result.validation) {
        add_evaluation(*result.validation, results);
        fmt::print("{}  (epoch {} of {})\n", to_string(*result.validation), result.best_epoch, training_options.epochs);
    }
    fmt::print("{} written, {} parameters\n", options.out.string(), model.graph.parameter_elements());
    return results;
}

}  // namespace

Verb train_verb(CLI::App& command) {
    const auto options = std::make_shared<TrainOptions>();
    TrainingOptions& training = options->training;
    CLI::App* const app = command.add_subcommand("train", "Train a network from scratch and write it as ONNX");
    app->footer(std::string(kExamples));
    app->add_option("--model", options->network, fmt::format("Network: {}", fmt::join(network_names(), ", ")))
        ->type_name("NAME")
        ->required();
    app->add_option("--data", options->data, "Images to train on")->type_name("SPEC")->required();
    app->add_option("--val", options->validation, "Images to choose the best epoch by (their test split)")
        ->type_name("SPEC");
    app->add_option("--out", options->out, "ONNX file to write")->type_name("FILE")->required();
    app->add_option("--epochs", training.epochs, "Passes over the data")
        ->type_name("N")
        ->required()
        ->check(CLI::Range(1, 1000000));
    app->add_option("--batch", training.batch, "Images a step")
        ->type_name("N")
        ->check(CLI::Range(1, 1000000))
        ->capture_default_str();
    app->add_option("--lr", training.schedule.peak, "Highest learning rate")
        ->type_name("X")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    static const std::map<std::string, Schedule::Kind> kSchedules{
        {"cosine", Schedule::Kind::cosine}, {"step", Schedule::Kind::step}, {"constant", Schedule::Kind::constant}};
    app->add_option("--schedule", training.schedule.kind,
                    "cosine to 0; step: a tenth after 1/2 and again after 3/4 of training; constant")
        ->type_name("NAME")
        ->transform(CLI::CheckedTransformer(kSchedules).description(""))
        ->default_str("cosine");
    app->add_option("--warmup", training.schedule.warmup, "Epochs in which the learning rate rises from 0")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app->add_option("--momentum", training.sgd.momentum, "Momentum of SGD")
        ->type_name("X")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    app->add_flag("--nesterov", training.sgd.nesterov, "Nesterov's momentum");
    training.sgd.weight_decay = 1e-4;
    app->add_option("--weight-decay", training.sgd.weight_decay, "Decay of the layers' weights")
        ->type_name("X")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app->add_option("--label-smoothing", training.label_smoothing, "Share of a label that is spread over all classes")
        ->type_name("X")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    app->add_flag_callback(
        "--no-augment", [options] { options->training.augment = false; },
        "Show every image as it is, neither shifted nor mirrored");
    app->add_option("--checkpoint", training.checkpoint, "File written after every epoch (OUT.checkpoint)")
        ->type_name("FILE");
    app->add_flag("--resume", training.resume, "Go on from the checkpoint, if there is one");
    return {app, [options](const RunOptions& run) { return train_network(*options, run); }};
}

}  // namespace eigenbit
