#include "datasets/image_folder.h"
#include "engine/base/error.h"
#include "engine/formats/file.h"
#include "tests/fuzz/damage.h"
#include "tests/fuzz/data_exercise.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string_view>

using namespace eigenbit::internal;

namespace {

/// Files by name, in order.
std::map<std::string, std::vector<std::uint8_t>> corpus() {
    std::map<std::string, std::vector<std::uint8_t>> files;
    const std::filesystem::path folder = std::filesystem::path(EIGENBIT_SOURCE_ROOT) / "tests/fuzz/data_corpus";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        files.emplace(entry.path().filename().string(), read_file(entry.path()));
    }
    return files;
}

/// Folders within folders, with images, lists and what else lies about.
void make_tree(const std::filesystem::path& folder, int deeper, Random& random) {
    constexpr std::array kFolders{"train", "Training", "val",    "VALID", "test",     "cat",
                                  "Dog",   "images",   "labels", ".git",  "__MACOSX", "annotations"};
    constexpr std::array kFiles{"1.png", "2.jpg", "3.webp", "labels.csv", "_classes.csv", "1.txt", ".DS_Store"};
    std::filesystem::create_directories(folder);
    const auto any = [&](const auto& names) {
        return folder / names[static_cast<std::size_t>(random.below(std::ssize(names)))];
    };
    for (std::int64_t count = random.below(4); count > 0; --count) {
        if (deeper > 0) make_tree(any(kFolders), deeper - 1, random);
    }
    for (std::int64_t count = random.below(4); count > 0; --count) {
        std::string_view text = random.coin() ? "1.png,cat\n2.jpg,dog\n" : "file,a,b\n1.png,0,1\n2.jpg,1,0\n";
        const std::filesystem::path file = any(kFiles);
        if (!std::filesystem::exists(file)) write_text_file(file, text);
    }
}

}  // namespace

TEST_CASE("data of the corpus are read") {
    CHECK(corpus().size() >= 10);
    for (const auto& entry : corpus()) {
        CAPTURE(entry.first);
        CHECK(exercise_data(entry.second) > 0);
    }
}

TEST_CASE("damaged data give a sentence or are read, never a crash") {
    const auto files = corpus();
    Random random({3});
    int taken = 0;
    const int count = damaged_inputs() / 2;
    for (int i = 0; i < count; ++i) {
        auto file = files.begin();
        std::advance(file, random.below(std::ssize(files)));
        std::vector<std::uint8_t> bytes = file->second;
        damage(bytes, random);
        taken += exercise_data(bytes) > 0 ? 1 : 0;
    }
    MESSAGE(count << " damaged files, " << taken << " of them still read");
    CHECK(taken > count / 100);
    CHECK(taken < count);
}

TEST_CASE("any tree of folders gives a sentence or labels that fit") {
    Random random({4});
    int read = 0;
    const int count = damaged_inputs() / 40;
    for (int i = 0; i < count; ++i) {
        const TemporaryFolder place;
        make_tree(place.path(), 3, random);
        for (const DataSplit split : {DataSplit::train, DataSplit::test}) {
            try {
                const Dataset dataset = open_image_folder(place.path(), split, {});
                ++read;
                CHECK(dataset.size > 0);
                CHECK(std::ssize(dataset.labels) == (dataset.class_count > 0 ? dataset.size : 0));
                CHECK(std::ssize(dataset.classes) == dataset.class_count);
                CHECK(std::ranges::all_of(dataset.labels,
                                          [&](int label) { return label >= 0 && label < dataset.class_count; }));
            } catch (const Error& error) {
                CHECK(std::string(error.what()).find(place.path().string()) != std::string::npos);
            }
        }
    }
    MESSAGE(count << " trees, " << read << " of their splits read");
    CHECK(read > count / 20);
    CHECK(read < 2 * count);
}
