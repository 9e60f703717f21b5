#include "api/calibration.h"
#include "api/model_file.h"
#include "cli/execution.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "datasets/data_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit eval resnet20.onnx --data cifar10:cifar-10-batches-bin
  eigenbit eval packed.ebit --data cifar10:cifar-10-batches-bin --execution int8
  eigenbit eval packed.ebit --data "folder:imagenet/val?preset=imagenet" --limit 1000
  eigenbit eval dncnn.onnx --residual --data "denoise:Set12?sigma=25"
  eigenbit eval imdn.onnx --data superres:Set5,Set5_LR_x2)";

struct EvalOptions {
    ModelSource model;
    NetworkRunner::Mode execution = NetworkRunner::Mode::simulated;
    std::string data;
    std::int64_t limit = std::numeric_limits<std::int64_t>::max();
    EvaluationOptions evaluation;
};

Evaluation evaluate_with_progress(const Graph& graph, const Dataset& dataset, const EvalOptions& options, bool quiet) {
    Progress progress(quiet, "images", dataset.size);
    EvaluationOptions evaluation = options.evaluation;
    evaluation.progress = [&](std::int64_t images) { progress.update(images, "evaluating"); };
    NetworkRunner network(graph, options.execution);
    return evaluate(network, dataset, evaluation);
}

Results evaluate_model(EvalOptions options, const RunOptions& run) {
    Model model = load_model(options.model, options.data);
    const std::int64_t batch = model.graph.inputs().front().shape[0];
    if (batch != 0) options.evaluation.batch = static_cast<int>(batch);  // that the network's file fixes
    if (options.execution == NetworkRunner::Mode::int8) {
        print_added_quantizers(
            quantize_missing_activations(model, open_images(options.data, DataSplit::train, model), run.seed));
    }
    Dataset dataset = open_dataset(options.data, DataSplit::test, model);
    dataset.size = std::min(dataset.size, options.limit);

    const auto start = std::chrono::steady_clock::now();
    const Evaluation evaluation = evaluate_with_progress(model.graph, dataset, options, run.quiet);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const double rate = static_cast<double>(evaluation.images) / elapsed.count();
    fmt::print("{}, {:.1f} images/s\n", to_string(evaluation), rate);

    Results results;
    add_evaluation(evaluation, results);
    results["images_per_second"] = rate;
    results["file_bytes"] = std::filesystem::file_size(options.model.path);
    return results;
}

}  // namespace

Verb eval_verb(CLI::App& command) {
    const auto options = std::make_shared<EvalOptions>();
    CLI::App* const app = add_verb(command, "eval", "Measure how well a network does on a data set", kExamples);
    add_model_options(*app, options->model);
    add_size_option(*app, options->model);
    add_execution_option(*app, options->execution);
    app->add_option("--data", options->data, "Images to evaluate on (their test split)")->type_name("SPEC")->required();
    app->add_option("--limit", options->limit, "Only the first N images")->type_name("N")->check(above_zero());
    add_defaulted(*app, "--batch", options->evaluation.batch, "Images at a time", "N", CLI::Range(1, 1000000));
    const auto files = [options] { return Files{.inputs = {options->model.path}}; };
    return {app, files,
            [options](const RunOptions& run, Results& results) { results = evaluate_model(*options, run); }};
}

}  // namespace eigenbit::internal
