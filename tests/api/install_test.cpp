#include "engine/formats/ebit/ebit.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

using namespace eigenbit::internal;

namespace {

const std::string kSanitizers = EIGENBIT_SANITIZE == std::string("none") ? "" : " -fsanitize=" EIGENBIT_SANITIZE;

/// An installation in a folder, as packagers make one, and what is built against it.
class Installation {
  public:
    Installation() {
        shell("meson install -C '" EIGENBIT_BUILD_ROOT "' --no-rebuild --quiet --destdir '" + root() + "'");
        const std::string libraries = first_line("dirname $(find '" + root() + "' -name eigenbit.pc)");
        environment_ = "export PKG_CONFIG_PATH='" + libraries + "' PKG_CONFIG_SYSROOT_DIR='" + root()
                       + "' LD_LIBRARY_PATH='" + libraries + "/..'; ";
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

std::set<std::string> words_of(const std::string& text) {
    std::istringstream words(text);
    return {std::istream_iterator<std::string>(words), {}};
}

/// The names, up to the first dot or hyphen, of the libraries that a library or program asks the loader for.
std::set<std::string> libraries_of(const Installation& installed, const std::string& file) {
    return words_of(installed.run("readelf -dW " + file + R"( | sed -n 's/.*(NEEDED).*\[\([^].-]*\).*/\1/p')"));
}

/// What differs from oneTBB and, as far as they are needed, the runtimes of C, C++ and the sanitizers.
std::set<std::string> unexpected(std::set<std::string> libraries) {
    std::set<std::string> difference;
    if (libraries.erase("libtbb") == 0) difference.insert("no libtbb");
    for (const std::string runtime : {"libstdc++", "libm", "libgcc_s", "libc", "ld"}) libraries.erase(runtime);
    if (!kSanitizers.empty()) {
        for (const std::string runtime : {"libasan", "libubsan", "libtsan"}) libraries.erase(runtime);
    }
    difference.merge(libraries);
    return difference;
}

}  // namespace

TEST_CASE("The shared library needs oneTBB and the C and C++ runtimes alone") {
    const Installation installed;
    CHECK(unexpected(libraries_of(installed, "\"$LD_LIBRARY_PATH/libeigenbit.so\"")).empty());
}

TEST_CASE("The shared library shows the functions of eigenbit.h and nothing else") {
    const Installation installed;
    const std::set<std::string> shown = words_of(
        installed.run(R"(readelf --dyn-syms -W "$LD_LIBRARY_PATH/libeigenbit.so" | awk '$7 ~ /^[0-9]+$/ {print $8}')"));
    const std::set<std::string> declared = words_of(installed.run(
        "grep -o 'eigenbit_[a-z0-9_]*(' '" EIGENBIT_SOURCE_ROOT "/include/eigenbit/eigenbit.h' | tr -d '('"));
    CHECK(declared.contains("eigenbit_session_run"));
    CHECK(shown == declared);
}

TEST_CASE("The static library hides what eigenbit.h does not declare, and shares no name with a program's fmt or stb") {
    const Installation installed;
    const auto defined = [&](const std::string& condition, const std::string& name) {
        return std::stoi(installed.run(R"(readelf -sW "$LD_LIBRARY_PATH/libeigenbit.a" | c++filt |)"
                                       " awk '$5 != \"LOCAL\" && $7 ~ /^[0-9]+$/ && "
                                       + condition + " && $8 ~ /^" + name + "/ {++count} END {print count + 0}'"));
    };
    const std::string shown = R"($6 == "DEFAULT")";
    const std::string any = "1";
    CHECK(defined(shown, "eigenbit_session_run$") == 1);
    CHECK(defined(shown, "eigenbit::internal::") == 0);
    CHECK(defined(any, "eigenbit::internal::") > 0);
    CHECK(defined(any, "fmt::eigenbit::") > 0);
    CHECK(defined(any, "fmt::v") == 0);
    CHECK(defined(any, "stbi") == 0);
}

TEST_CASE("The examples build against the installed library and run a model") {
    const Installation installed;
    const Model model = small_packed_model(3);
    write_ebit(model, installed.folder() / "net.ebit", LevelStorage::entropy);
    installed.folder().write("image.ppm", "P6\n9 9\n255\n" + std::string(9 * 9 * 3, 'x'));

    SUBCASE("in C, with the shared library") {
        installed.run("cc -std=c99 -Wall -Wextra -pedantic -Werror" + kSanitizers
                      + " '" EIGENBIT_SOURCE_ROOT "/examples/classify.c' $(pkg-config --cflags --libs eigenbit)"
                        " -o classify");
        const std::string printed = installed.run("./classify net.ebit image.ppm");
        for (const std::string& name : model.classes) CHECK(printed.find(name) != std::string::npos);
        CHECK(installed.failure("./classify missing.ebit image.ppm").find("missing.ebit") != std::string::npos);
        CHECK(installed.failure("./classify net.ebit net.ebit").find("no binary PPM") != std::string::npos);
    }
    SUBCASE("in C, with the static library") {
        installed.run("cc -std=c99 -c '" EIGENBIT_SOURCE_ROOT "/examples/classify.c' $(pkg-config --cflags eigenbit)");
        installed.run("c++ classify.o" + kSanitizers
                      + " -Wl,-Bstatic $(pkg-config --libs-only-L --libs-only-l eigenbit)"
                        " -Wl,-Bdynamic $(pkg-config --static --libs eigenbit | sed 's/-leigenbit//') -o classify");
        CHECK(installed.run("./classify net.ebit image.ppm").find("airship") != std::string::npos);
        CHECK(unexpected(libraries_of(installed, "classify")).empty());
    }
    SUBCASE("in C++, with sessions side by side") {
        installed.run("c++ -std=c++20 -Wall -Wextra -Werror" + kSanitizers
                      + " '" EIGENBIT_SOURCE_ROOT "/examples/throughput.cpp' $(pkg-config --cflags --libs eigenbit)"
                        " -pthread -o throughput");
        CHECK(installed.run("./throughput net.ebit 2 0.1").find("images/s with 2 sessions") != std::string::npos);
        CHECK(installed.failure("./throughput missing.ebit").find("missing.ebit") != std::string::npos);
    }
}
