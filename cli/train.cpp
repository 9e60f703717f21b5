#include "cli/training_options.h"
#include "cli/verbs.h"
#include "datasets/classes.h"
#include "datasets/data_spec.h"
#include "engine/base/error.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/zoo/zoo.h"

#include <fmt/ranges.h>

#include <memory>
#include <optional>

namespace eigenbit::internal {
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
    const Dataset training = open_dataset(options.files.data, DataSplit::train);
    if (training.restoration) {
        fail("--data is {}: {} tells classes apart, it cannot restore images.", options.files.data, options.network);
    }
    require_labels(training);
    const Preprocessing& preprocessing = training.preprocessing;
    const Shape image{preprocessing.height, preprocessing.width, preprocessing.channels};
    Model model{build_network(options.network, image, training.class_count, run.seed), preprocessing, training.classes};
    std::optional<Dataset> validation;
    if (!options.files.validation.empty()) {
        validation = open_dataset(options.files.validation, DataSplit::test, model);
    }
    const TrainingResult result =
        train_with_progress(model, LevelStorage::entropy, training, validation, options.files, options.training, run);
    write_onnx(model, options.files.out);
    Results results = report_training(result, options.training.epochs);
    fmt::print("{} written, {} parameters\n", options.files.out.string(), model.graph.parameter_elements());
    results["parameters"] = model.graph.parameter_elements();
    results["file_bytes"] = std::filesystem::file_size(options.files.out);
    return results;
}

}  // namespace

Verb train_verb(CLI::App& command) {
    const auto options = std::make_shared<TrainOptions>();
    CLI::App* const app = add_verb(command, "train", "Train a network from scratch and write it as ONNX", kExamples);
    app->add_option("--model", options->network, fmt::format("Network: {}", fmt::join(network_names(), ", ")))
        ->type_name("NAME")
        ->required();
    options->training.sgd.weight_decay = 1e-4;
    add_training_options(*app, options->files, options->training);
    const auto files = [options] {
        return Files{.outputs = training_outputs(options->files, FileFormat::onnx, options->training)};
    };
    return {app, files, [options](const RunOptions& run, Results& results) { results = train_network(*options, run); }};
}

}  // namespace eigenbit::internal
