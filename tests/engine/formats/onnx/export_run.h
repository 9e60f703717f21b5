#pragma once

#include "engine/base/error.h"
#include "engine/formats/onnx/onnx.h"
#include "tests/engine/formats/onnx/recorded_run.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

// What tests/exporters/export.py writes of a network: FOLDER/net.onnx, and for each set of inputs S what PyTorch
// outputs, FOLDER/S.input.N.npy and FOLDER/S.output.N.npy.

/// One set of inputs of an export; nothing where there is none.
inline std::optional<RecordedRun> recorded_run(const std::filesystem::path& folder, int set) {
    const auto files = [&](std::string_view kind) {
        std::vector<std::filesystem::path> found;
        for (std::size_t i = 0;; ++i) {
            const std::filesystem::path file = folder / formatted("{}.{}.{}.npy", set, kind, i);
            if (!std::filesystem::exists(file)) return found;
            found.push_back(file);
        }
    };
    RecordedRun run{files("input"), files("output")};
    if (run.inputs.empty()) return std::nullopt;
    return run;
}

/// The file as it is, or, where it asks for the image's size, for the size of the run's first input.
inline Model read_for(const std::filesystem::path& file, const RecordedRun& run) {
    try {
        return read_onnx(file);
    } catch (const Error&) {
        const Shape shape = read_npy(run.inputs.front()).shape();
        if (shape.rank() != 4) throw;
        return read_onnx(file, {.height = shape[2], .width = shape[3]});
    }
}

/// Reads the folder's network and holds it to PyTorch's outputs for every set of inputs, within 1e-4 of an output's
/// largest value; writes to a file what was read for the first set, and holds that to the same. What is wrong; empty
/// where nothing is. Throws Error where the network is refused.
inline std::string wrong_with_export(const std::filesystem::path& folder, const std::filesystem::path& again) {
    const Tolerance tolerance{.absolute = 1e-6F, .relative_to_largest = 1e-4F};
    for (int set = 0; const std::optional<RecordedRun> run = recorded_run(folder, set); ++set) {
        const Model model = read_for(folder / "net.onnx", *run);
        if (const std::string wrong = difference(model.graph, *run, tolerance); !wrong.empty()) {
            return formatted("set {}: {}", set, wrong);
        }
        if (set > 0) continue;
        write_onnx(model, again);
        if (const std::string wrong = difference(read_onnx(again).graph, *run, tolerance); !wrong.empty()) {
            return formatted("written again: {}", wrong);
        }
    }
    return {};
}

}  // namespace eigenbit::internal
