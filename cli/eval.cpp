#include "cli/progress.h"
#include "cli/verbs.h"
#include "include/eigenbit/evaluation.hpp"

#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <memory>

namespace eigenbit::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit eval resnet20.onnx --data cifar10:cifar-10-batches-bin
  eigenbit eval packed.ebit --data cifar10:cifar-10-batches-bin --execution int8
  eigenbit eval packed.ebit --data "folder:imagenet/val?preset=imagenet" --limit 1000
  eigenbit eval dncnn.onnx --residual --data "denoise:Set12?sigma=25"
  eigenbit eval imdn.onnx --data superres:Set5,Set5_LR_x2)";

struct EvalOptions {
    ModelSource model;
    std::string data;
    std::int64_t limit = std::numeric_limits<std::int64_t>::max();
    EvaluationOptions evaluation;
};

Results evaluate_model(EvalOptions options, const RunOptions& run) {
    Model model = load(options.model, options.data);
    if (options.evaluation.arithmetic == Arithmetic::int8) {
        print_added_quantizers(add_quantizers(model, Dataset::open(options.data, Split::train, model), run.seed));
    }
    const Dataset data = Dataset::open(options.data, Split::test, model).first(options.limit);
    const auto start = std::chrono::steady_clock::now();
    const Evaluation evaluation = [&] {
        Progress progress(run.quiet, "images", data.size());
        options.evaluation.on_progress = [&](std::int64_t images) { progress.update(images, "evaluating"); };
        return evaluate(model, data, options.evaluation);
    }();
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
    add_execution_option(*app, options->evaluation.arithmetic);
    app->add_option("--data", options->data, "Images to evaluate on (their test split)")->type_name("SPEC")->required();
    app->add_option("--limit", options->limit, "Only the first N images")->type_name("N")->check(above_zero());
    add_defaulted(*app, "--batch", options->evaluation.batch, "Images at a time", "N", CLI::Range(1, 1000000));
    const auto files = [options] { return Files{.inputs = {options->model.path}}; };
    return {app, files,
            [options](const RunOptions& run, Results& results) { results = evaluate_model(*options, run); }};
}

}  // namespace eigenbit::cli
