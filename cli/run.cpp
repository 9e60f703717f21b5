#include "api/model_file.h"
#include "cli/execution.h"
#include "cli/run_arrays.h"
#include "cli/verbs.h"
#include "engine/base/error.h"
#include "engine/formats/preprocess.h"
#include "engine/passes/quantizer_candidates.h"
#include "evaluation/metrics.h"
#include "evaluation/not_a_number.h"
#include "evaluation/output_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit run net.ebit cat.jpg dog.png
  eigenbit run net.ebit photos/*.jpg --top 1 --execution int8 --json names.json --skip-bad
  eigenbit run dncnn.ebit --residual noisy.png --out clean

What a network outputs tells what is shown. Scores become shares by a softmax; probabilities that the network's own
softmax or sigmoids made are shown as they are; images are written; all else is shown as the values that it is.)";

struct RunVerbOptions {
    ModelSource model;
    NetworkRunner::Mode execution = NetworkRunner::Mode::float32;
    std::vector<std::filesystem::path> images;
    std::filesystem::path out;  ///< empty: here, for images
    int top = 5;
    bool skip_bad = false;
};

std::vector<double> softmax(std::span<const float> scores) {
    const double largest = *std::ranges::max_element(scores);
    std::vector<double> shares;
    for (const float score : scores) shares.push_back(std::exp(score - largest));
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (double& share : shares) share /= sum;
    return shares;
}

/// The indices of the greatest, in falling order.
std::vector<std::size_t> greatest(std::span<const double> shares, int top) {
    std::vector<std::size_t> order(shares.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return shares[i]; });
    order.resize(std::min(order.size(), static_cast<std::size_t>(top)));
    return order;
}

/// The likeliest classes or labels of one image, by what `of_each` says of them all: "share" or "probability".
Results print_likeliest(std::span<const double> shares, const std::string& of_each, const Model& model, int top) {
    Results likeliest = Results::array();
    for (const std::size_t i : greatest(shares, top)) {
        const std::string name = i < model.classes.size() ? model.classes[i] : "";
        fmt::print("  {:6.2f} %  {:>4}  {}\n", 100.0 * shares[i], i, name);
        likeliest.push_back({{"class", i}, {"name", name}, {of_each, shares[i]}});
    }
    return likeliest;
}

double print_probability(double probability, const Model& model) {
    // Of two classes the second is the one that holds.
    const std::string name = model.classes.empty() || model.classes.size() > 2 ? "" : model.classes.back();
    fmt::print("  {:6.2f} %  {}\n", 100.0 * probability, name);
    return probability;
}

/// A restored image (1, H, W, C) as an image file holds it.
Image restored_image(ConstView output, const Preprocessing& preprocessing) {
    const Tensor values = as_8_bit(denormalized(output, preprocessing));
    const Shape& shape = values.shape();
    Image image{static_cast<int>(shape[0]), static_cast<int>(shape[1]), static_cast<int>(shape[2]), {}};
    for (const float value : values.values()) image.pixels.push_back(static_cast<std::uint8_t>(value));
    if (image.channels == 3 && preprocessing.channel_order == ChannelOrder::bgr) {
        for (std::size_t i = 0; i < image.pixels.size(); i += 3) std::swap(image.pixels[i], image.pixels[i + 2]);
    }
    return image;
}

std::filesystem::path restored_file(const std::filesystem::path& image, const std::filesystem::path& folder) {
    return (folder.empty() ? "." : folder) / (image.stem().string() + ".restored.png");
}

Files command_line_files(const RunVerbOptions& options) {
    Files files{.inputs = {options.model.path}};
    for (const std::filesystem::path& image : options.images) {
        files.inputs.push_back(is_array(image) ? array_file(image) : image);
    }
    return files;
}

/// Throws Error when the restored images could not all be written.
void check_restored_files(const RunVerbOptions& options) {
    Files files = command_line_files(options);
    for (const std::filesystem::path& image : options.images) {
        files.outputs.push_back({"The restored image", restored_file(image, options.out), FileFormat::png});
    }
    check_files(files);
}

std::string write_restored(ConstView output, const Preprocessing& preprocessing, const std::filesystem::path& file) {
    write_png(file, restored_image(output, preprocessing));
    fmt::print("  {} written\n", file.string());
    return file.string();
}

void check_execution(const RunVerbOptions& options, const Graph& graph) {
    if (options.execution == NetworkRunner::Mode::int8 && !runs_in_int8(graph)) {
        fail("{} does not say how to round all its activations; eigenbit pack --data SPEC makes it so.",
             options.model.path.string());
    }
}

Model model_for_images(const RunVerbOptions& options) {
    Model model = load_model(options.model);
    if (model.graph.inputs().size() != 1) {
        fail("{} has {} inputs: give an array for each, NAME=FILE.npy.", options.model.path.string(),
             model.graph.inputs().size());
    }
    if (!model.preprocessing) {
        fail("{} does not say how to prepare images; eigenbit pack --data SPEC makes it so.",
             options.model.path.string());
    }
    check_execution(options, model.graph);
    return model;
}

/// Runs one image after the other.
class ImageRun {
  public:
    ImageRun(const RunVerbOptions& options, const Model& model)
        : options_(options), model_(model), network_(model.graph, options.execution) {}

    /// Throws Error where the image cannot be read or does not fit the network.
    void read(const std::filesystem::path& path) {
        image_ = preprocess(read_image(path), *model_.preprocessing, path.string());
        kind_ = output_kind(model_.graph, image_.shape());
    }

    /// The image that was read.
    Results run(const std::filesystem::path& path, Results& results) {
        if (kind_ == OutputKind::image && !checked_) check_restored_files(options_);
        checked_ = true;
        const ConstView output = network_.run(image_);
        check_numbers(network_.graph(), image_, output, path.string() + ": ");
        if (const Inference* const inference = network_.inference(image_.shape())) {
            results["weight_bytes"] = inference->program().weight_bytes();
            results["activation_bytes"] = inference->activation_bytes();
        }
        fmt::print("{}\n", path.string());
        Results result{{"file", path.string()}};
        print(output, path, result);
        return result;
    }

  private:
    void print(ConstView output, const std::filesystem::path& path, Results& result) const {
        const std::span values = output.values();
        const std::vector<double> as_they_are(values.begin(), values.end());
        switch (kind_) {
        case OutputKind::scores:
            result["classes"] = print_likeliest(softmax(values), "share", model_, options_.top);
            break;
        case OutputKind::probabilities:
            result["classes"] = print_likeliest(as_they_are, "share", model_, options_.top);
            break;
        case OutputKind::labels:
            result["labels"] = print_likeliest(as_they_are, "probability", model_, options_.top);
            break;
        case OutputKind::probability:
            result["probability"] = print_probability(as_they_are.front(), model_);
            break;
        case OutputKind::image:
            result["restored"] = write_restored(output, *model_.preprocessing, restored_file(path, options_.out));
            break;
        case OutputKind::values:
            result["output"] = print_values(output);
            break;
        }
    }

    const RunVerbOptions& options_;
    const Model& model_;
    NetworkRunner network_;
    Tensor image_;
    OutputKind kind_ = OutputKind::values;
    bool checked_ = false;  // the restored images' files
};

void run_network(const RunVerbOptions& options, Results& results) {
    if (std::ranges::any_of(options.images, is_array)) {
        const Model model = load_model(options.model);
        check_execution(options, model.graph);
        return run_arrays(model, options.execution, options.images, options.out, results);
    }
    const Model model = model_for_images(options);
    if (const std::size_t outputs = model.graph.outputs().size(); outputs > 1) {
        fmt::print("{} has {} outputs; shown is the first, '{}'.\n", options.model.path.string(), outputs,
                   model.graph.name(model.graph.outputs().front()));
    }
    ImageRun run(options, model);
    results["images"] = Results::array();
    for (const std::filesystem::path& path : options.images) {
        try {
            run.read(path);
        } catch (const Error& error) {
            if (!options.skip_bad) throw;
            fmt::print("{}\n  skipped: {}\n", path.string(), error.what());
            results["skipped"].push_back({{"file", path.string()}, {"error", error.what()}});
            continue;
        }
        Results image = run.run(path, results);
        results["images"].push_back(std::move(image));
    }
    if (!results.contains("skipped")) return;
    const std::size_t skipped = results["skipped"].size();
    if (skipped == options.images.size()) fail("All {} images were skipped.", skipped);
    fmt::print("{} of {} images skipped\n", skipped, options.images.size());
}

}  // namespace

Verb run_verb(CLI::App& command) {
    const auto options = std::make_shared<RunVerbOptions>();
    CLI::App* const app = add_verb(command, "run", "Name what images show, or restore them", kExamples);
    add_model_options(*app, options->model);
    add_size_option(*app, options->model);
    app->add_option("IMAGE", options->images,
                    "JPEG, PNG or BMP files; or arrays, as .npy files, NAME=FILE.npy for a network of several inputs")
        ->type_name("FILE")
        ->required();
    add_execution_option(*app, options->execution);
    add_defaulted(*app, "--top", options->top, "How many classes or labels to show", "N", CLI::Range(1, 1000000));
    app->add_option("--out", options->out,
                    "Folder for restored images, NAME.restored.png (.), and for what arrays give, NAME.OUTPUT.npy")
        ->type_name("DIR")
        ->check(CLI::ExistingDirectory);
    app->add_flag("--skip-bad", options->skip_bad,
                  "Go on after an image that cannot be read or does not fit, and say which were skipped");
    return {app, [options] { return command_line_files(*options); },
            [options](const RunOptions&, Results& results) { run_network(*options, results); }};
}

}  // namespace eigenbit::internal
