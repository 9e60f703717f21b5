#include "include/eigenbit/eigenbit.hpp"
#include "tests/image_bytes.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

using eigenbit::internal::Bytes;
using eigenbit::internal::png_bytes;
using eigenbit::internal::TemporaryFolder;
using eigenbit::internal::write_file;

namespace {

constexpr int kSide = 8;
constexpr int kImages = 12;

/// Two classes of images, all of whose pixels are transparent.
void write_transparent_images(const TemporaryFolder& folder) {
    for (const char* const name : {"a", "b"}) std::filesystem::create_directory(folder / name);
    for (int i = 0; i < kImages; ++i) {
        const std::string file = (i % 2 == 0 ? "a/" : "b/") + std::to_string(i) + ".png";
        write_file(folder / file, png_bytes({kSide, kSide, 4, Bytes(kSide * kSide * 4)}));
    }
}

struct Heard {
    std::thread::id thread;
    std::string kind, sentence;
};

/// What the calling thread hears while it goes over the folder's images, which loader threads read.
std::vector<Heard> heard_of(const TemporaryFolder& folder) {
    std::vector<Heard> heard;
    const eigenbit::WarningListener listener([&](std::string_view kind, std::string_view sentence) {
        heard.push_back({std::this_thread::get_id(), std::string(kind), std::string(sentence)});
    });
    eigenbit::NetworkBuilder b({kSide, kSide, 3}, 2);
    const eigenbit::Model net = b.build(b.linear(b.flatten(b.input()), 2));
    const eigenbit::Dataset data = eigenbit::Dataset::open("folder:" + folder.path().string());
    eigenbit::Batches batches(data, net, {.batch = 4});
    batches.start(0);
    while (batches.next()) {
    }
    return heard;
}

}  // namespace

TEST_CASE("A thread hears what others warn of that work for it, and nothing of other threads' calls") {
    constexpr int kThreads = 4;
    std::vector<TemporaryFolder> folders(kThreads);
    for (const TemporaryFolder& folder : folders) write_transparent_images(folder);
    std::vector<std::vector<Heard>> heard(kThreads);
    std::vector<std::thread::id> ids(kThreads);
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < kThreads; ++t) {
            threads.emplace_back([&, t] {
                ids[t] = std::this_thread::get_id();
                heard[t] = heard_of(folders[t]);
            });
        }
    }
    for (std::size_t t = 0; t < kThreads; ++t) {
        CHECK(heard[t].size() == kImages);
        for (const Heard& one : heard[t]) {
            CHECK(one.thread == ids[t]);
            CHECK(one.kind == "transparency");
            CHECK(one.sentence.find(folders[t].path().string()) != std::string::npos);
        }
    }
}

TEST_CASE("The listener made last hears alone, and the one before it hears again afterwards") {
    const TemporaryFolder folder;
    write_transparent_images(folder);
    int outer = 0;
    const eigenbit::WarningListener listener([&](std::string_view, std::string_view) { ++outer; });
    CHECK(heard_of(folder).size() == kImages);
    CHECK(outer == 0);
    eigenbit::Dataset::open("folder:" + folder.path().string());
    write_file(folder / "a/x.webp", eigenbit::internal::other_image_bytes("WebP"));
    eigenbit::Dataset::open("folder:" + folder.path().string());
    CHECK(outer == 1);
}
