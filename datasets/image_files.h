#pragma once

#include <filesystem>
#include <vector>

namespace eigenbit::internal {

/// The JPEG, PNG and BMP files directly in a folder, hidden ones left out, sorted by name. Throws Error naming the
/// folder when there are none.
std::vector<std::filesystem::path> list_images(const std::filesystem::path& folder);

/// The folders directly in a folder, hidden ones left out, sorted by name. Throws Error when it is no folder itself.
std::vector<std::filesystem::path> list_folders(const std::filesystem::path& folder);

}  // namespace eigenbit::internal
