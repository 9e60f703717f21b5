#include "datasets/image_folder.h"
#include "tests/error_of.h"
#include "tests/laboratory.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

namespace {

std::filesystem::path imagenet_sample() { return laboratory("data/imagenet-sample"); }

/// A 2x2 PNG file whose pixels all have this value, in a folder that is made if need be.
void write_grey(const std::filesystem::path& path, std::uint8_t value) {
    std::filesystem::create_directories(path.parent_path());
    write_png(path, {2, 2, 1, std::vector<std::uint8_t>(4, value)});
}

std::vector<int> first_values(const Dataset& dataset) {
    std::vector<int> values;
    Example example;
    for (std::int64_t i = 0; i < dataset.size; ++i) {
        dataset.read(i, example);
        values.push_back(example.image.pixels[0]);
    }
    return values;
}

Dataset open(const TemporaryFolder& folder, DataSplit split = DataSplit::train) {
    return open_image_folder(folder.path(), split, {});
}

std::string complaint(const TemporaryFolder& folder) {
    return error_of([&] { open(folder); });
}

bool mentions(const std::string& sentence, std::string_view part) { return sentence.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("folders are classes in the order of their names, and take turns") {
    const TemporaryFolder folder;
    write_grey(folder / "dog/1.png", 21);
    write_grey(folder / "cat/b.PNG", 12);
    write_grey(folder / "cat/a.png", 11);
    write_grey(folder / "cat/c.png", 13);
    write_grey(folder / ".hidden/d.png", 99);
    folder.write("cat/notes.txt", "no image");
    const Dataset dataset = open(folder);
    CHECK(dataset.classes == std::vector<std::string>{"cat", "dog"});
    CHECK(dataset.class_count == 2);
    CHECK(dataset.labels == std::vector{0, 1, 0, 0});
    CHECK(first_values(dataset) == std::vector{11, 21, 12, 13});
    Example example;
    dataset.read(0, example);
    CHECK(example.image.channels == 3);
    CHECK(example.file == (folder / "cat/a.png").string());
}

TEST_CASE("labels.csv gives class indices or names, with or without a header, in its own order") {
    const TemporaryFolder folder;
    write_grey(folder / "a.png", 1);
    write_grey(folder / "b, c.png", 2);
    folder.write("labels.csv", "file,class\r\nb, c.png,7\r\na.png,3\r\n");
    CHECK(open(folder).labels == std::vector{7, 3});
    CHECK(open(folder).class_count == 8);
    CHECK(open(folder).classes.empty());
    CHECK(first_values(open(folder)) == std::vector{2, 1});
    folder.write("labels.csv", "a.png,wolf\n\nb, c.png,fox");
    CHECK(open(folder).labels == std::vector{1, 0});
    CHECK(open(folder).classes == std::vector<std::string>{"fox", "wolf"});
}

TEST_CASE("the split's folder is taken where there are two") {
    for (const char* test : {"val", "test"}) {
        const TemporaryFolder folder;
        write_grey(folder / "train/cat/1.png", 1);
        write_grey(folder / "train/dog/1.png", 2);
        write_grey(folder / test / "cat/1.png", 3);
        CHECK(first_values(open(folder, DataSplit::train)) == std::vector{1, 2});
        CHECK(first_values(open(folder, DataSplit::test)) == std::vector{3});
    }
    const TemporaryFolder folder;
    write_grey(folder / "train/1.png", 1);
    CHECK(open(folder, DataSplit::test).classes == std::vector<std::string>{"train"});
}

TEST_CASE("a folder without images or classes is named") {
    const TemporaryFolder folder;
    CHECK(
        mentions(complaint(folder), folder.path().string() + "\" has neither labels.csv nor a folder for each class"));
    std::filesystem::create_directory(folder / "cat");
    CHECK(mentions(complaint(folder), (folder / "cat").string() + "\" has no image"));
    CHECK(
        mentions(error_of([&] { open_image_folder(folder / "missing", DataSplit::train, {}); }), "missing\": No such"));
}

TEST_CASE("a wrong line of labels.csv is named by its number") {
    const TemporaryFolder folder;
    write_grey(folder / "a.png", 1);
    folder.write("labels.csv", "a.png,1\nb.png,2\n");
    CHECK(mentions(complaint(folder), "labels.csv\", line 2: there is no file \"b.png\""));
    folder.write("labels.csv", "a.png,1\na.png 2\n");
    CHECK(mentions(complaint(folder), "labels.csv\", line 2: \"a.png 2\" was found, file,class was expected"));
    folder.write("labels.csv", "a.png,-1\n");
    CHECK(mentions(complaint(folder), "labels.csv\", line 1: class -1"));
    folder.write("labels.csv", "a.png,999999999\n");
    CHECK(mentions(complaint(folder), "labels.csv\", line 1: class 999999999"));
    folder.write("labels.csv", "file,class\n");
    CHECK(mentions(complaint(folder), "labels.csv\" lists no image"));
}

TEST_CASE("a file that cannot be decoded is named when it is read") {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / "cat");
    folder.write("cat/bad.jpg", "\xff\xd8\xff\xe0 this is no JPEG file after its first bytes");
    const Dataset dataset = open(folder);
    Example example;
    CHECK(mentions(error_of([&] { dataset.read(0, example); }), "bad.jpg\""));
}

TEST_CASE("the ImageNet sample has 250 images of every fourth class" * doctest::skip(absent({imagenet_sample()}))) {
    const Dataset dataset = open_image_folder(imagenet_sample(), DataSplit::test, image_folder_preprocessing());
    REQUIRE(dataset.size == 250);
    for (int i = 0; i < 250; ++i) CHECK(dataset.labels[static_cast<std::size_t>(i)] == 4 * i);
    Example example;
    dataset.read(249, example);
    CHECK(example.image.height == 256);
    CHECK(example.image.width == 256);
}
