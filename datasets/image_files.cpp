#include "datasets/image_files.h"

#include "engine/base/error.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace eigenbit::internal {
namespace {

template <typename Wanted>
std::vector<std::filesystem::path> list(const std::filesystem::path& folder, const Wanted& wanted) {
    std::error_code error;
    std::filesystem::directory_iterator entries(folder, error);
    if (error) fail("cannot read the folder \"{}\": {}", folder.string(), error.message());
    std::vector<std::filesystem::path> paths;
    for (const std::filesystem::directory_entry& entry : entries) {
        if (!entry.path().filename().string().starts_with('.') && wanted(entry)) paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

bool is_image(const std::filesystem::directory_entry& entry) {
    std::string extension = entry.path().extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    constexpr std::array<std::string_view, 4> kExtensions = {".jpg", ".jpeg", ".png", ".bmp"};
    return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

}  // namespace

std::vector<std::filesystem::path> list_images(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> images = list(folder, is_image);
    if (images.empty()) fail("the folder \"{}\" has no image: .jpg, .jpeg, .png or .bmp was expected", folder.string());
    return images;
}

std::vector<std::filesystem::path> list_folders(const std::filesystem::path& folder) {
    return list(folder, [](const std::filesystem::directory_entry& entry) { return entry.is_directory(); });
}

}  // namespace eigenbit::internal
