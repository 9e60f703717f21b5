#include "engine/formats/ebit.h"
#include "tests/engine/ebit_models.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

using namespace eigenbit;

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

}  // namespace

TEST_CASE("The examples build against the installed library and run a model") {
    const Installation installed;
    const Model model = small_packed_model(3);
    write_ebit(model, installed.folder() / "net.ebit", IndexStorage::entropy);
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
    }
    SUBCASE("in C++, with sessions side by side") {
        installed.run("c++ -std=c++20 -Wall -Wextra -Werror" + kSanitizers
                      + " '" EIGENBIT_SOURCE_ROOT "/examples/throughput.cpp' $(pkg-config --cflags --libs eigenbit)"
                        " -pthread -o throughput");
        CHECK(installed.run("./throughput net.ebit 2 0.1").find("images/s with 2 sessions") != std::string::npos);
        CHECK(installed.failure("./throughput missing.ebit").find("missing.ebit") != std::string::npos);
    }
}
