#pragma once

#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

namespace eigenbit::internal {

/// What compilers are told of sanitizers.
inline const std::string kSanitizers = EIGENBIT_SANITIZE == std::string("none") ? "" : " -fsanitize=" EIGENBIT_SANITIZE;

/// An installation in a folder, as packagers make one, and what is built against it.
class Installation {
  public:
    Installation() {
        shell("meson install -C '" EIGENBIT_BUILD_ROOT "' --no-rebuild --quiet --destdir '" + root() + "'");
        const std::string libraries = first_line("dirname $(find '" + root() + "' -name eigenbit.pc)");
        const std::string cmake = first_line("dirname $(find '" + root() + "' -name eigenbit-config.cmake)");
        environment_ = "export PKG_CONFIG_PATH='" + libraries + "' PKG_CONFIG_SYSROOT_DIR='" + root() + "' LIBRARIES='"
                       + libraries + "/..' LD_LIBRARY_PATH=\"" + libraries + "/..:$LD_LIBRARY_PATH\" eigenbit_DIR='"
                       + cmake + "' EXAMPLES='" EIGENBIT_SOURCE_ROOT "/examples'; ";
    }
    /// Runs a line in the folder, with pkg-config and the loader finding the library. Returns what it printed.
    std::string run(const std::string& line) const {
        shell(environment_ + "( " + line + " ) > output.txt");
        std::ifstream file(folder_ / "output.txt");
        return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }
    /// Runs a line that fails. Returns what it said on standard error.
    std::string failure(const std::string& line) const { return run("! " + line + " 2>&1"); }
    const TemporaryFolder& folder() const { return folder_; }

  private:
    std::string root() const { return (folder_ / "root").string(); }
    void shell(const std::string& line) const {
        const std::string there = "cd '" + folder_.path().string() + "' && " + line;
        INFO(there);
        REQUIRE(std::system(there.c_str()) == 0);
    }
    std::string first_line(const std::string& line) const {
        shell(line + " > line.txt");
        std::ifstream file(folder_ / "line.txt");
        std::string text;
        std::getline(file, text);
        return text;
    }

    TemporaryFolder folder_;
    std::string environment_;
};

/// Whether a program of this name is there; says so where it is not.
inline bool is_there(const std::string& program) {
    if (std::system(("command -v " + program + " > /dev/null").c_str()) == 0) return true;
    std::cout << "skipped: there is no " << program << '\n';
    return false;
}

inline std::set<std::string> words_of(const std::string& text) {
    std::istringstream words(text);
    return {std::istream_iterator<std::string>(words), {}};
}

/// The names, up to the first dot or hyphen, of the libraries that a library or program asks the loader for.
inline std::set<std::string> libraries_of(const Installation& installed, const std::string& file) {
    return words_of(installed.run("readelf -dW " + file + R"( | sed -n 's/.*(NEEDED).*\[\([^].-]*\).*/\1/p')"));
}

}  // namespace eigenbit::internal
