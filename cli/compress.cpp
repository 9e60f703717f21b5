#include "cli/fail.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "include/eigenbit/benchmark.hpp"
#include "include/eigenbit/compression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

namespace eigenbit::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit compress resnet20.onnx --data cifar10:cifar-10-batches-bin --rate 2 --out resnet20.ebit
  eigenbit compress net.onnx --data folder:photos --max-drop 0.5 --val folder:photos --out net.ebit
  eigenbit compress net.onnx --data fashion --val fashion --rate 8,4,3,2 --transform none,klt,auto --out net.ebit
  eigenbit compress dncnn.onnx --residual --data "denoise:train?sigma=25" --val "denoise:Set12?sigma=25" --rate 3)";

constexpr int kPaperBlocks = 8;

const std::map<std::string, DistortionCurves> kCurves{{"exact", DistortionCurves::exact},
                                                      {"second-order", DistortionCurves::second_order},
                                                      {"hybrid", DistortionCurves::hybrid}};

struct CompressOptions {
    ModelSource model;
    std::string data;
    std::string validation;
    std::int64_t limit = 0;
    std::vector<double> rates;
    std::vector<std::string> sizes;  ///< of the file in bytes, and of images as HxW
    std::string size;                ///< of the file
    std::vector<std::string> transforms{"auto"};
    std::string coding = "entropy";
    std::string activation_bits;
    bool paper = false;
    bool no_correction = false;
    bool no_feedback = false;
    std::optional<int> blocks;
    CompressionOptions how{};
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

/// "8" for one depth, "auto" for the best of all for each activation; 0, floats, without a text.
int parse_activation_bits(const std::string& text) {
    if (text.empty()) return 0;
    if (text == "auto") return kAutomaticBits;
    const bool is_number = text.size() <= 2 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    const int depth = is_number ? std::stoi(text) : 0;
    if (depth < 1 || depth > 16) fail("--activation-bits is '{}', expected a depth from 1 to 16, or auto.", text);
    return depth;
}

/// `validation` may be null.
CompressionOptions compression_options(const CompressOptions& options, const Dataset* validation, std::uint64_t seed) {
    CompressionOptions how = options.how;
    how.file_bytes = options.size.empty() ? 0 : parse_bytes(options.size);
    how.validation = validation;
    how.entropy_coding = !options.paper && options.coding == "entropy";
    how.plain_quantizer = options.paper || how.plain_quantizer;
    how.correction = !options.paper && !options.no_correction;
    how.error_feedback = !options.paper && !options.no_feedback;
    how.activation_bits = parse_activation_bits(options.activation_bits);
    how.blocks = options.blocks.value_or(options.paper ? kPaperBlocks : how.blocks);
    how.seed = seed;
    return how;
}

/// Where a network of several goes: "net.ebit" becomes "net.klt.2bit.ebit".
std::filesystem::path output_file(const CompressOptions& options, const std::string& transform, double rate) {
    if (options.rates.size() < 2 && options.transforms.size() < 2) return options.out;
    std::filesystem::path file = options.out;
    return file.replace_extension(fmt::format(".{}.{:.4g}bit.ebit", transform, rate));
}

void print_header(bool is_measured) {
    fmt::print("{:<10} {:>10} {:>9} {:>12}", "transform", "bits/weight", "ratio", "file bytes");
    if (is_measured) fmt::print("  {}", "quality");
    fmt::print("\n");
}

void print_network(const CompressedNetwork& network, const std::filesystem::path& file) {
    fmt::print("{:<10} {:>10.3f} {:>8.1f}x {:>12}", network.transform, network.bits_per_weight,
               32.0 / network.bits_per_weight, std::filesystem::file_size(file));
    if (network.bits_per_activation) {
        fmt::print("  activations {:.2f} bits, with weights {:.3f}", *network.bits_per_activation,
                   *network.bits_per_value);
    }
    if (network.quality) fmt::print("  {}  ({:+.2f})", to_string(*network.quality), -network.drop);
    fmt::print("\n");
    std::fflush(stdout);  // the next one may take minutes
}

Results as_results(const CompressedNetwork& network, const std::filesystem::path& file) {
    Results result{{"transform", network.transform},
                   {"rate_bits_per_weight", network.bits_per_weight},
                   {"compression_ratio", 32.0 / network.bits_per_weight},
                   {"lambda", network.lambda},
                   {"predicted_distortion", network.predicted_distortion},
                   {"measured_distortion", network.measured_distortion},
                   {"file", file.string()},
                   {"file_bytes", std::filesystem::file_size(file)}};
    if (network.bits_per_activation) {
        result["activation_bits_per_element"] = *network.bits_per_activation;
        result["rate_bits_per_value"] = *network.bits_per_value;
        for (const CompressedLayer& layer : network.layers) {
            result["activation_bit_depths"][layer.name] = layer.activation_bits;
        }
    }
    if (network.quality) {
        add_evaluation(*network.quality, result);
        result["drop"] = network.drop;
    }
    return result;
}

/// What the page and the plot say of where they come from.
ReportNotes notes_of(const CompressOptions& options, const RunOptions& run) {
    ReportNotes notes{.model = options.model.path.filename().string(),
                      .float_bytes = static_cast<std::int64_t>(std::filesystem::file_size(options.model.path)),
                      .data = fmt::format("{} images of {}", options.how.images, options.data),
                      .machine = fmt::format("{}, {} threads", processor_name(), run.threads),
                      .version = EIGENBIT_VERSION};
    if (!options.validation.empty()) notes.data += ", quality on " + options.validation;
    return notes;
}

/// What would be found out only after the work is done.
void check_options(const CompressOptions& options) {
    const int targets = static_cast<int>(!options.rates.empty()) + static_cast<int>(!options.size.empty())
                        + static_cast<int>(options.how.max_drop > 0.0) + static_cast<int>(options.how.lambda > 0.0);
    if (targets != 1) fail("Give one of --rate, --size, --max-drop and --lambda.");
    if (!options.plot.empty() && options.validation.empty()) fail("--plot needs --val, the data to measure on.");
    if (options.how.max_drop > 0.0 && options.validation.empty())
        fail("--max-drop needs --val, the data to measure on.");
    if (!options.size.empty()) parse_bytes(options.size);
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
        if (image ? options.model.how.size.is_given() : !options.size.empty())
            fail("--size is given twice, as {} too.", text);
        image ? void(options.model.how.size = *image) : void(options.size = text);
    }
}

/// What networks are measured on, if anything.
std::optional<Dataset> validation_of(const CompressOptions& options, const Model& model) {
    if (options.validation.empty()) return std::nullopt;
    const Dataset dataset = Dataset::open(options.validation, Split::test, model);
    return options.limit > 0 ? dataset.first(options.limit) : dataset;
}

void compress_network(CompressOptions options, const RunOptions& run, Results& results) {
    sort_sizes(options);
    check_options(options);
    Model model = load(options.model, options.data);
    const Dataset data = Dataset::open(options.data, Split::train, model);
    model.describe_by(data);
    const std::optional<Dataset> validation = validation_of(options, model);
    CompressionOptions how = compression_options(options, validation ? &*validation : nullptr, run.seed);
    std::optional<Progress> progress;
    how.on_progress = [&](std::string_view what, double done) {
        if (progress) progress->update(static_cast<std::int64_t>(100.0 * done), what);
    };
    Compressor compressor(model, data, options.transforms, how);
    results["images"] = compressor.images();
    if (const std::optional<Evaluation> quality = compressor.float_quality()) {
        fmt::print("float: {}\n", to_string(*quality));
        add_evaluation(*quality, results["float"]);
    }
    print_header(validation.has_value());
    progress.emplace(run.quiet, "%", 100);
    compressor.compress(options.rates, [&](const CompressedNetwork& network) {
        progress.reset();
        const std::filesystem::path file = output_file(options, network.transform, network.rate);
        network.model.save(file);
        results["networks"].push_back(as_results(network, file));
        print_network(network, file);
    });
    if (!options.report.empty()) compressor.write_report(options.report, notes_of(options, run));
    if (!options.plot.empty()) compressor.write_plot(options.plot, notes_of(options, run));
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
    app->add_option("--max-drop", options->how.max_drop, "Largest loss on --val, in points of top-1 accuracy or dB")
        ->type_name("POINTS")
        ->check(above_zero());
    app->add_option("--lambda", options->how.lambda, "Trade-off of distortion against bits")->check(above_zero());
    app->add_option("--transform", options->transforms,
                    "none, klt, elt, dct1, dct2, intra-klt, intra-elt (inside kernels), or auto: the cheapest of none, "
                    "klt and elt for each layer; several with commas are compared")
        ->type_name("NAME")
        ->delimiter(',')
        ->capture_default_str();
    app->add_option("--axis", options->how.axis,
                    "What the KLT and the ELT mix: input channels (row), output channels (column), both, row or column "
                    "for each layer (channels), or with --transform auto the taps inside kernels too (auto)")
        ->check(CLI::IsMember({"row", "column", "both", "channels", "auto"}))
        ->capture_default_str();
    app->add_option("--curves", options->how.curves,
                    "How distortion is found: predicted from gradients, measured, or both")
        ->type_name("TEXT")
        ->transform(one_of(kCurves))
        ->default_str("hybrid");
    app->add_option("--coding", options->coding, "How levels are stored")
        ->check(CLI::IsMember({"entropy", "fixed"}))
        ->capture_default_str();
    app->add_option(
           "--activation-bits", options->activation_bits,
           "Depth of the activations that layers read or add or averages of images read, 1 to 16, or auto: each "
           "by the trade-off of the weights; float without")
        ->type_name("BITS");
    add_defaulted(*app, "--images", options->how.images, "Images to compress with", "N", above_zero());
    app->add_option("--blocks", options->blocks,
                    fmt::format("Parts of a layer that have a depth and step of their own ({}; with --paper {})",
                                CompressionOptions{}.blocks, kPaperBlocks))
        ->type_name("N")
        ->check(CLI::Range(1, 1024));
    app->add_flag("--no-correction", options->no_correction, "Leave biases and normalisation statistics as they are");
    app->add_flag("--no-feedback", options->no_feedback, "Round every weight for itself");
    app->add_flag("--plain-quantizer", options->how.plain_quantizer,
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

}  // namespace eigenbit::cli
