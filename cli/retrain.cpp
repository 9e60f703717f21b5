#include "cli/model_file.h"
#include "cli/number_range.h"
#include "cli/training_options.h"
#include "cli/verbs.h"
#include "datasets/data_spec.h"
#include "engine/error.h"
#include "engine/formats/ebit.h"
#include "train/latent_indices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

namespace eigenbit {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit retrain small.ebit --data cifar10:cifar-10-batches-bin --val cifar10:cifar-10-batches-bin \
                   --epochs 3 --out better.ebit
  eigenbit retrain small.ebit --data cifar10:cifar-10-batches-bin --teacher float.onnx --step-rate 0.02 \
                   --rate 1 --epochs 30 --out smaller.ebit
  eigenbit retrain dncnn.ebit --data "denoise:train?sigma=25&crops=16" --batch 16 --epochs 3 --out better.ebit)";

struct RetrainOptions {
    ModelOptions model;
    TrainingFiles files;
    TrainingOptions training;
    std::filesystem::path teacher;
    double rate = 0.0;  ///< bits a weight; 0 for those that the network has
};

constexpr double kRateTolerance = 1.01;
constexpr std::string_view kWeightsNote = "compression.weights";

double noted(const Model& model, std::string_view note) {
    const auto found = model.metadata.find(std::string(note));
    return found == model.metadata.end() ? 0.0 : std::strtod(found->second.c_str(), nullptr);
}

double counted_bits(const SizeLedger& sizes) { return 8.0 * static_cast<double>(sizes.weight_bytes()); }

/// The share of their bits that indices keep at the rate that is asked for. Side information keeps all of its bits.
double share_of_bits(const RetrainOptions& options, const ModelFile& file) {
    if (options.rate == 0.0) return 1.0;
    const std::string path = options.model.path.string();
    if (*file.storage == IndexStorage::fixed) {
        fail("--rate is given, but '{}' has indices of fixed depths, whose bits training does not change.", path);
    }
    const double weights = noted(file.model, kWeightsNote);
    if (weights == 0.0) fail("--rate is given, but '{}' does not say how many weights it had.", path);
    const double now = counted_bits(file.sizes);
    if (options.rate > now / weights) {
        fail("--rate is {}, but '{}' has {:.3f} bits a weight: training can lower the rate, not raise it.",
             options.rate, path, now / weights);
    }
    const auto of_indices = static_cast<double>(coded_index_bits(file.model.graph));
    const double share = 1.0 - (now - options.rate * weights) / of_indices;
    if (share <= 0.0) {
        fail("--rate is {}, but the side information of '{}' alone takes {:.3f} bits a weight.", options.rate, path,
             (now - of_indices) / weights);
    }
    return share;
}

/// Whether the weights of a model are quantized, all or some.
bool is_quantized(const Graph& graph) {
    return std::ranges::any_of(graph.parameters(), [](const auto& entry) { return !entry.second.is_float(); });
}

/// Writes the network and lets its note tell the rate that it now has, which is returned; 0 where there is no such
/// note.
double write_retrained(Model& model, IndexStorage storage, const std::filesystem::path& path) {
    double rate = 0.0;
    if (const double weights = noted(model, kWeightsNote); weights > 0.0) {
        rate = counted_bits(encode_ebit(model, storage).sizes) / weights;
        model.metadata["compression.rate_bits_per_weight"] = fmt::format("{:.6g}", rate);
    }
    write_ebit(model, path, storage);
    return rate;
}

Results retrain_network(RetrainOptions options, const RunOptions& run) {
    complete_training_options(options.files, run.seed, options.training);
    ModelFile file = load_model_file(options.model);
    Model& model = file.model;
    if (!is_quantized(model.graph)) {
        fail("'{}' is not compressed: there are no quantizers to train through.", options.model.path.string());
    }
    options.training.quantized.holds_bits = *file.storage == IndexStorage::entropy;
    options.training.bits_share = share_of_bits(options, file);
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
    const double rate = write_retrained(model, *file.storage, options.files.out);
    const auto bytes = std::filesystem::file_size(options.files.out);
    results["file_bytes"] = bytes;
    fmt::print("{} written, {} bytes", options.files.out.string(), bytes);
    if (rate > 0.0) {
        results["rate_bits_per_weight"] = rate;
        results["compression_ratio"] = 32.0 / rate;
        fmt::print(", {:.3f} bits a weight", rate);
    }
    fmt::print("\n");
    if (options.rate > 0.0 && rate > kRateTolerance * options.rate) {
        fail("'{}' has {:.3f} bits a weight instead of {}: train for more epochs, or with a larger --index-rate.",
             options.files.out.string(), rate, options.rate);
    }
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
    training.sgd.weight_decay = 1e-4;
    add_training_options(*app, options->files, training);
    app->add_option("--index-rate", training.quantized.index_rate,
                    "How far a step of training pushes the mean quantized weight at 1 bit, in steps of its quantizer; "
                    "a quarter for every bit more")
        ->type_name("X")
        ->check(at_least_zero())
        ->capture_default_str();
    app->add_option("--step-rate", training.quantized.step_rate,
                    "How far it pushes the mean quantizer's step, in eighths of octaves; with 0 they stay")
        ->type_name("X")
        ->check(at_least_zero())
        ->capture_default_str();
    app->add_option("--rate", options->rate,
                    "Bits a weight to come down to by the middle of training; those of MODEL without")
        ->type_name("BITS")
        ->check(between(0.05, 16.0));
    CLI::Option* const teacher =
        app->add_option("--teacher", options->teacher,
                        "ONNX or .ebit file of the network to imitate; labels then count as --label-share says")
            ->type_name("FILE");
    app->add_option("--label-share", training.distillation.label_share,
                    "Share of labels or true images in the loss beside a teacher")
        ->type_name("X")
        ->check(between(0.0, 1.0))
        ->needs(teacher)
        ->capture_default_str();
    app->add_option("--temperature", training.distillation.temperature, "By which the teacher's scores are softened")
        ->type_name("T")
        ->check(between(0.1, 100.0))
        ->needs(teacher)
        ->capture_default_str();
    return {app, [options](const RunOptions& run) { return retrain_network(*options, run); }};
}

}  // namespace eigenbit
