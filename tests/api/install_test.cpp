#include "engine/formats/ebit/ebit.h"
#include "tests/api/installation.h"
#include "tests/engine/formats/ebit/models.h"

using namespace eigenbit::internal;

namespace {

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
    CHECK(unexpected(libraries_of(installed, "\"$LIBRARIES/libeigenbit.so\"")).empty());
}

TEST_CASE("The shared library shows the functions of eigenbit.h and nothing else") {
    const Installation installed;
    const std::set<std::string> shown = words_of(installed.run(
        R"(readelf --dyn-syms -W "$LIBRARIES/libeigenbit.so" | awk '$7 ~ /^[0-9]+$/ && $4 == "FUNC" {print $8}')"));
    const std::set<std::string> declared = words_of(installed.run(
        "grep -o '^[a-z].*eigenbit_[a-z0-9_]*(' '" EIGENBIT_SOURCE_ROOT
        "/include/eigenbit/eigenbit.h' | grep -v typedef | grep -o 'eigenbit_[a-z0-9_]*(' | sed 's/(/@@EIGENBIT_0/'"));
    CHECK(declared.contains("eigenbit_session_run@@EIGENBIT_0"));
    CHECK(shown == declared);
}

TEST_CASE("The static library hides what eigenbit.h does not declare, and shares no name with a program's fmt or stb") {
    const Installation installed;
    const auto defined = [&](const std::string& condition, const std::string& name) {
        return std::stoi(installed.run(R"(readelf -sW "$LIBRARIES/libeigenbit.a" | c++filt |)"
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
    const auto check_classify = [&](const std::string& program) {
        const std::string printed = installed.run(program + " net.ebit image.ppm");
        for (const std::string& name : model.classes) CHECK(printed.find(name) != std::string::npos);
        CHECK(installed.failure(program + " missing.ebit image.ppm").find("missing.ebit") != std::string::npos);
        CHECK(installed.failure(program + " net.ebit net.ebit").find("no binary PPM") != std::string::npos);
        return printed;
    };
    const auto check_throughput = [&](const std::string& program) {
        CHECK(installed.run(program + " net.ebit 2 0.1").find("images/s with 2 sessions") != std::string::npos);
        CHECK(installed.failure(program + " missing.ebit").find("missing.ebit") != std::string::npos);
    };

    SUBCASE("in C, with the shared library") {
        installed.run("cc -std=c99 -Wall -Wextra -pedantic -Werror" + kSanitizers
                      + " $EXAMPLES/classify.c $(pkg-config --cflags --libs eigenbit) -o classify");
        check_classify("./classify");
    }
    SUBCASE("in C, with the static library") {
        installed.run("cc -std=c99 $EXAMPLES/classify.c" + kSanitizers
                      + " $(pkg-config --cflags eigenbit) -Wl,-Bstatic $(pkg-config --libs eigenbit)"
                        " -Wl,-Bdynamic $(pkg-config --static --libs eigenbit | sed 's/-leigenbit//') -o classify");
        check_classify("./classify");
        CHECK(unexpected(libraries_of(installed, "classify")).empty());
    }
    SUBCASE("in C++, with sessions side by side") {
        installed.run("c++ -std=c++20 -Wall -Wextra -Werror" + kSanitizers
                      + " $EXAMPLES/throughput.cpp $(pkg-config --cflags --libs eigenbit) -pthread -o throughput");
        check_throughput("./throughput");
    }
    SUBCASE("with meson") {
        installed.run("meson setup -Db_sanitize=" EIGENBIT_SANITIZE
                      " -Db_lundef=false built $EXAMPLES && ninja -C built");
        check_classify("built/classify");
        check_throughput("built/throughput");
    }
    SUBCASE("with CMake") {
        if (!is_there("cmake")) return;
        const std::string flags = "'-DCMAKE_C_FLAGS=" + kSanitizers + "' '-DCMAKE_CXX_FLAGS=" + kSanitizers + "'";
        installed.run("cmake " + flags + " -S $EXAMPLES -B shared && cmake --build shared");
        check_classify("shared/classify");
        check_throughput("shared/throughput");
        CHECK(libraries_of(installed, "shared/classify").contains("libeigenbit"));
        installed.run("cmake " + flags + " -DEIGENBIT_STATIC=ON -S $EXAMPLES -B static && cmake --build static");
        check_classify("static/classify");
        CHECK_FALSE(libraries_of(installed, "static/classify").contains("libeigenbit"));
    }
    // Sanitizers would have to be the whole program's.
    SUBCASE("in Rust") {
        if (!is_there("rustc") || !kSanitizers.empty()) return;
        installed.run("rustc -D warnings $EXAMPLES/classify.rs $(pkg-config --libs eigenbit) -o classify");
        check_classify("./classify");
    }
    SUBCASE("in Go") {
        if (!is_there("go") || !kSanitizers.empty()) return;
        installed.run("GOCACHE=\"$PWD/cache\" GOFLAGS=-buildvcs=false go build -o classify $EXAMPLES/classify.go");
        check_classify("./classify");
    }
}

TEST_CASE("CMake finds the versions that the library can stand for") {
    if (!is_there("cmake")) return;
    const Installation installed;
    const auto finds = [&](const std::string& version) {
        installed.folder().write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\nproject(p C)\n"
                                                   "find_package(eigenbit "
                                                       + version + ")\nmessage(found=${eigenbit_FOUND})\n");
        return installed.run("cmake -S . -B b 2>&1").find("found=1") != std::string::npos;
    };
    CHECK(finds(""));
    CHECK(finds("0.1"));
    CHECK_FALSE(finds("0.1.1"));
    CHECK_FALSE(finds("1.0"));
}
