#include "engine/base/error.h"
#include "engine/formats/onnx/onnx.h"
#include "tests/engine/formats/onnx/recorded_run.h"

#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

// exporters-check FOLDER …: reads FOLDER/net.onnx, holds it to what PyTorch outputs (FOLDER/SET.input.N.npy,
// SET.output.N.npy), and writes FOLDER/again.onnx. Prints a line "FOLDER<tab>read, refused or wrong<tab>sentence" for
// each.

using namespace eigenbit::internal;

namespace {

namespace fs = std::filesystem;

std::optional<RecordedRun> recorded_run(const fs::path& folder, int set) {
    const auto files = [&](std::string_view kind) {
        std::vector<fs::path> found;
        for (std::size_t i = 0;; ++i) {
            const fs::path file = folder / formatted("{}.{}.{}.npy", set, kind, i);
            if (!fs::exists(file)) return found;
            found.push_back(file);
        }
    };
    RecordedRun run{files("input"), files("output")};
    if (run.inputs.empty()) return std::nullopt;
    return run;
}

/// The file as it is, or, where it asks for the image's size, for the size of the run's first input.
Model read_for(const fs::path& file, const RecordedRun& run) {
    try {
        return read_onnx(file);
    } catch (const Error&) {
        const Shape shape = read_npy(run.inputs.front()).shape();
        if (shape.rank() != 4) throw;
        return read_onnx(file, {.height = shape[2], .width = shape[3]});
    }
}

void check(const fs::path& folder) {
    const auto print = [&](std::string_view result, std::string_view sentence) {
        std::cout << folder.string() << '\t' << result << '\t' << sentence << std::endl;
    };
    try {
        for (int set = 0; const std::optional<RecordedRun> run = recorded_run(folder, set); ++set) {
            const Model model = read_for(folder / "net.onnx", *run);
            const std::string wrong = difference(model.graph, *run, {.absolute = 1e-6F, .relative_to_largest = 1e-4F});
            if (!wrong.empty()) return print("wrong", formatted("set {}: {}", set, wrong));
            if (set == 0) write_onnx(model, folder / "again.onnx");
        }
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
