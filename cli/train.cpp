#include "cli/fail.h"
#include "cli/training_options.h"
#include "cli/verbs.h"

#include <fmt/ranges.h>

#include <memory>

namespace eigenbit::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit train --model resnet8 --data fashion --val fashion --epochs 10 --out fashion.onnx
  eigenbit train --model resnet20 --data cifar10:cifar-10-batches-bin --val cifar10:cifar-10-batches-bin \
                 --epochs 160 --warmup 5 --out resnet20.onnx
  eigenbit train … --resume        goes on where a run was stopped, by Ctrl-C or otherwise, to the same weights
  eigenbit pack resnet20.onnx.checkpoint --out best.onnx        the best network so far)";

struct TrainOptions {
    std::string network;
    TrainingFiles files;
    TrainingOptions training;
};

Results train_network(TrainOptions options, const RunOptions& run) {
    complete_training_options(options.files, run.seed, options.training);
    const Dataset training = Dataset::open(options.files.data);
    if (training.is_restoration()) {
        fail("--data is {}: {} tells classes apart, it cannot restore images.", options.files.data, options.network);
    }
    training.require_labels();
    Model model = Model::zoo(options.network, training.image(), training.class_count(), run.seed);
    model.describe_by(training);
    const TrainingResult result = train_with_progress(model, training, options.files, options.training, run);
    model.save(options.files.out);
    Results results = report_training(result, options.training.epochs);
    fmt::print("{} written, {} parameters\n", options.files.out.string(), model.parameter_count());
    results["parameters"] = model.parameter_count();
    results["file_bytes"] = std::filesystem::file_size(options.files.out);
    return results;
}

}  // namespace

Verb train_verb(CLI::App& command) {
    const auto options = std::make_shared<TrainOptions>();
    CLI::App* const app = add_verb(command, "train", "Train a network from scratch and write it as ONNX", kExamples);
    app->add_option("--model", options->network, fmt::format("Network: {}", fmt::join(Model::zoo_names(), ", ")))
        ->type_name("NAME")
        ->required();
    options->training.learning_rate = 0.1;
    add_training_options(*app, options->files, options->training);
    const auto files = [options] {
        return Files{.outputs = training_outputs(options->files, FileFormat::onnx, options->training)};
    };
    return {app, files, [options](const RunOptions& run, Results& results) { results = train_network(*options, run); }};
}

}  // namespace eigenbit::cli
