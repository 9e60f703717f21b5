#include "api/model_file.h"
#include "cli/execution.h"
#include "cli/verbs.h"
#include "engine/base/error.h"
#include "engine/formats/preprocess.h"
#include "engine/passes/quantizer_candidates.h"
#include "evaluation/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <set>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit run net.ebit cat.jpg dog.png
  eigenbit run net.ebit photos/*.jpg --top 1 --execution int8 --json names.json
  eigenbit run dncnn.ebit --residual noisy.png --out clean)";

struct RunVerbOptions {
    ModelSource model;
    NetworkRunner::Mode execution = NetworkRunner::Mode::float32;
    std::vector<std::filesystem::path> images;
    std::filesystem::path out = ".";
    int top = 5;
};

std::vector<double> softmax(std::span<const float> scores) {
    const double largest = *std::ranges::max_element(scores);
    std::vector<double> shares;
    for (const float score : scores) shares.push_back(std::exp(score - largest));
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (double& share : shares) share /= sum;
    return shares;
}

/// The likeliest classes of one image; the shares are those of a softmax.
Results print_classes(ConstView scores, const Model& model, int top) {
    const bool is_softmax = std::ranges::any_of(model.graph.nodes(), [&](const Node& node) {
        return node.outputs.front() == model.graph.outputs().front() && std::holds_alternative<Softmax>(node.op);
    });
    const std::span values = scores.values();
    const std::vector<double> shares = is_softmax ? std::vector<double>(values.begin(), values.end()) : softmax(values);
    std::vector<std::size_t> order(shares.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return shares[i]; });
    order.resize(std::min(order.size(), static_cast<std::size_t>(top)));
    Results classes = Results::array();
    for (const std::size_t i : order) {
        const std::string name = i < model.classes.size() ? model.classes[i] : "";
        fmt::print("  {:6.2f} %  {:>4}  {}\n", 100.0 * shares[i], i, name);
        classes.push_back({{"class", i}, {"name", name}, {"share", shares[i]}});
    }
    return classes;
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
    return folder / (image.stem().string() + ".restored.png");
}

/// Throws Error when two images would be restored to one file.
void check_names_differ(const RunVerbOptions& options) {
    std::set<std::filesystem::path> files;
    for (const std::filesystem::path& image : options.images) {
        const std::filesystem::path file = restored_file(image, options.out);
        if (!files.insert(file).second) fail("Two of the images would be restored to {}.", file.string());
    }
}

Results write_restored(ConstView output, const Model& model, const std::filesystem::path& file) {
    write_png(file, restored_image(output, *model.preprocessing));
    fmt::print("  {} written\n", file.string());
    return file.string();
}

void run_images(const RunVerbOptions& options, Results& results) {
    Model model = load_model(options.model);
    if (model.graph.inputs().size() != 1) {
        fail("{} has {} inputs; run takes networks with one.", options.model.path.string(),
             model.graph.inputs().size());
    }
    if (!model.preprocessing) {
        fail("{} does not say how to prepare images; eigenbit pack --data SPEC makes it so.",
             options.model.path.string());
    }
    if (options.execution == NetworkRunner::Mode::int8 && !runs_in_int8(model.graph)) {
        fail("{} does not say how to round all its activations; eigenbit pack --data SPEC makes it so.",
             options.model.path.string());
    }
    NetworkRunner network(model.graph, options.execution);

    for (const std::filesystem::path& path : options.images) {
        const Tensor image = preprocess(read_image(path), *model.preprocessing, path.string());
        fmt::print("{}\n", path.string());
        const ConstView output = network.run(image);
        if (const Inference* const inference = network.inference(image.shape())) {
            results["weight_bytes"] = inference->program().weight_bytes();
            results["activation_bytes"] = inference->activation_bytes();
        }
        Results& result = results["images"].emplace_back(Results{{"file", path.string()}});
        const std::int64_t channels = output.shape.back();
        if (output.shape.rank() == 2) {
            result["classes"] = print_classes(output, model, options.top);
        } else if (output.shape.rank() == 4 && channels == model.preprocessing->channels) {
            check_names_differ(options);
            result["restored"] = write_restored(output, model, restored_file(path, options.out));
        } else {
            fail("{} outputs {}, neither classes nor an image.", options.model.path.string(), to_string(output.shape));
        }
    }
}

}  // namespace

Verb run_verb(CLI::App& command) {
    const auto options = std::make_shared<RunVerbOptions>();
    CLI::App* const app = add_verb(command, "run", "Name what images show, or restore them", kExamples);
    add_model_options(*app, options->model);
    app->add_option("IMAGE", options->images, "JPEG, PNG or BMP files")->type_name("FILE")->required();
    add_execution_option(*app, options->execution);
    add_defaulted(*app, "--top", options->top, "How many classes to show", "N", CLI::Range(1, 1000000));
    add_defaulted(*app, "--out", options->out, "Folder for restored images, NAME.restored.png", "DIR",
                  CLI::ExistingDirectory);
    const auto files = [options] {
        Files result{.inputs = options->images};
        result.inputs.push_back(options->model.path);
        return result;
    };
    return {app, files, [options](const RunOptions&, Results& results) { run_images(*options, results); }};
}

}  // namespace eigenbit::internal
