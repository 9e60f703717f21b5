#include "cli/options.h"

#include <fmt/format.h>
#include <tbb/info.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

namespace eigenbit::cli {
namespace {

const std::map<std::string, Arithmetic> kArithmetics{
    {"simulated", Arithmetic::simulated}, {"float", Arithmetic::floats}, {"int8", Arithmetic::int8}};

std::optional<double> finite_number(const std::string& text) {
    double number = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return {};
    return number;
}

/// `name` is what --help says, and `what` completes "is not a number …".
template <class Accepts>
CLI::Validator number_check(const std::string& name, const std::string& what, Accepts accepts) {
    const auto check = [what, accepts](const std::string& text) -> std::string {
        const std::optional<double> number = finite_number(text);
        return number && accepts(*number) ? "" : fmt::format("{} is not a number {}", text, what);
    };
    return {check, name};
}

}  // namespace

std::string quoted(const std::string& word) {
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:=,@%";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

CLI::App* add_verb(CLI::App& command, const std::string& name, const std::string& help, std::string_view examples) {
    CLI::App* const app = command.add_subcommand(name, help);
    app->footer(std::string(examples));
    return app;
}

void add_run_options(CLI::App& verb, RunOptions& options) {
    options.threads = tbb::info::default_concurrency();
    verb.add_option("--json", options.json, "Also write the results to this file, as JSON")->type_name("FILE");
    verb.add_flag("--quiet", options.quiet, "Show no progress");
    add_defaulted(verb, "--threads", options.threads, "Threads to compute with; the result does not depend on it", "N",
                  CLI::Range(1, 1024));
    verb.add_option("--seed", options.seed, "Seed of all that is drawn at random")
        ->type_name("N")
        ->capture_default_str();
}

void add_model_options(CLI::App& verb, ModelSource& source) {
    verb.add_option("MODEL", source.path, "ONNX or .ebit file, or the checkpoint of a training run")
        ->type_name("FILE")
        ->required();
    verb.add_flag("--residual", source.how.residual,
                  "The network outputs the noise in its input, not the image without it");
    verb.add_option(
            "--until", source.how.until,
            "Read an ONNX file only up to this value, or to the outputs of this node; several times for several")
        ->type_name("NODE")
        ->allow_extra_args(false);
}

void add_size_option(CLI::App& verb, ModelSource& source) {
    const auto set = [&source](const std::string& text) {
        const std::optional<ImageSize> size = parse_image_size(text);
        if (!size) throw CLI::ValidationError("--size", text + " is no size such as 224x320 (height and width) or 224");
        source.how.size = *size;
    };
    verb.add_option_function<std::string>("--size", set,
                                          "Height and width of images, where the network leaves them open (224)")
        ->type_name("HxW");
}

void add_execution_option(CLI::App& verb, Arithmetic& arithmetic) {
    verb.add_option("--execution", arithmetic,
                    "float: fused layers, float activations; int8: 8-bit activations and weights; simulated: what "
                    "int8 computes, by the float operators that training uses")
        ->type_name("MODE")
        ->transform(one_of(kArithmetics))
        ->default_str(std::string(name_of(arithmetic)));
}

std::string_view name_of(Arithmetic arithmetic) {
    return std::ranges::find(kArithmetics, arithmetic, [](const auto& entry) { return entry.second; })->first;
}

void add_weights_option(CLI::App& verb, std::filesystem::path& weights) {
    verb.add_option("--weights", weights,
                    "Take weights by name from this .npz or .safetensors file, in PyTorch's order of axes")
        ->type_name("FILE");
}

Model load(const ModelSource& source, const std::string& data) {
    LoadOptions how = source.how;
    how.data = data;
    return Model::load(source.path, how);
}

CLI::Validator above_zero() {
    return number_check("POSITIVE", "above 0", [](double number) { return number > 0.0; });
}

CLI::Validator at_least_zero() {
    return number_check("NONNEGATIVE", "of at least 0", [](double number) { return number >= 0.0; });
}

CLI::Validator between(double lowest, double highest) {
    return number_check(fmt::format("FLOAT in [{} - {}]", lowest, highest),
                        fmt::format("from {} to {}", lowest, highest),
                        [=](double number) { return lowest <= number && number <= highest; });
}

}  // namespace eigenbit::cli
