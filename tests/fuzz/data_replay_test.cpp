#include "engine/formats/file.h"
#include "tests/fuzz/damage.h"
#include "tests/fuzz/data_exercise.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>

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
