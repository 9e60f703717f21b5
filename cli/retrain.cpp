#include "cli/model_file.h"
#include "cli/training_options.h"
#include "cli/verbs.h"
#include "datasets/data_spec.h"
#include "engine/formats/ebit.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

namespace eigenbit {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit retrain small.ebit --data cifar10:cifar-10-batches-bin --val cifar10:cifar-10-batches-bin \
                   --epochs 3 --out better.ebit
  eigenbit retrain dncnn.ebit --data "denoise:train?sigma=25" --epochs 3 --out better.ebit)";

struct RetrainOptions {
    ModelOptions model;
    TrainingFiles files;
    TrainingOptions training;
    std::filesystem::path teacher;
};

Results retrain_network(RetrainOptions options, const RunOptions& run) {
    complete_training_options(options.files, run.seed, options.training);
    Model model = load_model(options.model);
    const Preprocessing* const preprocessing = model.preprocessing ? &*model.preprocessing : nullptr;
    const Dataset training = open_dataset(options.files.data, DataSplit::train, preprocessing);
    describe_by_data(model, training);
    std::optional<Dataset> validation;
    if (!options.files.validation.empty()) {
        validation = open_dataset(options.files.validation, DataSplit::test, &*model.preprocessing);
    }
    std::optional<Model> teacher;
    if (!options.teacher.empty()) {
        teacher = load_model({.path = options.teacher, .residual = options.model.residual});
        options.training.distillation.teacher = &teacher->graph;
    }
    Results results = train_with_progress(model.graph, training, validation, options.training, run.quiet);
    write_ebit(model, options.files.out, IndexStorage::entropy);
    results["file_bytes"] = std::filesystem::file_size(options.files.out);
    fmt::print("{} written, {} bytes\n", options.files.out.string(), std::filesystem::file_size(options.files.out));
    return results;
}

}  // namespace

Verb retrain_verb(CLI::App& command) {
    const auto options = std::make_shared<RetrainOptions>();
    TrainingOptions& training = options->training;
    CLI::App* const app =
        command.add_subcommand("retrain", "Train a compressed network on, through its quantizers, at the same rate");
    app->footer(std::string(kExamples));
    add_model_options(*app, options->model);
    training.schedule.peak = 0.01;
    training.index_rate = 100.0;
    training.sgd.weight_decay = 1e-4;
    add_training_options(*app, options->files, training);
    app->add_option("--index-rate", training.index_rate,
                    "Learning rate of quantized weights, in units of their steps, over --lr")
        ->type_name("X")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app->add_option("--teacher", options->teacher,
                    "ONNX or .ebit file of the network to imitate; labels are then not used")
        ->type_name("FILE");
    app->add_option("--temperature", training.distillation.temperature, "By which the teacher's scores are softened")
        ->type_name("T")
        ->check(CLI::Range(0.1, 100.0))
        ->capture_default_str();
    return {app, [options](const RunOptions& run) { return retrain_network(*options, run); }};
}

}  // namespace eigenbit
