#include "datasets/folder_layout.h"

#include "datasets/image_files.h"
#include "engine/base/error.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace eigenbit::internal {
namespace {

namespace fs = std::filesystem;

constexpr auto kTrainNames = std::to_array<std::string_view>({"train", "training"});
constexpr auto kTestNames = std::to_array<std::string_view>({"val", "valid", "validation", "test", "testing"});

/// The folder in it with the first of these names that there is.
std::optional<fs::path> find_folder(const fs::path& folder, std::span<const std::string_view> names) {
    const std::vector<fs::path> folders = list_folders(folder);
    for (const std::string_view name : names) {
        const auto found = std::ranges::find_if(
            folders, [&](const fs::path& path) { return lower_case(path.filename().string()) == name; });
        if (found != folders.end()) return *found;
    }
    return std::nullopt;
}

bool has_list(const fs::path& folder) { return fs::exists(folder / kLabelList) || fs::exists(folder / kClassTable); }

/// Whether it is no class itself, but has a list or folders.
bool has_classes(const fs::path& folder) {
    return has_list(folder) || (!has_images(folder) && !list_folders(folder).empty());
}

/// The folder inside of folders that hold one folder and nothing else that counts.
fs::path unwrapped(fs::path folder) {
    while (!has_list(folder) && !has_images(folder)) {
        const std::vector<fs::path> folders = list_folders(folder);
        if (folders.size() != 1 || has_images(folders[0])) break;
        if (!has_list(folders[0]) && list_folders(folders[0]).size() < 2) break;
        if (find_folder(folder, kTrainNames) || find_folder(folder, kTestNames)) break;
        folder = folders[0];
    }
    return folder;
}

/// Boxes, outlines and the like tell where things are, not what an image shows.
void refuse_other_labels(const fs::path& folder) {
    if (has_list(folder)) return;
    constexpr auto kLabelFolder = std::to_array<std::string_view>({"labels", "annotations"});
    constexpr auto kImageFolder = std::to_array<std::string_view>({"images", "jpegimages"});
    std::optional<fs::path> labels;
    if (find_folder(folder, kImageFolder)) labels = find_folder(folder, kLabelFolder);
    for (const char* file : {"_annotations.coco.json", "annotations.xml", "_annotations.csv", "_annotations.txt"}) {
        if (fs::exists(folder / file)) labels = folder / file;
    }
    if (labels) {
        fail("\"{}\" has boxes or outlines (\"{}\"), no classes: a folder for each class, labels.csv or _classes.csv "
             "was "
             "expected",
             folder.string(), labels->filename().string());
    }
}

}  // namespace

fs::path folder_of_split(const fs::path& folder, DataSplit split) {
    fs::path found = unwrapped(folder);
    if (!has_list(found)) {
        const std::optional<fs::path> train = find_folder(found, kTrainNames);
        const std::optional<fs::path> test = find_folder(found, kTestNames);
        const std::optional<fs::path>& wanted = split == DataSplit::train ? train : test;
        const std::optional<fs::path>& other = split == DataSplit::train ? test : train;
        if (wanted && (other || has_classes(*wanted))) {
            found = unwrapped(*wanted);
        } else if (other && has_classes(*other)) {
            fail("\"{}\" has \"{}\", but no folder {} (in any capitals): give the folder of the images itself",
                 found.string(), other->filename().string(),
                 split == DataSplit::train ? joined(kTrainNames) : joined(kTestNames));
        }
    }
    refuse_other_labels(found);
    return found;
}

}  // namespace eigenbit::internal
