#include "cli/verbs.h"

#include <fmt/ranges.h>

#include <filesystem>
#include <memory>

namespace eigenbit::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit new resnet18 --out resnet18.onnx           random weights: for timing, or to be trained elsewhere
  eigenbit new resnet20 --size 32 --classes 10 --seed 7 --out resnet20.onnx
  eigenbit new resnet18 --weights resnet18.safetensors --out resnet18.onnx      weights as torchvision names them)";

struct NewOptions {
    std::string network;
    std::int64_t size = 224;
    std::int64_t channels = 3;
    std::int64_t classes = 1000;
    std::filesystem::path weights;
    std::filesystem::path out;
};

Results write_new_network(const NewOptions& options, const RunOptions& run) {
    Model model =
        Model::zoo(options.network, {options.size, options.size, options.channels}, options.classes, run.seed);
    Results results;
    take_weights(model, options.weights, results);
    model.save(options.out);
    const std::int64_t parameters = model.parameter_count();
    fmt::print("{} written, {} parameters\n", options.out.string(), parameters);
    results["parameters"] = parameters;
    results["file_bytes"] = std::filesystem::file_size(options.out);
    return results;
}

}  // namespace

Verb new_verb(CLI::App& command) {
    const auto options = std::make_shared<NewOptions>();
    CLI::App* const app =
        add_verb(command, "new", "Write a network with random weights, or those of a file, as ONNX", kExamples);
    app->add_option("NETWORK", options->network, fmt::format("Network: {}", fmt::join(Model::zoo_names(), ", ")))
        ->required();
    const CLI::Range positive(std::int64_t{1}, std::int64_t{1} << 20);
    add_defaulted(*app, "--size", options->size, "Pixels of each side of its images", "N", positive);
    add_defaulted(*app, "--channels", options->channels, "Channels of its images", "N", positive);
    add_defaulted(*app, "--classes", options->classes, "Classes it tells apart", "N", positive);
    add_weights_option(*app, options->weights);
    app->add_option("--out", options->out, "ONNX file to write")->type_name("FILE")->required();
    const auto files = [options] {
        return Files{.inputs = {options->weights}, .outputs = {{"--out", options->out, FileFormat::onnx}}};
    };
    return {app, files,
            [options](const RunOptions& run, Results& results) { results = write_new_network(*options, run); }};
}

}  // namespace eigenbit::cli
