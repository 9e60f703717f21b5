#pragma once

#include "engine/base/error.h"
#include "engine/formats/file.h"

#include <filesystem>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// A new empty folder that disappears, with all in it, at the end of its scope.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "eigenbit-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) fail("cannot make a folder like \"{}\"", name);
        path_ = name;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }
    void write(std::string_view name, std::string_view text) const {
        write_file(path_ / name, std::vector<std::uint8_t>(text.begin(), text.end()));
    }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

}  // namespace eigenbit::internal
