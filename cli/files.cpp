#include "cli/files.h"

#include "cli/fail.h"
#include "include/eigenbit/files.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <sys/stat.h>

namespace eigenbit::cli {
namespace {

struct FormatRule {
    std::string_view name;
    std::string_view extension;  ///< without which files of the format are not read; none: any that is not taken
    std::string_view beginning;  ///< of its files; none: not known
};

const FormatRule& rule_of(FileFormat format) {
    static constexpr std::array<FormatRule, 10> kRules{{{"ONNX", ".onnx", ""},
                                                        {"packed networks", ".ebit",
                                                         "\x89"
                                                         "EBIT"},
                                                        {"HTML", ".html", "<"},
                                                        {"SVG", ".svg", "<"},
                                                        {"JSON", "", "{"},
                                                        {"checkpoints", "", "EBTRAIN"},
                                                        {"PNG", ".png", "\x89PNG"},
                                                        {"an array", ".npy", "\x93NUMPY"},
                                                        {"NumPy arrays", ".npz", "PK"},
                                                        {"safetensors", ".safetensors", ""}}};
    return kRules[static_cast<std::size_t>(format)];
}

/// Extensions of what is not to be found under them.
constexpr std::array<std::string_view, 15> kTakenExtensions{".npy",  ".npz", ".safetensors", ".onnx", ".ebit",
                                                            ".html", ".svg", ".png",         ".jpg",  ".jpeg",
                                                            ".bmp",  ".csv", ".webp",        ".avif", ".pgm"};

std::string lower_case(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

/// Of a file that is there, by whatever name: its device and number; of another, where it would be.
std::string identity(const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return fmt::format("{} {}", status.st_dev, status.st_ino);
    std::error_code error;
    const std::filesystem::path place = std::filesystem::weakly_canonical(path, error);
    return (error ? path : place).string();
}

void check_extension(const OutputFile& output) {
    const FormatRule& rule = rule_of(output.format);
    const std::string extension = output.path.extension().string();
    if (!rule.extension.empty() && extension != rule.extension) {
        fail("{} is '{}', but files of {} end in {}.", output.flag, output.path.string(), rule.name, rule.extension);
    }
    if (rule.extension.empty()
        && std::ranges::find(kTakenExtensions, lower_case(extension)) != kTakenExtensions.end()) {
        fail("{} is '{}', but {} is no extension of {}.", output.flag, output.path.string(), extension, rule.name);
    }
}

void check_replaced(const OutputFile& output) {
    const FormatRule& rule = rule_of(output.format);
    std::ifstream file(output.path, std::ios::binary);
    std::string begin(rule.beginning.size(), '\0');
    if (!file.read(begin.data(), static_cast<std::streamsize>(begin.size()))) return;  // none, or an empty one
    if (begin != rule.beginning) {
        fail("{} is '{}', where there is a file that holds something else than {}: it is not replaced.", output.flag,
             output.path.string(), rule.name);
    }
}

void check_path(const OutputFile& output) {
    if (output.path.empty()) fail("{} names no file.", output.flag);
    const std::filesystem::path folder = output.path.has_parent_path() ? output.path.parent_path() : ".";
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error)) {
        fail("{} is '{}', but there is no folder '{}'.", output.flag, output.path.string(), folder.string());
    }
    if (std::filesystem::is_directory(output.path, error)) {
        fail("{} is '{}', but that is a folder.", output.flag, output.path.string());
    }
}

}  // namespace

void check_files(const Files& files) {
    std::set<std::string> read;
    for (const std::filesystem::path& input : files.inputs) {
        if (!input.empty()) read.insert(identity(input));
    }
    std::map<std::string, std::string> written;  // the flag, by identity
    std::set<std::filesystem::path> tried;       // folders
    for (const OutputFile& output : files.outputs) {
        check_path(output);
        if (is_stream(output.path) && rule_of(output.format).extension.empty()) continue;
        const std::string file = identity(output.path);
        if (read.contains(file)) {
            fail("{} is '{}', which is read too: an output never replaces an input.", output.flag,
                 output.path.string());
        }
        check_extension(output);
        if (const auto [same, is_new] = written.try_emplace(file, output.flag); !is_new) {
            fail("{} is '{}', where {} goes already.", output.flag, output.path.string(),
                 same->second == output.flag ? "another" : same->second);
        }
        check_replaced(output);
        if (!tried.insert(output.path.parent_path()).second && !std::filesystem::exists(output.path)) continue;
        try {
            check_writable(output.path);
        } catch (const Error& error) {
            fail("{}: {}.", output.flag, error.what());
        }
    }
}

}  // namespace eigenbit::cli
