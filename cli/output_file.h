#pragma once

#include <filesystem>
#include <string_view>

namespace eigenbit::internal {

/// Before long work whose result goes to a file: throws Error, naming the flag, when there is no such folder.
void check_folder(const std::filesystem::path& file, std::string_view flag);

}  // namespace eigenbit::internal
