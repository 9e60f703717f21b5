#include "api/calibration.h"
#include "api/model_file.h"
#include "cli/arrays.h"
#include "cli/execution.h"
#include "cli/verbs.h"
#include "cli/weights.h"
#include "datasets/data_spec.h"
#include "engine/base/error.h"
#include "engine/formats/arrays/weights.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/formats/onnx/onnx.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <optional>

namespace eigenbit::internal {
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
    LevelStorage storage = LevelStorage::entropy;
    std::string data;
    std::filesystem::path weights;
    std::filesystem::path classes;
    std::filesystem::path out;
    std::optional<int> opset;
    bool flat = false;
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

/// The number of classes that the network tells apart; 0 when it does not.
std::int64_t class_count(const Graph& graph) {
    const std::vector<Shape> shapes = infer_shapes(graph, input_shape(graph, 1, 1));
    const Shape& output = shapes[static_cast<std::size_t>(graph.outputs().front())];
    return output.rank() == 2 ? output.back() : 0;
}

Results pack(PackOptions options, const RunOptions& run) {
    Model model = load_model(options.model, options.data);
    Results results;
    take_weights(model.graph, options.weights, results);
    if (names_arrays(options.data)) {
        constexpr std::int64_t kMostExamples = 64;
        const Tensor examples = read_arrays(options.data, model.graph, kMostExamples);
        print_added_quantizers(quantize_missing_activations(model, examples, run.seed));
    } else if (!options.data.empty()) {
        const Dataset data = open_images(options.data, DataSplit::train, model);
        describe_by_data(model, data);
        print_added_quantizers(quantize_missing_activations(model, data, run.seed));
    }
    if (!options.classes.empty()) {
        model.classes = read_lines(options.classes);
        const std::int64_t count = class_count(model.graph);
        if (static_cast<std::int64_t>(model.classes.size()) != count) {
            fail("{} names {} classes, the network tells {} apart.", options.classes.string(), model.classes.size(),
                 count);
        }
    }
    if (format_of(options) == FileFormat::onnx) {
        OnnxWriteOptions how{.flat = options.flat};
        if (options.opset) how.opset = *options.opset;
        write_onnx(model, options.out, how);
    } else if (is_array_file(options.out)) {
        write_arrays(options.out, weights_of(model.graph));
    } else {
        write_ebit(model, options.out, options.storage);
    }
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
    app->add_option("--storage", options->storage, "How levels lie in the file: as small as can be, or as they run")
        ->type_name("FORM")
        ->transform(CLI::CheckedTransformer(kStorages).description("{entropy, fixed}"))
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
    app->add_flag("--flat", options->flat,
                  "Write the weights of an ONNX file as floats, not as levels, bases and what multiplies them");
    const auto files = [options] {
        if (format_of(*options) != FileFormat::onnx && (options->opset || options->flat)) {
            fail("{} is no ONNX file: --opset and --flat say how one is written; expected --out FILE.onnx",
                 options->out.string());
        }
        return Files{.inputs = {options->model.path, options->weights, options->classes},
                     .outputs = {{"--out", options->out, format_of(*options)}}};
    };
    return {app, files, [options](const RunOptions& run, Results& results) { results = pack(*options, run); }};
}

}  // namespace eigenbit::internal
