#include "engine/formats/file.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <array>
#include <iterator>

using namespace eigenbit::internal;

namespace {

std::ptrdiff_t entries(const std::filesystem::path& folder) {
    return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
}

}  // namespace

TEST_CASE("a written file reads back and replaces what was there") {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "file";
    write_file(path, std::vector<std::uint8_t>{1, 2, 3});
    write_file(path, std::vector<std::uint8_t>{0, 255});
    CHECK(read_file(path) == std::vector<std::uint8_t>{0, 255});
    write_file(path, {});
    CHECK(read_file(path).empty());
    CHECK(entries(folder.path()) == 1);
}

TEST_CASE("files that belong together appear together or not at all") {
    const TemporaryFolder folder;
    const std::vector<std::uint8_t> first{1, 2};
    const std::vector<std::uint8_t> second{3};
    write_file(folder / "net", first);
    write_files(std::array{NewFile{folder / "data", {first, second, {}, first}}, NewFile{folder / "net", {second}}});
    CHECK(read_file(folder / "data") == std::vector<std::uint8_t>{1, 2, 3, 1, 2});
    CHECK(read_file(folder / "net") == second);
    CHECK(entries(folder.path()) == 2);
    CHECK(error_of([&] {
              write_files(std::array{NewFile{folder / "other", {first}}, NewFile{"/dev/null", {first}}});
          })
          == "cannot write \"/dev/null\": it is a device or a pipe, and another file belongs to it");
    std::filesystem::create_directories(folder / "taken/full");
    CHECK(error_of([&] {
              write_files(std::array{NewFile{folder / "new", {first}}, NewFile{folder / "taken", {first}}});
          }).find("taken\": ")
          != std::string::npos);
    CHECK(entries(folder.path()) == 3);
}

TEST_CASE("a file that cannot be read or written is named, and nothing is left behind") {
    const TemporaryFolder folder;
    const std::vector<std::uint8_t> bytes{1};
    CHECK(error_of([&] { read_file(folder / "missing"); }).find("missing\": No such file") != std::string::npos);
    CHECK(error_of([&] { read_file(folder.path()); }).find("it is a folder") != std::string::npos);
    CHECK(error_of([&] { write_file(folder / "no/such", bytes); }).find("no/such\": No such") != std::string::npos);
    std::filesystem::create_directories(folder / "taken/full");
    CHECK(error_of([&] { write_file(folder / "taken", bytes); }).find("taken\": ") != std::string::npos);
    CHECK(entries(folder.path()) == 1);
}
