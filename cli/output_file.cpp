#include "cli/output_file.h"

#include "engine/base/error.h"

namespace eigenbit::internal {

void check_folder(const std::filesystem::path& file, std::string_view flag) {
    const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
    if (!std::filesystem::is_directory(folder)) {
        fail("{} is '{}', but there is no folder '{}'.", flag, file.string(), folder.string());
    }
}

}  // namespace eigenbit::internal
