#include "cli/fail.h"
#include "cli/training_options.h"
#include "cli/verbs.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

namespace eigenbit::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit retrain small.ebit --data cifar10:cifar-10-batches-bin --val cifar10:cifar-10-batches-bin \
                   --epochs 3 --out better.ebit
  eigenbit retrain small.ebit --data cifar10:cifar-10-batches-bin --teacher float.onnx --step-rate 0.02 \
                   --rate 1 --epochs 30 --out smaller.ebit
  eigenbit retrain dncnn.ebit --data "denoise:train?sigma=25&crops=16" --batch 16 --epochs 3 --out better.ebit)";

struct RetrainOptions {
    ModelSource model;
    TrainingFiles files;
    TrainingOptions training;
    std::filesystem::path teacher;
};

constexpr double kRateTolerance = 1.01;

Results retrain_network(RetrainOptions options, const RunOptions& run) {
    complete_training_options(options.files, run.seed, options.training);
    Model model = load(options.model);
    if (!model.is_compressed()) {
        fail("'{}' is not compressed: there are no quantizers to train through.", options.model.path.string());
    }
    const Dataset training = Dataset::open(options.files.data, Split::train, model);
    model.describe_by(training);
    std::optional<Model> teacher;
    if (!options.teacher.empty()) {
        teacher =
            Model::load(options.teacher, {.residual = options.model.how.residual, .size = options.model.how.size});
        if (!teacher->classes().empty() && !model.classes().empty() && teacher->classes() != model.classes()) {
            fail("'{}' and '{}' know other classes, or in another order.", options.teacher.string(),
                 options.model.path.string());
        }
        options.training.teacher = &*teacher;
    }
    const TrainingResult result = train_with_progress(model, training, options.files, options.training, run);
    const double rate = model.bits_per_weight();
    model.save(options.files.out);
    Results results = report_training(result, options.training.epochs);
    const auto bytes = std::filesystem::file_size(options.files.out);
    results["file_bytes"] = bytes;
    fmt::print("{} written, {} bytes", options.files.out.string(), bytes);
    if (rate > 0.0) {
        results["rate_bits_per_weight"] = rate;
        results["compression_ratio"] = 32.0 / rate;
        fmt::print(", {:.3f} bits a weight", rate);
    }
    fmt::print("\n");
    if (options.training.rate > 0.0 && rate > kRateTolerance * options.training.rate) {
        fail("'{}' has {:.3f} bits a weight instead of {}: train for more epochs, or with a larger --index-rate.",
             options.files.out.string(), rate, options.training.rate);
    }
    return results;
}

}  // namespace

Verb retrain_verb(CLI::App& command) {
    const auto options = std::make_shared<RetrainOptions>();
    TrainingOptions& training = options->training;
    CLI::App* const app = add_verb(
        command, "retrain", "Train a compressed network on, through its quantizers, at the same rate", kExamples);
    add_model_options(*app, options->model);
    add_size_option(*app, options->model);
    training.learning_rate = 0.01;
    add_training_options(*app, options->files, training);
    add_defaulted(*app, "--index-rate", training.level_rate,
                  "How far a step of training pushes the mean quantized weight at 1 bit, in steps of its quantizer; "
                  "a quarter for every bit more",
                  "X", at_least_zero());
    add_defaulted(*app, "--step-rate", training.step_rate,
                  "How far it pushes the mean quantizer's step, in eighths of octaves; with 0 they stay", "X",
                  at_least_zero());
    app->add_option("--rate", training.rate,
                    "Bits a weight to come down to by the middle of training; those of MODEL without")
        ->type_name("BITS")
        ->check(between(0.05, 16.0));
    CLI::Option* const teacher =
        app->add_option("--teacher", options->teacher,
                        "ONNX or .ebit file of the network to imitate; labels then count as --label-share says")
            ->type_name("FILE");
    add_defaulted(*app, "--label-share", training.label_share,
                  "Share of labels or true images in the loss beside a teacher", "X", between(0.0, 1.0))
        ->needs(teacher);
    add_defaulted(*app, "--temperature", training.temperature, "By which the teacher's scores are softened", "T",
                  between(0.1, 100.0))
        ->needs(teacher);
    const auto files = [options] {
        return Files{.inputs = {options->model.path, options->teacher},
                     .outputs = training_outputs(options->files, FileFormat::ebit, options->training)};
    };
    return {app, files,
            [options](const RunOptions& run, Results& results) { results = retrain_network(*options, run); }};
}

}  // namespace eigenbit::cli
