#include "api/calibration.h"
#include "api/compression.h"
#include "api/compression_report.h"
#include "api/model_file.h"
#include "cli/arrays.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "datasets/data_spec.h"
#include "engine/base/error.h"
#include "engine/base/warning.h"
#include "engine/formats/ebit/ebit.h"
#include "report/report_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <optional>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit compress resnet20.onnx --data cifar10:cifar-10-batches-bin --rate 2 --out resnet20.ebit
  eigenbit compress net.onnx --data folder:photos --max-drop 0.5 --val folder:photos --out net.ebit
  eigenbit compress net.onnx --data fashion --val fashion --rate 8,4,3,2 --transform none,klt,auto --out net.ebit
  eigenbit compress dncnn.onnx --residual --data "denoise:train?sigma=25" --val "denoise:Set12?sigma=25" --rate 3)";

constexpr int kPaperBlocks = 8;

struct CompressOptions {
    ModelSource model;
    std::string data;
    std::string validation;
    std::int64_t limit = 0;
    std::vector<double> rates;
    std::vector<std::string> sizes;  ///< of the file in bytes, and of images as HxW
    std::string size;                ///< of the file
    double max_drop = 0.0;
    double lambda = 0.0;
    std::vector<std::string> transforms{"auto"};
    std::string axis = "auto";
    std::string curves = "hybrid";
    std::string coding = "entropy";
    std::string activation_bits;
    std::int64_t images = 1024;
    bool paper = false;
    bool no_correction = false;
    bool no_feedback = false;
    bool plain_quantizer = false;
    std::optional<int> blocks;
    std::filesystem::path out;
    std::filesystem::path report;
    std::filesystem::path plot;
};

/// "100KB", "1.5MiB" or plain bytes.
std::int64_t parse_bytes(const std::string& text) {
    std::size_t end = 0;
    double value = 0.0;
    try {
        value = std::stod(text, &end);
    } catch (const std::exception&) {
        end = 0;
    }
    const std::string unit = text.substr(end);
    const std::map<std::string, double> units{{"", 1.0},   {"B", 1.0},      {"KB", 1e3},
                                              {"MB", 1e6}, {"KiB", 1024.0}, {"MiB", 1048576.0}};
    const auto found = units.find(unit);
    if (end == 0 || found == units.end() || !(value > 0.0)) {
        fail("--size is '{}', expected a number of bytes such as 100KB or 1.5MiB.", text);
    }
    return static_cast<std::int64_t>(value * found->second);
}

/// "8" for one depth, "auto" for the best of all for each activation; nothing without a text.
std::optional<ActivationDepths> parse_activation_bits(const std::string& text) {
    if (text.empty()) return std::nullopt;
    if (text == "auto") return ActivationDepths{};
    const bool is_number = text.size() <= 2 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    const int depth = is_number ? std::stoi(text) : 0;
    if (depth < 1 || depth > 16) fail("--activation-bits is '{}', expected a depth from 1 to 16, or auto.", text);
    return ActivationDepths{depth, depth};
}

Coding coding_of(const CompressOptions& options) {
    return options.paper || options.coding == "fixed" ? Coding::fixed : Coding::entropy;
}

/// Of all the transforms together: statistics are the same for each.
std::vector<Transform> all_transforms(const CompressOptions& options) {
    std::vector<Transform> result;
    if (options.transforms.size() > 1) result.push_back({});  // for layers that one of the others does not fit
    for (const std::string& name : options.transforms) {
        for (Transform& transform : transforms_named(name, options.axis)) {
            if (std::ranges::find(result, transform) == result.end()) result.push_back(std::move(transform));
        }
    }
    return result;
}

CompressionOptions compression_options(const CompressOptions& options, std::uint64_t seed) {
    CompressionOptions result;
    result.transforms = all_transforms(options);
    result.candidates.coding = coding_of(options);
    result.candidates.dead_zones = !options.paper && !options.plain_quantizer;
    result.candidates.offsets = result.candidates.dead_zones;
    result.correction = !options.paper && !options.no_correction;
    result.error_feedback = !options.paper && !options.no_feedback;
    result.curves = options.curves == "exact"    ? CurveMethod::exact
                    : options.curves == "hybrid" ? CurveMethod::hybrid
                                                 : CurveMethod::second_order;
    result.activations = parse_activation_bits(options.activation_bits);
    result.blocks = options.blocks.value_or(options.paper ? kPaperBlocks : result.blocks);
    result.sampling.seed = seed;
    return result;
}

/// Where a network of several goes: "net.ebit" becomes "net.klt.2bit.ebit".
std::filesystem::path output_file(const CompressOptions& options, const std::string& transform, double rate) {
    if (options.rates.size() < 2 && options.transforms.size() < 2) return options.out;
    std::filesystem::path file = options.out;
    return file.replace_extension(fmt::format(".{}.{:.4g}bit.ebit", transform, rate));
}

void print_header(const CompressionJudge& judge) {
    fmt::print("{:<10} {:>10} {:>9} {:>12}", "transform", "bits/weight", "ratio", "file bytes");
    if (judge.present()) fmt::print("  {}", "quality");
    fmt::print("\n");
}

void print_point(const WrittenPoint& written, const CompressionJudge& judge) {
    const CompressedPoint& point = written.point;
    fmt::print("{:<10} {:>10.3f} {:>8.1f}x {:>12}", point.transform, point.network.bits_per_weight,
               32.0 / point.network.bits_per_weight, std::filesystem::file_size(written.file));
    if (point.network.activation_elements > 0) {
        fmt::print("  activations {:.2f} bits, with weights {:.3f}", point.network.bits_per_activation(),
                   point.network.bits_per_value());
    }
    if (point.quality) fmt::print("  {}  ({:+.2f})", to_string(*point.quality), -judge.drop(*point.quality));
    fmt::print("\n");
    std::fflush(stdout);  // the next one may take minutes
}

Results as_results(const WrittenPoint& written, const CompressionJudge& judge) {
    const CompressedPoint& point = written.point;
    Results result{{"transform", point.transform},
                   {"rate_bits_per_weight", point.network.bits_per_weight},
                   {"compression_ratio", 32.0 / point.network.bits_per_weight},
                   {"lambda", point.network.lambda},
                   {"predicted_distortion", point.network.distortion},
                   {"measured_distortion", point.measured_distortion},
                   {"file", written.file.string()},
                   {"file_bytes", std::filesystem::file_size(written.file)}};
    const CompressedNetwork& network = point.network;
    if (network.activation_elements > 0) {
        result["activation_bits_per_element"] = network.bits_per_activation();
        result["rate_bits_per_value"] = network.bits_per_value();
        for (const LayerSummary& layer : network.layers) {
            result["activation_bit_depths"][layer.name] = layer.activation_depths;
        }
    }
    if (point.quality) {
        add_evaluation(*point.quality, result);
        result["drop"] = judge.drop(*point.quality);
    }
    return result;
}

Compressor compressor_of(const Model& model, const Tensor& images, const CompressOptions& options,
                         const RunOptions& run) {
    CompressionOptions compression = compression_options(options, run.seed);
    Progress progress(run.quiet, "%", 100);
    compression.progress = [&](std::string_view what, double done) {
        progress.update(static_cast<std::int64_t>(100.0 * done), what);
    };
    return Compressor(model.graph, images, compression);
}

CompressionTarget target_of(const CompressOptions& options) {
    return {.rates = options.rates,
            .file_bytes = options.size.empty() ? 0 : parse_bytes(options.size),
            .max_drop = options.max_drop,
            .lambda = options.lambda};
}

std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown processor";
}

/// What the page and the plot show.
CompressionReport describe(std::span<const WrittenPoint> points, const CompressionJudge& judge,
                           const CompressOptions& options, const RunOptions& run) {
    CompressionReport report = make_report(points, judge, options.model.path);
    report.data = fmt::format("{} images of {}", options.images, options.data);
    if (judge.present()) report.data += ", quality on " + options.validation;
    report.machine = fmt::format("{}, {} threads", processor_name(), run.threads);
    report.version = EIGENBIT_VERSION;
    return report;
}

/// What would be found out only after the work is done.
void check_options(const CompressOptions& options) {
    const int targets = static_cast<int>(!options.rates.empty()) + static_cast<int>(!options.size.empty())
                        + static_cast<int>(options.max_drop > 0.0) + static_cast<int>(options.lambda > 0.0);
    if (targets != 1) fail("Give one of --rate, --size, --max-drop and --lambda.");
    if (!options.plot.empty() && options.validation.empty()) fail("--plot needs --val, the data to measure on.");
    if (options.max_drop > 0.0 && options.validation.empty()) fail("--max-drop needs --val, the data to measure on.");
    if (!options.size.empty()) parse_bytes(options.size);
    for (const std::string& transform : options.transforms) transforms_named(transform, options.axis);
    parse_activation_bits(options.activation_bits);
}

Files files_of(const CompressOptions& options) {
    Files files{.inputs = {options.model.path}};
    const std::vector<double> rates = options.rates.empty() ? std::vector{0.0} : options.rates;
    for (const std::string& transform : options.transforms) {
        for (const double rate : rates) {
            files.outputs.push_back({"--out", output_file(options, transform, rate), FileFormat::ebit});
        }
    }
    if (!options.report.empty()) files.outputs.push_back({"--report", options.report, FileFormat::html});
    if (!options.plot.empty()) files.outputs.push_back({"--plot", options.plot, FileFormat::svg});
    return files;
}

/// Tells sizes of images, which have a height and a width, from those of files.
void sort_sizes(CompressOptions& options) {
    for (const std::string& text : options.sizes) {
        const auto image = text.find('x') == std::string::npos ? std::nullopt : parse_image_size(text);
        if (image ? options.model.size.is_given() : !options.size.empty())
            fail("--size is given twice, as {} too.", text);
        image ? void(options.model.size = *image) : void(options.size = text);
    }
}

/// What networks are measured on, if anything.
std::optional<Dataset> validation_of(const CompressOptions& options, const Model& model) {
    if (options.validation.empty()) return std::nullopt;
    Dataset dataset = open_dataset(options.validation, DataSplit::test, model);
    if (options.limit > 0) dataset.size = std::min(dataset.size, options.limit);
    return dataset;
}

/// What the network is compressed for. Where these are images, they describe the model, too.
Tensor examples_of(const CompressOptions& options, std::uint64_t seed, Model& model) {
    if (names_arrays(options.data)) return read_arrays(options.data, model.graph, options.images);
    const Dataset data = open_images(options.data, DataSplit::train, model);
    Tensor images = calibration_images(data, options.images, seed);
    describe_by_data(model, data);
    return images;
}

void compress_network(CompressOptions options, const RunOptions& run, Results& results) {
    sort_sizes(options);
    check_options(options);
    Model model = load_model(options.model, options.data);
    options.validation = spec_of_size(options.validation, model.graph, options.model.size);
    check_free_batch(model.graph);
    const Tensor images = examples_of(options, run.seed, model);
    const CompressionJudge judge(model, validation_of(options, model));

    if (const std::optional<std::string> doubt = judge.doubt()) {
        if (options.max_drop > 0.0) fail("{} --max-drop would go by that.", *doubt);
        warn("{}", *doubt);
    }

    results["images"] = images.shape()[0];
    if (judge.present()) {
        fmt::print("float: {}\n", to_string(judge.float_quality()));
        add_evaluation(judge.float_quality(), results["float"]);
    }
    print_header(judge);
    std::vector<WrittenPoint> points;
    const Compressor compressor = compressor_of(model, images, options, run);
    const LevelStorage storage = storage_of(coding_of(options));
    for (const std::string& transform : options.transforms) {
        const Compressor restricted = compressor.restricted_to(transforms_named(transform, options.axis));
        compress_model(model, restricted, transform, target_of(options), storage, images, judge,
                       [&](CompressedPoint point) {
                           const std::filesystem::path file = output_file(options, transform, point.wanted_rate);
                           const SizeLedger sizes = write_ebit(point.packed, file, storage);
                           point.packed = {};
                           points.push_back({std::move(point), file, sizes});
                           results["networks"].push_back(as_results(points.back(), judge));
                           print_point(points.back(), judge);
                       });
    }
    const CompressionReport report = describe(points, judge, options, run);
    if (!options.report.empty()) write_report(report, options.report);
    if (!options.plot.empty()) write_rate_quality_plot(report, options.plot);
    if (results["networks"].size() == 1) results.update(Results(results["networks"].front()));
}

}  // namespace

Verb compress_verb(CLI::App& command) {
    const auto options = std::make_shared<CompressOptions>();
    CLI::App* const app = add_verb(command, "compress", "Compress a trained network to a few bits a weight", kExamples);
    add_model_options(*app, options->model);
    app->add_option("--data", options->data, "Images to compress with (their training split; no labels)")
        ->type_name("SPEC")
        ->required();
    app->add_option("--val", options->validation, "Images to measure the result on (their test split)")
        ->type_name("SPEC");
    app->add_option("--limit", options->limit, "Only the first N images of --val")->type_name("N")->check(above_zero());
    app->add_option("--rate", options->rates, "Bits a weight; several with commas give several networks")
        ->type_name("BITS")
        ->delimiter(',')
        ->check(between(0.05, 16.0));
    app->add_option("--size", options->sizes,
                    "Largest size of the file, such as 100KB; or, as HxW, height and width of images where the network "
                    "leaves them open")
        ->type_name("BYTES|HxW")
        ->allow_extra_args(false);
    app->add_option("--max-drop", options->max_drop, "Largest loss on --val, in points of top-1 accuracy or dB")
        ->type_name("POINTS")
        ->check(above_zero());
    app->add_option("--lambda", options->lambda, "Trade-off of distortion against bits")->check(above_zero());
    app->add_option("--transform", options->transforms,
                    "none, klt, elt, dct1, dct2, intra-klt, intra-elt (inside kernels), or auto: the cheapest of none, "
                    "klt and elt for each layer; several with commas are compared")
        ->type_name("NAME")
        ->delimiter(',')
        ->capture_default_str();
    app->add_option("--axis", options->axis,
                    "What the KLT and the ELT mix: input channels (row), output channels (column), both, row or column "
                    "for each layer (channels), or with --transform auto the taps inside kernels too (auto)")
        ->check(CLI::IsMember({"row", "column", "both", "channels", "auto"}))
        ->capture_default_str();
    app->add_option("--curves", options->curves, "How distortion is found: predicted from gradients, measured, or both")
        ->check(CLI::IsMember({"exact", "second-order", "hybrid"}))
        ->capture_default_str();
    app->add_option("--coding", options->coding, "How levels are stored")
        ->check(CLI::IsMember({"entropy", "fixed"}))
        ->capture_default_str();
    app->add_option("--activation-bits", options->activation_bits,
                    "Depth of the activations that layers read or add, 1 to 16, or auto: each by the trade-off of the "
                    "weights; float without")
        ->type_name("BITS");
    add_defaulted(*app, "--images", options->images, "Images to compress with", "N", above_zero());
    app->add_option("--blocks", options->blocks,
                    fmt::format("Parts of a layer that have a depth and step of their own ({}; with --paper {})",
                                CompressionOptions{}.blocks, kPaperBlocks))
        ->type_name("N")
        ->check(CLI::Range(1, 1024));
    app->add_flag("--no-correction", options->no_correction, "Leave biases and normalisation statistics as they are");
    app->add_flag("--no-feedback", options->no_feedback, "Round every weight for itself");
    app->add_flag("--plain-quantizer", options->plain_quantizer,
                  "Neither dead zones nor levels beside the multiples of a step");
    app->add_flag("--paper", options->paper,
                  "Just what Young et al. (TPAMI 2021) do: fixed depths, plain rounding, no correction");
    app->add_option("--report", options->report, "Also write a page that shows the curves, layers and sizes")
        ->type_name("FILE.html");
    app->add_option("--plot", options->plot, "Also write the plot of rate against quality (needs --val)")
        ->type_name("FILE.svg");
    app->add_option("--out", options->out, "Where the network goes")->type_name("FILE.ebit")->required();
    return {app, [options] { return files_of(*options); },
            [options](const RunOptions& run, Results& results) { compress_network(*options, run, results); }};
}

}  // namespace eigenbit::internal
