#include "cli/fail.h"
#include "cli/verbs.h"
#include "include/eigenbit/prediction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>

namespace eigenbit::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit run net.ebit cat.jpg dog.png
  eigenbit run net.ebit photos/*.jpg --top 1 --execution int8 --json names.json --skip-bad
  eigenbit run dncnn.ebit --residual noisy.png --out clean

What a network outputs tells what is shown. Scores become shares by a softmax; probabilities that the network's own
softmax or sigmoids made are shown as they are; images are written; all else is shown as the values that it is.)";

struct RunVerbOptions {
    ModelSource model;
    Arithmetic execution = Arithmetic::floats;
    std::vector<std::filesystem::path> images;
    std::filesystem::path out;  ///< empty: here, for restored images alone
    std::size_t top = 5;
    bool skip_bad = false;
};

constexpr std::size_t kMostListedValues = 10000;  // of an output in the JSON
constexpr std::size_t kMostShownValues = 8;

struct NamedArray {
    std::string input;  ///< empty for the only one
    std::filesystem::path file;
};

NamedArray parse(const std::filesystem::path& argument) {
    const std::string text = argument.string();
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || std::filesystem::exists(argument)) return {"", argument};
    return {text.substr(0, equals), text.substr(equals + 1)};
}

/// Whether an argument is an array, FILE.npy or NAME=FILE.npy, and not an image.
bool is_array(const std::filesystem::path& argument) { return argument.extension() == ".npy"; }

/// What an output holds: its shape, its first values and their range.
Results print_values(const Array& output) {
    const std::span<const float> values = output.values;
    const auto [least, greatest] = std::ranges::minmax(values);
    fmt::print("  {}:", to_string(output.shape));
    for (const float value : values.first(std::min(values.size(), kMostShownValues))) fmt::print(" {:.6g}", value);
    fmt::print("{}\n",
               values.size() > kMostShownValues ? fmt::format(" …, from {:.6g} to {:.6g}", least, greatest) : "");
    Results result{{"shape", output.shape}, {"least", least}, {"greatest", greatest}};
    if (values.size() <= kMostListedValues) result["values"] = output.values;
    return result;
}

/// The likeliest classes or labels of one image, by what `of_each` says of them all: "share" or "probability".
Results print_likeliest(std::span<const Share> shares, const std::string& of_each, std::size_t top) {
    Results likeliest = Results::array();
    for (const Share& share : shares.first(std::min(shares.size(), top))) {
        fmt::print("  {:6.2f} %  {:>4}  {}\n", 100.0 * share.value, share.index, share.name);
        likeliest.push_back({{"class", share.index}, {"name", share.name}, {of_each, share.value}});
    }
    return likeliest;
}

std::filesystem::path restored_file(const std::filesystem::path& image, const std::filesystem::path& folder) {
    return (folder.empty() ? "." : folder) / (image.stem().string() + ".restored.png");
}

Files command_line_files(const RunVerbOptions& options) {
    Files files{.inputs = {options.model.path}};
    for (const std::filesystem::path& image : options.images) {
        files.inputs.push_back(is_array(image) ? parse(image).file : image);
    }
    return files;
}

/// Where an output goes that a network gives for an image, or for an array, the first of those that its inputs take.
std::filesystem::path output_file(const std::filesystem::path& input, std::string output,
                                  const std::filesystem::path& folder) {
    std::ranges::replace(output, '/', '_');
    return folder / fmt::format("{}.{}.npy", input.stem().string(), output);
}

/// Throws Error when what the network gives could not all be written: restored images, and all other outputs where
/// there is a folder. A network of several inputs runs once, and its outputs are named after the first.
void check_output_files(const RunVerbOptions& options, const Model& model, bool restores) {
    Files files = command_line_files(options);
    const std::span inputs = std::span(files.inputs).subspan(1, model.input_count() > 1 ? 1 : options.images.size());
    for (const std::filesystem::path& input : inputs) {
        if (restores) {
            files.outputs.push_back({"The restored image", restored_file(input, options.out), FileFormat::png});
        }
        for (std::size_t i = restores ? 1 : 0; !options.out.empty() && i < model.output_count(); ++i) {
            const std::string name = model.output_name(i);
            files.outputs.push_back(
                {fmt::format("The output '{}'", name), output_file(input, name, options.out), FileFormat::npy});
        }
    }
    check_files(files);
}

/// Says that a file was written, and gives its name.
std::string written(const std::filesystem::path& file) {
    fmt::print("  {} written\n", file.string());
    return file.string();
}

/// Shows an output, unless it is told otherwise, and writes it where a folder is given.
Results print_output(const Array& output, const std::filesystem::path& input, const std::filesystem::path& folder,
                     bool is_told, bool is_only) {
    if (!is_told && !is_only) fmt::print("  {}\n", output.name);
    Results result = is_told ? Results::object() : print_values(output);
    result["name"] = output.name;
    if (folder.empty()) return result;
    const std::filesystem::path file = output_file(input, output.name, folder);
    write_npy(file, output);
    result["file"] = written(file);
    return result;
}

Results print(const Prediction& prediction, const std::filesystem::path& path, const RunVerbOptions& options) {
    fmt::print("{}\n", path.string());
    Results result{{"file", path.string()}};
    switch (prediction.kind) {
    case OutputKind::scores:
    case OutputKind::probabilities:
        result["classes"] = print_likeliest(prediction.shares, "share", options.top);
        break;
    case OutputKind::labels:
        result["labels"] = print_likeliest(prediction.shares, "probability", options.top);
        break;
    case OutputKind::probability:
        fmt::print("  {:6.2f} %  {}\n", 100.0 * prediction.shares.front().value, prediction.shares.front().name);
        result["probability"] = prediction.shares.front().value;
        break;
    case OutputKind::image:
        write_png(restored_file(path, options.out), *prediction.image);
        result["restored"] = written(restored_file(path, options.out));
        break;
    case OutputKind::values:
        break;
    }
    const std::size_t count = prediction.outputs.size();
    for (std::size_t i = prediction.kind == OutputKind::image ? 1 : 0; i < count; ++i) {
        const bool is_told = i == 0 && prediction.kind != OutputKind::values;
        result["outputs"].push_back(print_output(prediction.outputs[i], path, options.out, is_told, count == 1));
    }
    return result;
}

void run_once(const Model& model, const Predictor& network, const std::vector<NamedArray>& arrays,
              const std::filesystem::path& folder, Results& results) {
    std::vector<Array> inputs;
    std::string files;
    for (std::size_t i = 0; i < model.input_count(); ++i) {
        const auto given = arrays.size() == 1 && arrays.front().input.empty() && model.input_count() == 1
                               ? arrays.begin()
                               : std::ranges::find(arrays, model.input_name(i), &NamedArray::input);
        if (given == arrays.end()) fail("Input '{0}' is not given: say {0}=FILE.npy.", model.input_name(i));
        inputs.push_back(read_npy(given->file));
        files += fmt::format("{}{}", files.empty() ? "" : ", ", given->file.string());
    }
    const std::vector<Array> outputs = network.run(inputs);
    fmt::print("{}\n", files);
    Results run{{"file", files}};
    for (const Array& output : outputs) {
        run["outputs"].push_back(print_output(output, arrays.front().file, folder, false, outputs.size() == 1));
    }
    results["runs"].push_back(std::move(run));
}

/// Runs a network on arrays: on one after the other where it has one input, else on one for each of its inputs, by
/// name. All outputs are shown and, where a folder is given, written there as NAME.OUTPUT.npy.
void run_arrays(const RunVerbOptions& options, const Model& model, Results& results) {
    std::vector<NamedArray> arrays;
    for (const std::filesystem::path& argument : options.images) {
        if (!is_array(argument)) fail("{} is no .npy file; run takes either such or images.", argument.string());
        arrays.push_back(parse(argument));
    }
    check_output_files(options, model, false);
    const Predictor network(model, options.execution);
    if (model.input_count() > 1) return run_once(model, network, arrays, options.out, results);
    for (const NamedArray& array : arrays) run_once(model, network, {{"", array.file}}, options.out, results);
}

void check_execution(const RunVerbOptions& options, const Model& model) {
    if (options.execution == Arithmetic::int8 && !model.runs_in_int8()) {
        fail("{} does not say how to round all its activations; eigenbit pack --data SPEC makes it so.",
             options.model.path.string());
    }
}

void check_takes_images(const RunVerbOptions& options, const Model& model) {
    if (model.input_count() != 1) {
        fail("{} has {} inputs: give an array for each, NAME=FILE.npy.", options.model.path.string(),
             model.input_count());
    }
    if (!model.preprocessing()) {
        fail("{} does not say how to prepare images; eigenbit pack --data SPEC makes it so.",
             options.model.path.string());
    }
}

/// Runs one image after the other.
void run_images(const RunVerbOptions& options, const Model& model, Results& results) {
    Predictor network(model, options.execution);
    bool checked = false;  // the files to be written
    results["images"] = Results::array();
    for (const std::filesystem::path& path : options.images) {
        OutputKind kind{};
        try {
            kind = network.set_image(path.string());
        } catch (const Error& error) {
            if (!options.skip_bad) throw;
            fmt::print("{}\n  skipped: {}\n", path.string(), error.what());
            results["skipped"].push_back({{"file", path.string()}, {"error", error.what()}});
            continue;
        }
        if (!checked) check_output_files(options, model, kind == OutputKind::image);
        checked = true;
        const Prediction prediction = network.predict();
        if (options.execution != Arithmetic::simulated) {
            results["weight_bytes"] = network.weight_bytes();
            results["activation_bytes"] = network.activation_bytes();
        }
        results["images"].push_back(print(prediction, path, options));
    }
    if (!results.contains("skipped")) return;
    const std::size_t skipped = results["skipped"].size();
    if (skipped == options.images.size()) fail("All {} images were skipped.", skipped);
    fmt::print("{} of {} images skipped\n", skipped, options.images.size());
}

void run_network(const RunVerbOptions& options, Results& results) {
    if (!options.out.empty() && !std::filesystem::is_directory(options.out)) {
        fail("--out is '{}', but there is no such folder.", options.out.string());
    }
    const Model model = load(options.model);
    if (std::ranges::any_of(options.images, is_array)) {
        check_execution(options, model);
        return run_arrays(options, model, results);
    }
    check_takes_images(options, model);
    check_execution(options, model);
    run_images(options, model, results);
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
                    "Folder for restored images, NAME.restored.png (.), and for all other outputs, NAME.OUTPUT.npy, "
                    "which are not written without")
        ->type_name("DIR");
    app->add_flag("--skip-bad", options->skip_bad,
                  "Go on after an image that cannot be read or does not fit, and say which were skipped");
    return {app, [options] { return command_line_files(*options); },
            [options](const RunOptions&, Results& results) { run_network(*options, results); }};
}

}  // namespace eigenbit::cli
