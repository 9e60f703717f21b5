#include "engine/formats/image.h"
#include "tests/api/installation.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

using namespace eigenbit::internal;

namespace {

/// Folders of images of one colour each, and their names.
void write_colours(const TemporaryFolder& folder, int images) {
    const std::array<std::pair<const char*, std::array<std::uint8_t, 3>>, 3> colours{
        {{"blue", {20, 30, 220}}, {"green", {20, 200, 30}}, {"red", {220, 20, 30}}}};
    for (const auto& [name, rgb] : colours) {
        std::filesystem::create_directories(folder / "colours" / name);
        for (int i = 0; i < images; ++i) {
            Image image{16, 16, 3, {}};
            for (int pixel = 0; pixel < 16 * 16; ++pixel) {
                for (const std::uint8_t value : rgb) {
                    image.pixels.push_back(static_cast<std::uint8_t>(value - (pixel * (i + 1)) % 20));
                }
            }
            write_png(folder / "colours" / name / (std::to_string(i) + ".png"), image);
        }
    }
}

}  // namespace

TEST_CASE("The library for training shows its interface and nothing else") {
    const Installation installed;
    const std::string shown =
        R"(readelf --dyn-syms -W "$LIBRARIES/libeigenbit-train.so" | awk '$7 ~ /^[0-9]+$/ {print $8}' | sed 's/@.*//' | c++filt)";
    CHECK(installed.run(shown + " | grep -vE '^EIGENBIT_TRAIN_0$|(^|for )eigenbit::v1::' || true") == "");
    CHECK(installed.run(shown + " | grep -c '^eigenbit::v1::train('") == "1\n");
}

TEST_CASE("The program that the documentation shows is the one that is built here") {
    const auto text_of = [](const std::string& file) {
        std::ifstream stream(EIGENBIT_SOURCE_ROOT "/" + file);
        return std::string(std::istreambuf_iterator<char>(stream), {});
    };
    const std::string program = text_of("examples/train_and_compress.cpp");
    CHECK(std::ranges::count(program, '\n') <= 60);
    CHECK(text_of("docs/library.md").find("```cpp\n" + program + "```") != std::string::npos);
}

TEST_CASE("A program of one's own trains and compresses with the installed library") {
    const Installation installed;
    write_colours(installed.folder(), 70);
    const auto check = [&](const std::string& program) {
        const std::string printed =
            installed.run(program + " 'folder:colours?size=16' 2 colours/green/3.png 2> /dev/null");
        CHECK(printed.find("trained on: 100.00 %") != std::string::npos);
        CHECK(printed.find("shows: green") != std::string::npos);
        CHECK(installed.failure(program + " nonsense").find("nonsense") != std::string::npos);
    };
    SUBCASE("by pkg-config") {
        installed.run("c++ -std=c++20 -Wall -Wextra -Werror" + kSanitizers
                      + " $EXAMPLES/train_and_compress.cpp $(pkg-config --cflags --libs eigenbit-train)"
                        " -o train_and_compress");
        check("./train_and_compress");
    }
    SUBCASE("by meson, as do a loss of one's own, fine-tuning, a ledger and a folder that is watched") {
        installed.run("meson setup -Db_sanitize=" EIGENBIT_SANITIZE
                      " -Db_lundef=false built $EXAMPLES && ninja -C built");
        check("built/train_and_compress");
        const std::string data = " 'folder:colours?size=16'";
        const auto prints = [&](const std::string& line, const std::string& text) {
            const std::string printed = installed.run("built/" + line + " 2> errors.txt");
            CHECK_MESSAGE(printed.find(text) != std::string::npos, printed);
        };
        prints("custom_loss" + data + " 3 focal.onnx", "top-1 100.00 %");
        std::filesystem::copy(installed.folder() / "colours", installed.folder() / "paints",
                              std::filesystem::copy_options::recursive);
        std::filesystem::rename(installed.folder() / "paints/red", installed.folder() / "paints/vermilion");
        prints("fine_tune focal.onnx 'folder:paints?size=16' 2 tuned.ebit", "all layers: 100.00 %");
        prints("compress_ledger focal.onnx" + data + " 4 2", "bytes of kernel levels");
        CHECK(std::filesystem::exists(installed.folder() / "compressed2.ebit"));
        prints("watch_folder tuned.ebit colours/red 2", "3.png: vermilion\n");
        for (const std::string program : {"custom_loss", "fine_tune", "compress_ledger", "watch_folder"}) {
            CHECK(installed.failure("built/" + program + " nowhere nonsense 4").find(program + ": ")
                  != std::string::npos);
        }
    }
    SUBCASE("by CMake") {
        if (!is_there("cmake")) return;
        installed.run("cmake '-DCMAKE_CXX_FLAGS=" + kSanitizers + "' -S $EXAMPLES -B built && cmake --build built");
        check("built/train_and_compress");
    }
}
