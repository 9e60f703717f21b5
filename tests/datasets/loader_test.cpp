#include "datasets/data_spec.h"
#include "datasets/loader.h"
#include "datasets/stored_images.h"
#include "engine/formats/file.h"
#include "tests/error_of.h"
#include "tests/laboratory.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>
#include <set>

using namespace eigenbit::internal;

namespace {

constexpr int kSide = 6;

std::filesystem::path imagenet_sample() { return laboratory("data/imagenet-sample"); }
std::filesystem::path mobilenet_input() { return laboratory("data/golden/mobilenet_v1_0.25_224.input.npy"); }

/// Grey images whose upper left pixel is their number and whose label is their number modulo 10.
Dataset numbered_images(int count) {
    StoredImages images{.folder = "memory", .height = kSide, .width = kSide, .channels = 1, .pixels = {}, .labels = {}};
    for (int n = 0; n < count; ++n) {
        for (int i = 0; i < kSide * kSide; ++i) images.pixels.push_back(static_cast<std::uint8_t>(n + 3 * i));
        images.labels.push_back(n % 10);
    }
    Dataset dataset = to_dataset(std::move(images), {.channels = 1, .mean = {0.0F}, .std = {1.0F / 255.0F}});
    dataset.augmentation = {.padding = 2, .mirror = true};
    return dataset;
}

/// All values and labels of an epoch, one after the other.
std::vector<float> contents(BatchLoader& loader, int epoch) {
    std::vector<float> values;
    loader.start(epoch);
    while (const Batch* batch = loader.next()) {
        values.insert(values.end(), batch->images.values().begin(), batch->images.values().end());
        values.insert(values.end(), batch->labels.begin(), batch->labels.end());
    }
    return values;
}

/// The numbers of an epoch's images.
std::vector<int> numbers(BatchLoader& loader, int epoch) {
    std::vector<int> drawn;
    loader.start(epoch);
    while (const Batch* batch = loader.next()) {
        for (std::int64_t n = 0; n < batch->images.shape()[0]; ++n) {
            drawn.push_back(static_cast<int>(batch->images[n * kSide * kSide] + 0.5F));
            CHECK(batch->labels[static_cast<std::size_t>(n)] == drawn.back() % 10);
        }
    }
    return drawn;
}

}  // namespace

TEST_CASE("without shuffling the examples come in order, the last batch smaller") {
    BatchLoader loader(numbered_images(10), {.batch_size = 4});
    CHECK(loader.batches() == 3);
    loader.start(0);
    CHECK(loader.next()->images.shape() == Shape{4, kSide, kSide, 1});
    CHECK(loader.next()->labels == std::vector{4, 5, 6, 7});
    CHECK(loader.next()->images.shape() == Shape{2, kSide, kSide, 1});
    CHECK(loader.next() == nullptr);
    CHECK(loader.next() == nullptr);
    std::vector<int> in_order(10);
    std::iota(in_order.begin(), in_order.end(), 0);
    CHECK(numbers(loader, 0) == in_order);
}

TEST_CASE("an incomplete batch is left out where that is asked for") {
    BatchLoader loader(numbered_images(10), {.batch_size = 4, .drop_incomplete = true});
    CHECK(loader.batches() == 2);
    CHECK(numbers(loader, 0).size() == 8);
    BatchLoader nothing(numbered_images(3), {.batch_size = 4, .drop_incomplete = true});
    CHECK(numbers(nothing, 0).empty());
}

TEST_CASE("a shuffled epoch has every example once, in an order of its own") {
    BatchLoader loader(numbered_images(100), {.batch_size = 7, .seed = 5, .shuffle = true});
    const std::vector<int> first = numbers(loader, 0);
    const std::vector<int> second = numbers(loader, 1);
    CHECK(first.size() == 100);
    CHECK(std::set(first.begin(), first.end()).size() == 100);
    CHECK(std::set(second.begin(), second.end()).size() == 100);
    CHECK(first != second);
    CHECK(!std::is_sorted(first.begin(), first.end()));
    BatchLoader other(numbered_images(100), {.batch_size = 7, .seed = 6, .shuffle = true});
    CHECK(numbers(other, 0) != first);
}

TEST_CASE("an epoch is the same with any number of threads, after any other epoch, and left midway") {
    const BatchLoader::Options options{.batch_size = 9, .seed = 2, .shuffle = true, .augment = true};
    BatchLoader loader(numbered_images(200), options);
    const std::vector<float> expected = contents(loader, 3);
    CHECK(contents(loader, 4) != expected);
    loader.start(7);
    loader.next();
    CHECK(contents(loader, 3) == expected);
    for (const std::size_t threads : {1, 2, 5}) {
        const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
        BatchLoader resumed(numbered_images(200), options);
        CHECK(contents(resumed, 3) == expected);
    }
}

TEST_CASE("augmentation shifts over a black border and mirrors only where the data set allows it") {
    Dataset dataset = numbered_images(1);
    dataset.augmentation = {.padding = 1, .mirror = false};
    BatchLoader shifting(dataset, {.augment = true});
    std::set<std::vector<float>> seen;
    for (int epoch = 0; epoch < 200; ++epoch) seen.insert(contents(shifting, epoch));
    CHECK(seen.size() == 9);
    dataset.augmentation = {.padding = 0, .mirror = true};
    BatchLoader mirroring(dataset, {.augment = true});
    seen.clear();
    for (int epoch = 0; epoch < 50; ++epoch) seen.insert(contents(mirroring, epoch));
    CHECK(seen.size() == 2);
}

TEST_CASE("training crops at random where the image is larger than the crop, evaluation in the middle") {
    Dataset dataset = numbered_images(1);
    dataset.preprocessing.height = dataset.preprocessing.width = 4;
    dataset.augmentation = {};
    BatchLoader evaluation(dataset, {});
    CHECK(contents(evaluation, 0)[0] == doctest::Approx(3 * (kSide + 1)));
    BatchLoader training(dataset, {.augment = true});
    std::set<std::vector<float>> seen;
    for (int epoch = 0; epoch < 200; ++epoch) seen.insert(contents(training, epoch));
    CHECK(seen.size() == 9);
}

TEST_CASE("batches live in the same few buffers") {
    BatchLoader loader(numbered_images(100), {.batch_size = 10, .shuffle = true, .augment = true});
    std::set<const float*> buffers;
    for (int epoch = 0; epoch < 3; ++epoch) {
        loader.start(epoch);
        while (const Batch* batch = loader.next()) buffers.insert(batch->images.data());
    }
    CHECK(buffers.size() <= 3);
}

TEST_CASE("an example that cannot be read ends the epoch with its error, and the next epoch begins afresh") {
    Dataset dataset = numbered_images(100);
    const auto damaged = std::make_shared<std::atomic<bool>>(true);
    dataset.read = [damaged, read = dataset.read](std::int64_t index, Example& example) {
        if (index == 45 && *damaged) fail("image 45 is damaged");
        read(index, example);
    };
    BatchLoader loader(dataset, {.batch_size = 10});
    for (int attempt = 0; attempt < 3; ++attempt) {
        loader.start(attempt);
        for (int batch = 0; batch < 4; ++batch) REQUIRE(loader.next() != nullptr);
        CHECK(error_of([&] { loader.next(); }) == "image 45 is damaged");
        CHECK(loader.next() == nullptr);
    }
    *damaged = false;
    CHECK(numbers(loader, 0).size() == 100);
    *damaged = true;
    loader.start(0);
}

TEST_CASE("loaders work inside other parallel loops and arenas, with a single thread, too") {
    for (const std::size_t threads : {1, 2, 4}) {
        const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
        std::atomic<int> images = 0;
        tbb::parallel_for(0, 8, [&](int seed) {
            BatchLoader loader(numbered_images(50),
                               {.batch_size = 8, .seed = static_cast<std::uint64_t>(seed), .shuffle = true});
            for (int epoch = 0; epoch < 3; ++epoch) images += static_cast<int>(numbers(loader, epoch).size());
        });
        CHECK(images == 8 * 3 * 50);
        tbb::task_arena arena(1);
        BatchLoader loader(numbered_images(50), {.batch_size = 8});
        arena.execute([&] { CHECK(numbers(loader, 0).size() == 50); });
        loader.start(1);
        arena.execute([&] { CHECK(loader.next() != nullptr); });
        CHECK(loader.next() != nullptr);
    }
}

TEST_CASE("images of different sizes come one by one") {
    const TemporaryFolder folder;
    write_png(folder / "a.png", {3, 4, 1, std::vector<std::uint8_t>(12)});
    write_png(folder / "b.png", {5, 2, 1, std::vector<std::uint8_t>(10)});
    BatchLoader loader(open_dataset("denoise:" + folder.path().string(), DataSplit::test), {.batch_size = 16});
    loader.start(0);
    CHECK(loader.batches() == 2);
    CHECK(loader.next()->images.shape() == Shape{1, 3, 4, 1});
    CHECK(loader.next()->targets.shape() == Shape{1, 5, 2, 1});
}

TEST_CASE("a batch size below 1 is refused") {
    CHECK(error_of([] { BatchLoader(numbered_images(3), {.batch_size = 0}); })
          == "the batch size is 0, at least 1 was expected");
}

TEST_CASE("a photograph reaches the network as in the reference that was made with another decoder"
          * doctest::skip(absent({imagenet_sample(), mobilenet_input()}))) {
    // float32 (4, 3, 224, 224) after a header of 128 bytes; its first image is the sample's first.
    const std::vector<std::uint8_t> file = read_file(mobilenet_input());
    REQUIRE(file.size() == 128 + 4 * 3 * 224 * 224 * sizeof(float));
    std::vector<float> expected(3 * 224 * 224);
    std::memcpy(expected.data(), file.data() + 128, expected.size() * sizeof(float));

    BatchLoader loader(
        open_dataset("folder:" + imagenet_sample().string() + "?mean=0.5&std=0.5&limit=1", DataSplit::test), {});
    loader.start(0);
    const Batch* batch = loader.next();
    double difference = 0.0;
    for (std::int64_t pixel = 0; pixel < 224 * 224; ++pixel) {
        for (std::int64_t c = 0; c < 3; ++c) {
            difference +=
                std::abs(batch->images[pixel * 3 + c] - expected[static_cast<std::size_t>(c * 224 * 224 + pixel)]);
        }
    }
    CHECK(difference / (3 * 224 * 224) < 0.01);  // about one of 255 steps
}
