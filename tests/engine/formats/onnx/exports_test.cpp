#include "tests/engine/formats/onnx/export_run.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

namespace {

/// Those that tests/exporters/keep.py kept: by PyTorch 1.13 (debian) and 2.15 (newest), in several forms.
std::vector<std::filesystem::path> kept_exports() {
    std::vector<std::filesystem::path> folders;
    for (const auto& entry : std::filesystem::directory_iterator(EIGENBIT_SOURCE_ROOT "/tests/engine/golden/exports")) {
        folders.push_back(entry.path());
    }
    return folders;
}

}  // namespace

TEST_CASE("networks that PyTorch exports output what PyTorch outputs, as they are and written again") {
    const TemporaryFolder written;
    const auto folders = kept_exports();
    CHECK(folders.size() >= 12);
    for (const auto& folder : folders) {
        CAPTURE(folder);
        CHECK(wrong_with_export(folder, written / "again.onnx") == "");
    }
}
