#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace eigenbit {

/// Real data that tests use where it is there, and no part of the repository: a path below $EIGENBIT_SHARED, or below
/// the folder `shared` beside the repository. Says so, and gives nothing, where it is absent.
inline std::optional<std::filesystem::path> laboratory(const std::string& name) {
    const char* folder = std::getenv("EIGENBIT_SHARED");
    const std::filesystem::path path =
        (folder != nullptr ? std::filesystem::path(folder) : std::filesystem::path(EIGENBIT_SOURCE_ROOT) / "../shared")
        / name;
    if (std::filesystem::exists(path)) return path;
    MESSAGE("skipped: there is no " << path.string());
    return std::nullopt;
}

}  // namespace eigenbit
