#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// The JPEG, PNG and BMP files directly in a folder, sorted by name. Hidden files are left out; images of other kinds
/// are too, with a warning. Throws Error naming the folder when there are none.
std::vector<std::filesystem::path> list_images(const std::filesystem::path& folder);

/// The same of all that lies below a folder; none where there are none. Throws Error naming the first image where all
/// are of other kinds.
std::vector<std::filesystem::path> list_images_below(const std::filesystem::path& folder);

/// The folders directly in a folder, hidden ones and those that archives and file servers leave behind left out, sorted
/// by name. Throws Error when it is no folder itself.
std::vector<std::filesystem::path> list_folders(const std::filesystem::path& folder);

/// Whether a JPEG, PNG or BMP file lies directly in a folder.
bool has_images(const std::filesystem::path& folder);

/// A text in lower case: names of folders and extensions are compared so.
std::string lower_case(std::string text);

}  // namespace eigenbit::internal
