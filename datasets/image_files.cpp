#include "datasets/image_files.h"

#include "engine/base/error.h"
#include "engine/base/warning.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string_view>
#include <utility>

namespace eigenbit::internal {
namespace {

using Paths = std::vector<std::filesystem::path>;

/// Of other kinds, by what they are called.
constexpr auto kOtherKinds = std::to_array<std::pair<std::string_view, std::string_view>>({{".avif", "an AVIF"},
                                                                                           {".gif", "a GIF"},
                                                                                           {".heic", "an HEIC"},
                                                                                           {".heif", "an HEIC"},
                                                                                           {".jp2", "a JPEG 2000"},
                                                                                           {".jxl", "a JPEG XL"},
                                                                                           {".tif", "a TIFF"},
                                                                                           {".tiff", "a TIFF"},
                                                                                           {".webp", "a WebP"}});

std::string extension_of(const std::filesystem::path& path) { return lower_case(path.extension().string()); }

std::string_view other_kind(const std::filesystem::path& path) {
    const auto kind = std::ranges::find(kOtherKinds, extension_of(path), &decltype(kOtherKinds)::value_type::first);
    return kind == kOtherKinds.end() ? std::string_view{} : kind->second;
}

bool is_image(const std::filesystem::path& path) {
    constexpr auto kExtensions = std::to_array<std::string_view>({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp"});
    return std::ranges::find(kExtensions, extension_of(path)) != kExtensions.end();
}

/// Whether a name is one that people give; "__MACOSX" comes with archives, "@eaDir" with file servers.
bool is_given_name(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    return !name.starts_with('.') && name != "__MACOSX" && name != "@eaDir";
}

Paths sorted_entries(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::directory_iterator entries(folder, error);
    if (error) fail("cannot read the folder \"{}\": {}", folder.string(), error.message());
    Paths paths;
    for (const std::filesystem::directory_entry& entry : entries) {
        if (is_given_name(entry.path())) paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    return paths;
}

/// Images, and what looks like one but is of another kind.
struct Images {
    Paths read;
    Paths others;
    std::set<std::filesystem::path> folders{};  ///< where they were looked for: links may lead round in circles
};

void collect(const std::filesystem::path& folder, bool below, Images& images) {
    std::error_code missing;  // which the list of entries says
    if (!images.folders.insert(std::filesystem::canonical(folder, missing)).second) return;
    for (const std::filesystem::path& path : sorted_entries(folder)) {
        if (std::filesystem::is_directory(path)) {
            if (below) collect(path, below, images);
        } else if (is_image(path)) {
            images.read.push_back(path);
        } else if (!other_kind(path).empty()) {
            images.others.push_back(path);
        }
    }
}

Images collect(const std::filesystem::path& folder, bool below) {
    Images images;
    collect(folder, below, images);
    if (images.others.empty()) return images;
    const std::filesystem::path& first = images.others.front();
    if (images.read.empty()) {
        fail("\"{}\" is {} image; JPEG, PNG and BMP are read: convert it", first.string(), other_kind(first));
    }
    warn("{} images in \"{}\" are left out: \"{}\" is {} image; JPEG, PNG and BMP are read", images.others.size(),
         folder.string(), first.filename().string(), other_kind(first));
    return images;
}

}  // namespace

std::string lower_case(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    return text;
}

std::vector<std::filesystem::path> list_images(const std::filesystem::path& folder) {
    Images images = collect(folder, false);
    if (images.read.empty()) {
        fail("the folder \"{}\" has no image: .jpg, .jpeg, .png or .bmp was expected", folder.string());
    }
    return std::move(images.read);
}

std::vector<std::filesystem::path> list_images_below(const std::filesystem::path& folder) {
    return collect(folder, true).read;
}

std::vector<std::filesystem::path> list_folders(const std::filesystem::path& folder) {
    Paths paths = sorted_entries(folder);
    std::erase_if(paths, [](const std::filesystem::path& path) { return !std::filesystem::is_directory(path); });
    return paths;
}

bool has_images(const std::filesystem::path& folder) { return std::ranges::any_of(sorted_entries(folder), is_image); }

}  // namespace eigenbit::internal
