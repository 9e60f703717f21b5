#include "cli/fail.h"
#include "cli/verbs.h"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <memory>
#include <optional>

namespace eigenbit::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit pack small.ebit --storage fixed --out mapped.ebit
  eigenbit pack resnet50.onnx --data "folder:photos?preset=imagenet" --out resnet50.ebit     for 8-bit execution
  eigenbit pack net.ebit --classes names.txt --out named.ebit
  eigenbit pack net.onnx.checkpoint --out best.onnx        the best network of a training run so far
  eigenbit pack small.ebit --opset 21 --out small.onnx     levels with DequantizeLinear, of 4 bits too
  eigenbit pack net.onnx --weights trained.npz --out trained.onnx
  eigenbit pack net.ebit --out weights.safetensors         what the weights stand for, by name)";

const std::map<std::string, LevelStorage> kStorages{{"entropy", LevelStorage::entropy}, {"fixed", LevelStorage::fixed}};

struct PackOptions {
    ModelSource model;
    SaveOptions save{.storage = LevelStorage::entropy};
    std::string data;
    std::filesystem::path weights;
    std::filesystem::path classes;
    std::filesystem::path out;
    std::optional<int> opset;
};

FileFormat format_of(const PackOptions& options) {
    if (options.out.extension() == ".onnx") return FileFormat::onnx;
    if (options.out.extension() == ".npz") return FileFormat::npz;
    return options.out.extension() == ".safetensors" ? FileFormat::safetensors : FileFormat::ebit;
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
    std::ifstream file(path);
    if (!file) fail("cannot read {}", path.string());
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
        if (line.ends_with('\r')) line.pop_back();
        lines.push_back(std::move(line));
    }
    return lines;
}

Results pack(PackOptions options, const RunOptions& run) {
    Model model = load(options.model, options.data);
    Results results;
    take_weights(model, options.weights, results);
    if (!options.data.empty()) {
        const Dataset data = Dataset::open(options.data, Split::train, model);
        model.describe_by(data);
        print_added_quantizers(add_quantizers(model, data, run.seed));
    }
    if (!options.classes.empty()) {
        std::vector<std::string> names = read_lines(options.classes);
        if (const std::int64_t count = model.class_count(); std::ssize(names) != count) {
            fail("{} names {} classes, the network tells {} apart.", options.classes.string(), names.size(), count);
        }
        model.set_classes(std::move(names));
    }
    if (options.opset) options.save.opset = *options.opset;
    model.save(options.out, options.save);
    const auto bytes = std::filesystem::file_size(options.out);
    fmt::print("{} written, {} bytes\n", options.out.string(), bytes);
    results["file_bytes"] = bytes;
    return results;
}

}  // namespace

Verb pack_verb(CLI::App& command) {
    const auto options = std::make_shared<PackOptions>();
    CLI::App* const app =
        add_verb(command, "pack", "Write a network as a packed file that knows all it needs to run", kExamples);
    add_model_options(*app, options->model);
    add_size_option(*app, options->model);
    app->add_option("--storage", options->save.storage,
                    "How levels lie in the file: as small as can be, or as they run")
        ->type_name("FORM")
        ->transform(one_of(kStorages))
        ->default_str("entropy");
    app->add_option("--data", options->data,
                    "Images (their training split) that tell how to round activations, and how images are prepared and "
                    "classes called where the model does not say")
        ->type_name("SPEC");
    add_weights_option(*app, options->weights);
    app->add_option("--classes", options->classes, "File of the classes' names, one on each line")->type_name("FILE");
    app->add_option("--out", options->out,
                    "Where the network goes; as ONNX where it ends in .onnx, its weights alone where it ends in .npz "
                    "or .safetensors")
        ->type_name("FILE")
        ->required();
    app->add_option("--opset", options->opset, "Of an ONNX file: 13, or 21, which has levels of 4 and of 16 bits")
        ->type_name("N")
        ->check(CLI::IsMember({13, 21}));
    app->add_flag("--flat", options->save.flat,
                  "Write the weights of an ONNX file as floats, not as levels, bases and what multiplies them");
    const auto files = [options] {
        if (format_of(*options) != FileFormat::onnx && (options->opset || options->save.flat)) {
            fail("{} is no ONNX file: --opset and --flat say how one is written; expected --out FILE.onnx",
                 options->out.string());
        }
        return Files{.inputs = {options->model.path, options->weights, options->classes},
                     .outputs = {{"--out", options->out, format_of(*options)}}};
    };
    return {app, files, [options](const RunOptions& run, Results& results) { results = pack(*options, run); }};
}

}  // namespace eigenbit::cli
