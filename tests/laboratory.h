#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <iostream>
#include <string>

namespace eigenbit::internal {

/// Where real data lie that tests use and that are no part of the repository: below $EIGENBIT_SHARED, or below the
/// folder `shared` beside the repository.
inline std::filesystem::path laboratory(const std::string& name) {
    const char* folder = std::getenv("EIGENBIT_SHARED");
    return (folder != nullptr ? std::filesystem::path(folder)
                              : std::filesystem::path(EIGENBIT_SOURCE_ROOT) / "../shared")
           / name;
}

/// Whether one of these files and folders is absent. Says so for each: `TEST_CASE("…" * doctest::skip(absent({…})))`
/// leaves out a test without its data and counts it as skipped.
inline bool absent(std::initializer_list<std::filesystem::path> paths) {
    bool any = false;
    for (const std::filesystem::path& path : paths) {
        if (std::filesystem::exists(path)) continue;
        std::cout << "skipped: there is no " << path.string() << '\n';
        any = true;
    }
    return any;
}

}  // namespace eigenbit::internal
