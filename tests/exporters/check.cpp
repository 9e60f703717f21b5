#include "tests/engine/formats/onnx/export_run.h"

#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>

// exporters-check FOLDER …: reads FOLDER/net.onnx, holds it to what PyTorch outputs, and writes FOLDER/again.onnx.
// Prints a line "FOLDER<tab>read, refused or wrong<tab>sentence" for each.

using namespace eigenbit::internal;

namespace {

void check(const std::filesystem::path& folder) {
    const auto print = [&](std::string_view result, std::string_view sentence) {
        std::cout << folder.string() << '\t' << result << '\t' << sentence << std::endl;
    };
    try {
        const std::string wrong = wrong_with_export(folder, folder / "again.onnx");
        if (!wrong.empty()) return print("wrong", wrong);
        print("read", "");
    } catch (const Error& error) {
        print("refused", error.what());
    } catch (const std::exception& error) {
        print("wrong", error.what());
    }
}

}  // namespace

int main(int count, char** arguments) {
    for (int i = 1; i < count; ++i) check(arguments[i]);
}
