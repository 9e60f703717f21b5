#include "engine/formats/ebit/container.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/formats/file.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/fuzz/damage.h"
#include "tests/fuzz/ebit_exercise.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>

using namespace eigenbit::internal;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// Files by name, in order.
std::map<std::string, Bytes> corpus() {
    std::map<std::string, Bytes> files;
    const std::filesystem::path folder = std::filesystem::path(EIGENBIT_SOURCE_ROOT) / "tests/fuzz/ebit_corpus";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        files.emplace(entry.path().filename().string(), read_file(entry.path()));
    }
    return files;
}

std::vector<Bytes> seeds() {
    std::vector<Bytes> files;
    for (const LevelStorage storage : {LevelStorage::fixed, LevelStorage::entropy}) {
        for (std::uint64_t seed = 0; seed < 4; ++seed)
            files.push_back(encode_ebit(small_packed_model(seed), storage).bytes);
        files.push_back(encode_ebit(model_of_every_operator(), storage).bytes);
    }
    for (auto& [name, bytes] : corpus()) files.push_back(bytes);
    return files;
}

/// A seed with damage in one of its sections, or with a section of another seed, in a sound container.
Bytes damaged(const std::vector<Bytes>& files, Random& random) {
    const auto any = [&]() -> const Bytes& {
        return files[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(files.size())))];
    };
    std::vector<EbitSection> sections;
    for (const auto& section : read_container(any(), "seed").sections) {
        sections.push_back(
            {section.name, section.mandatory, section.coder, {section.bytes.begin(), section.bytes.end()}});
    }
    EbitSection& section = sections[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(sections.size())))];
    if (random.below(8) == 0) {
        const auto other = any();
        const EbitContainer container = read_container(other, "seed");
        if (container.has(section.name)) {
            const auto bytes = container.find(section.name).bytes;
            section.bytes.assign(bytes.begin(), bytes.end());
        }
    }
    damage(section.bytes, random);
    return write_container(sections);
}

}  // namespace

TEST_CASE("files of the corpus read, and are written as they were") {
    CHECK(corpus().size() >= 6);
    for (const auto& entry : corpus()) {
        CAPTURE(entry.first);
        const EbitFile file = read_ebit(entry.second, entry.first);
        CHECK(encode_ebit(file.model, file.storage).bytes == entry.second);
    }
}

TEST_CASE("damage behind right checksums gives a sentence or a sound model, never a crash") {
    const std::vector<Bytes> files = seeds();
    Random random({1});
    int sound = 0;
    const int count = damaged_inputs();
    for (int i = 0; i < count; ++i) sound += exercise_ebit(damaged(files, random)) ? 1 : 0;
    MESSAGE(count << " damaged files, " << sound << " of them still sound");
    CHECK(sound > count / 100);
    CHECK(sound < count);
}

TEST_CASE("damage anywhere in a file gives a sentence") {
    const std::vector<Bytes> files = seeds();
    Random random({2});
    for (int i = 0; i < damaged_inputs() / 4; ++i) {
        Bytes bytes = files[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(files.size())))];
        const Bytes whole = bytes;
        damage(bytes, random);
        CHECK(exercise_ebit(bytes) == (bytes == whole));
        exercise_ebit(with_valid_container(bytes));
    }
}
