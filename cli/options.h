#pragma once

#include "include/eigenbit/evaluation.hpp"

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <ranges>
#include <string>
#include <string_view>

namespace eigenbit::cli {

/// What every verb takes.
struct RunOptions {
    std::filesystem::path json;  ///< where results go for machines; nowhere when empty
    bool quiet = false;          ///< no progress
    int threads = 0;             ///< set before a verb runs
    std::uint64_t seed = 0;
    std::string program{};       ///< as it was called
    std::string command_line{};  ///< all of it; both as a shell takes them again
};

/// A word as a shell takes it.
std::string quoted(const std::string& word);

/// A subcommand with the examples that end its help.
CLI::App* add_verb(CLI::App& command, const std::string& name, const std::string& help, std::string_view examples);

/// Adds --json, --quiet, --threads and --seed to a verb.
void add_run_options(CLI::App& verb, RunOptions& options);

/// Which network to load, and how.
struct ModelSource {
    std::filesystem::path path;
    LoadOptions how{};
};

/// Adds the positional MODEL, --residual and --until to a verb.
void add_model_options(CLI::App& verb, ModelSource& source);
/// Adds --size, of images where the network leaves it open.
void add_size_option(CLI::App& verb, ModelSource& source);

/// Adds --execution to a verb.
void add_execution_option(CLI::App& verb, Arithmetic& arithmetic);
std::string_view name_of(Arithmetic arithmetic);

/// Adds --weights, the name of a file of arrays that gives a network its weights.
void add_weights_option(CLI::App& verb, std::filesystem::path& weights);

/// The network; where there is a data specification, for images of the size that this says.
Model load(const ModelSource& source, const std::string& data = "");

/// Adds an option whose help shows the value that it has now.
template <typename Value>
CLI::Option* add_defaulted(CLI::App& verb, const std::string& flag, Value& value, const std::string& help,
                           const std::string& type, const CLI::Validator& check) {
    return verb.add_option(flag, value, help)->type_name(type)->check(check)->capture_default_str();
}

/// Takes the names of an enumeration's values, which help and the error list, for them.
template <typename Enumeration>
CLI::Validator one_of(const std::map<std::string, Enumeration>& values) {
    const std::string names = fmt::format("{{{}}}", fmt::join(std::views::keys(values), ","));
    const auto choose = [values, names](std::string& text) -> std::string {
        const auto found = values.find(text);
        if (found == values.end()) return fmt::format("{} not in {}", text, names);
        text = std::to_string(static_cast<int>(found->second));
        return "";
    };
    return {choose, names};
}

/// Checks of an option's number; the error says what it must be. Infinities and NaN are refused.
CLI::Validator above_zero();
CLI::Validator at_least_zero();
CLI::Validator between(double lowest, double highest);

}  // namespace eigenbit::cli
