#pragma once

#include "tests/temporary_folder.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/wait.h>

namespace eigenbit::internal {

/// What a run of the command left.
struct Outcome {
    int exit_code = 0;
    std::string output;  ///< standard output
    std::string errors;  ///< standard error
};

inline std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline nlohmann::json json_of(const std::filesystem::path& path) { return nlohmann::json::parse(text_of(path)); }

/// Runs a shell's line in the folder, where $eigenbit is the command.
inline Outcome run_shell(const TemporaryFolder& folder, const std::string& script) {
    const std::string line = "cd '" + folder.path().string() + "'; eigenbit='" EIGENBIT_COMMAND "'; (" + script
                             + ") > output.txt 2> errors.txt < /dev/null";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(folder / "output.txt"),
            text_of(folder / "errors.txt")};
}

/// Runs `eigenbit` with these arguments, as a shell reads them, in the folder.
inline Outcome run_command(const TemporaryFolder& folder, const std::string& arguments) {
    return run_shell(folder, "\"$eigenbit\" " + arguments);
}

/// Writes 64 training and 32 test images of 12 × 12 pixels in MNIST's format to the folder: a 0 is a horizontal
/// line, a 1 a vertical one.
void write_digits(const TemporaryFolder& folder);

/// Writes line.png, a horizontal line like those of write_digits, to the folder.
void write_line(const TemporaryFolder& folder);

}  // namespace eigenbit::internal
