#include "datasets/image_folder.h"
#include "tests/error_of.h"
#include "tests/laboratory.h"
#include "tests/temporary_folder.h"
#include "tests/warnings.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

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

TEST_CASE("labels.csv may have spaces, quotes and a byte-order mark, and numbers are numbers") {
    const TemporaryFolder folder;
    for (int i = 0; i < 12; ++i) write_grey(folder / fmt::format("{}.png", i), static_cast<std::uint8_t>(i));
    std::string spaced;
    for (int i = 0; i < 12; ++i) spaced += fmt::format("{}.png, {}\n", i, i);
    folder.write("labels.csv", spaced);
    CHECK(open(folder).class_count == 12);
    CHECK(open(folder).labels == first_values(open(folder)));
    CHECK(open(folder).classes.empty());
    folder.write("labels.csv",
                 "\xEF\xBB\xBF\"file\" , \"class\"\r\n \"1.png\" , \"a, \"\"b\"\"\"\t\r\n2.png\t, c \r\n");
    CHECK(open(folder).classes == std::vector<std::string>{"a, \"b\"", "c"});
    CHECK(first_values(open(folder)) == std::vector{1, 2});
    folder.write("labels.csv", "1.png,10.0\n2.png,007\n");
    CHECK(open(folder).labels == std::vector{10, 7});
}

TEST_CASE("_classes.csv of labelling tools has a column for each class") {
    const TemporaryFolder folder;
    write_grey(folder / "train/a.png", 1);
    write_grey(folder / "train/b.png", 2);
    write_grey(folder / "valid/c.png", 3);
    folder.write("train/_classes.csv", "filename, cat, dog\na.png, 0, 1\nb.png, 1, 0\n");
    folder.write("valid/_classes.csv", "filename, cat, dog\nc.png, 1, 0\n");
    CHECK(open(folder).classes == std::vector<std::string>{"cat", "dog"});
    CHECK(open(folder).labels == std::vector{1, 0});
    CHECK(first_values(open(folder, DataSplit::test)) == std::vector{3});
    folder.write("train/_classes.csv", "filename, cat, dog\na.png, 1, 1\n");
    CHECK(mentions(complaint(folder), "_classes.csv\", line 2: \"a.png\" shows 2 classes, exactly one was expected"));
    folder.write("train/_classes.csv", "filename, cat, dog\na.png, 1\n");
    CHECK(mentions(complaint(folder), "line 2: \"a.png, 1\" was found, a file and a 0 or 1 for each class"));
    folder.write("train/_classes.csv", "filename, cat, dog\n");
    CHECK(mentions(complaint(folder), "_classes.csv\" lists no image"));
}

TEST_CASE("all that lies below a class folder belongs to it, but what archives and tools leave behind") {
    const TemporaryFolder folder;
    write_grey(folder / "photos/cat/1.png", 1);
    write_grey(folder / "photos/cat/deeper/2.png", 2);
    write_grey(folder / "photos/dog/3.jpeg", 3);
    write_grey(folder / "photos/__MACOSX/cat/4.png", 4);
    write_grey(folder / "__MACOSX/photos/5.png", 5);
    write_grey(folder / "photos/cat/._1.png", 6);
    std::filesystem::create_directory_symlink(folder / "photos/cat", folder / "photos/cat/deeper/round");
    folder.write("photos/.DS_Store", "x");
    folder.write("photos/cat/.DS_Store", "x");
    CHECK(open(folder).classes == std::vector<std::string>{"cat", "dog"});
    CHECK(first_values(open(folder)) == std::vector{1, 3, 2});
}

TEST_CASE("an empty class folder is a class, with a warning") {
    const TemporaryFolder folder;
    Warnings warnings;
    write_grey(folder / "dog/1.png", 1);
    std::filesystem::create_directory(folder / "cat");
    const Dataset dataset = open(folder);
    CHECK(dataset.classes == std::vector<std::string>{"cat", "dog"});
    CHECK(dataset.labels == std::vector{1});
    CHECK(mentions(warnings.take(), "cat\" has no images; it is a class all the same"));
}

TEST_CASE("images of other kinds are refused where there are no others, and left out with a warning where there are") {
    const TemporaryFolder folder;
    Warnings warnings;
    write_grey(folder / "cat/1.png", 1);
    std::filesystem::create_directory(folder / "dog");
    folder.write("dog/1.WEBP", "RIFF");
    CHECK(mentions(complaint(folder), "dog/1.WEBP\" is a WebP image; JPEG, PNG and BMP are read: convert it"));
    write_grey(folder / "dog/2.png", 2);
    folder.write("dog/3.gif", "GIF89a");
    CHECK(open(folder).size == 2);
    CHECK(mentions(warnings.take(),
                   "2 images in \"" + (folder / "dog").string() + "\" are left out: \"1.WEBP\" is a WebP"));
}

TEST_CASE("labels that are no classes are refused") {
    for (const char* labels : {"train/labels/1.txt", "train/_annotations.coco.json"}) {
        const TemporaryFolder folder;
        write_grey(folder / "train/images/1.png", 1);
        write_grey(folder / "valid/images/1.png", 1);
        std::filesystem::create_directory(folder / "train/labels");
        folder.write(labels, "0 0.5 0.5 0.1 0.1");
        CHECK(mentions(complaint(folder), "boxes or outlines"));
        CHECK(mentions(complaint(folder), "a folder for each class, labels.csv or _classes.csv was expected"));
    }
}

TEST_CASE("a split that is missing is named with the names that are known") {
    const TemporaryFolder folder;
    write_grey(folder / "Train/cat/1.png", 1);
    write_grey(folder / "Train/dog/1.png", 2);
    CHECK(first_values(open(folder)) == std::vector{1, 2});
    CHECK(mentions(error_of([&] { open(folder, DataSplit::test); }),
                   "has \"Train\", but no folder val, valid, validation, test, testing (in any capitals)"));
}

TEST_CASE("the split's folder is taken where there are two") {
    for (const char* test : {"val", "test", "valid", "Val", "VALIDATION", "Testing"}) {
        const TemporaryFolder folder;
        const char* train = test[0] == 'V' ? "Training" : "train";
        write_grey(folder / train / "cat/1.png", 1);
        write_grey(folder / train / "dog/1.png", 2);
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
    CHECK(mentions(complaint(folder),
                   folder.path().string() + "\" has no images, no labels.csv and no folder for each class"));
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
    folder.write("labels.csv", "a.png,1.5\n");
    CHECK(mentions(complaint(folder), "labels.csv\", line 1: class 1.5"));
    folder.write("labels.csv", "file,class\n");
    CHECK(mentions(complaint(folder), "labels.csv\" lists no image"));
    folder.write("labels.csv", "a.png,1\n\na.png, \n");
    CHECK(mentions(complaint(folder), "labels.csv\", line 3: \"a.png\" has no class"));
    folder.write("labels.csv", "a.png,1\n,2\n");
    CHECK(mentions(complaint(folder), "labels.csv\", line 2: the file is missing"));
    folder.write("labels.csv", "a.png,1\n\"a.png,2\n");
    CHECK(mentions(complaint(folder), "labels.csv\", line 2: \"\"a.png,2\" was found"));
    folder.write("labels.csv", "a.png,1\na.png,2\na.png,cat\n");
    CHECK(mentions(complaint(folder),
                   "line 1 has the number 1 for a class, line 3 the name cat; all numbers or all names"));
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
