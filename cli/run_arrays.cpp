#include "cli/run_arrays.h"

#include "cli/fail.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace eigenbit::cli {
namespace {

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
        if (outputs.size() > 1) fmt::print("  {}\n", output.name);
        Results shown = print_values(output);
        shown["name"] = output.name;
        if (!folder.empty()) {
            std::string plain = output.name;
            std::ranges::replace(plain, '/', '_');
            const std::filesystem::path file =
                folder / fmt::format("{}.{}.npy", arrays.front().file.stem().string(), plain);
            write_npy(file, output);
            fmt::print("  {} written\n", file.string());
            shown["file"] = file.string();
        }
        run["outputs"].push_back(std::move(shown));
    }
    results["runs"].push_back(std::move(run));
}

}  // namespace

bool is_array(const std::filesystem::path& argument) { return argument.extension() == ".npy"; }

std::filesystem::path array_file(const std::filesystem::path& argument) { return parse(argument).file; }

void run_arrays(const Model& model, Arithmetic arithmetic, std::span<const std::filesystem::path> arguments,
                const std::filesystem::path& folder, Results& results) {
    std::vector<NamedArray> arrays;
    for (const std::filesystem::path& argument : arguments) {
        if (!is_array(argument)) fail("{} is no .npy file; run takes either such or images.", argument.string());
        arrays.push_back(parse(argument));
    }
    const Predictor network(model, arithmetic);
    if (model.input_count() > 1) return run_once(model, network, arrays, folder, results);
    for (const NamedArray& array : arrays) run_once(model, network, {{"", array.file}}, folder, results);
}

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

}  // namespace eigenbit::cli
