#include "datasets/loader.h"
#include "datasets/restoration.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace eigenbit::internal;

namespace {

/// Grey values that differ from pixel to pixel.
Image pattern(int height, int width) {
    Image image{height, width, 1, {}};
    for (int i = 0; i < height * width; ++i) image.pixels.push_back(static_cast<std::uint8_t>(37 * i + i / 7));
    return image;
}

Image doubled(const Image& image) {
    Image large{2 * image.height, 2 * image.width, 1, {}};
    for (int y = 0; y < large.height; ++y) {
        for (int x = 0; x < large.width; ++x) {
            large.pixels.push_back(image.pixels[static_cast<std::size_t>(y / 2 * image.width + x / 2)]);
        }
    }
    return large;
}

Batch only_batch(const Dataset& dataset, const BatchLoader::Options& options, int epoch) {
    BatchLoader loader(dataset, options);
    loader.start(epoch);
    return *loader.next();
}

bool equal(const Tensor& a, const Tensor& b) {
    return a.shape() == b.shape() && std::equal(a.values().begin(), a.values().end(), b.values().begin());
}

bool mentions(const std::string& sentence, std::string_view part) { return sentence.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("noise has the deviation asked for, in units before normalisation, and is not clamped") {
    const TemporaryFolder folder;
    write_png(folder / "black.png", {200, 300, 1, std::vector<std::uint8_t>(60'000)});
    const Preprocessing preprocessing{.channels = 1, .mean = {0.5F}, .std = {0.25F}};
    const Batch batch = only_batch(open_denoising(folder.path(), 0.1F, 3, preprocessing), {}, 0);
    CHECK(batch.images.shape() == Shape{1, 200, 300, 1});
    CHECK(batch.labels.empty());
    double sum = 0.0;
    double squares = 0.0;
    for (std::int64_t i = 0; i < 60'000; ++i) {
        CHECK_MESSAGE(batch.targets[i] == -2.0F, i);
        const double noise = batch.images[i] - batch.targets[i];
        sum += noise;
        squares += noise * noise;
    }
    CHECK(std::abs(sum / 60'000) < 0.01);
    CHECK(std::sqrt(squares / 60'000) == doctest::Approx(0.4).epsilon(0.02));
}

TEST_CASE("noise is the same in every epoch of an evaluation, and depends on the seed and the image") {
    const TemporaryFolder folder;
    write_png(folder / "a.png", pattern(20, 20));
    const Dataset dataset = open_denoising(folder.path(), 0.1F, 1, {.channels = 1});
    CHECK(equal(only_batch(dataset, {}, 0).images, only_batch(dataset, {}, 5).images));
    const Dataset other_seed = open_denoising(folder.path(), 0.1F, 2, {.channels = 1});
    CHECK(!equal(only_batch(dataset, {}, 0).images, only_batch(other_seed, {}, 0).images));
    const Dataset no_noise = open_denoising(folder.path(), 0.0F, 1, {.channels = 1});
    const Batch clean = only_batch(no_noise, {}, 0);
    CHECK(equal(clean.images, clean.targets));
}

TEST_CASE("training takes random crops with new noise, the target cropped and turned alike") {
    const TemporaryFolder folder;
    write_png(folder / "a.png", pattern(30, 40));
    write_png(folder / "b.png", pattern(50, 20));
    Dataset dataset = open_denoising(folder.path(), 1e-4F, 1, {.channels = 1});
    dataset.augmentation.crop = 16;
    dataset.augmentation.crops_per_image = 5;
    const BatchLoader::Options options{.batch_size = 8, .shuffle = true, .augment = true};
    BatchLoader loader(dataset, options);
    CHECK(loader.batches() == 2);
    const Batch first = only_batch(dataset, options, 1);
    CHECK(first.images.shape() == Shape{8, 16, 16, 1});
    for (std::int64_t i = 0; i < first.images.elements(); ++i)
        CHECK(std::abs(first.images[i] - first.targets[i]) < 1e-3);
    CHECK(!equal(first.images, only_batch(dataset, options, 2).images));
    CHECK(!equal(first.targets, only_batch(dataset, options, 2).targets));
    dataset.augmentation.crop = 25;
    CHECK(mentions(error_of([&] { only_batch(dataset, options, 0); }), "b.png: the image has 50x20 pixels"));
}

TEST_CASE("super-resolution pairs images by name and shows the same part of both") {
    const TemporaryFolder high;
    const TemporaryFolder low;
    for (const auto& [name, low_name, height, width] :
         {std::tuple{"a", "ax2", 9, 12}, std::tuple{"ab", "ab_x2", 11, 10}, std::tuple{"ax", "ax", 10, 10}}) {
        const Image image = pattern(height, width);
        write_png(low / (std::string(low_name) + ".png"), image);
        write_png(high / (std::string(name) + ".png"), doubled(image));
    }
    const Dataset dataset = open_super_resolution(high.path(), low.path(), {.channels = 1});
    REQUIRE(dataset.size == 3);
    CHECK(dataset.restoration->scale == 2);
    BatchLoader whole(dataset, {.batch_size = 10});
    whole.start(0);
    CHECK(whole.batch_size() == 1);
    CHECK(whole.next()->targets.shape() == Shape{1, 18, 24, 1});
    CHECK(whole.next()->images.shape() == Shape{1, 11, 10, 1});

    Dataset cropped = dataset;
    cropped.augmentation.crop = 6;
    cropped.augmentation.crops_per_image = 20;
    const Batch batch = only_batch(cropped, {.batch_size = 60, .augment = true}, 0);
    CHECK(batch.targets.shape() == Shape{60, 12, 12, 1});
    for (std::int64_t n = 0; n < 60; ++n) {
        for (std::int64_t y = 0; y < 12; ++y) {
            for (std::int64_t x = 0; x < 12; ++x) {
                CHECK(batch.targets[(n * 12 + y) * 12 + x] == batch.images[(n * 6 + y / 2) * 6 + x / 2]);
            }
        }
    }
}

TEST_CASE("images without their pair, or not of the first pair's scale, are named") {
    const TemporaryFolder high;
    const TemporaryFolder low;
    write_png(high / "a.png", pattern(20, 21));
    CHECK(mentions(error_of([&] { open_super_resolution(high.path(), low.path(), {}); }),
                   low.path().string() + "\" has no image"));
    write_png(low / "ax2.png", pattern(10, 10));
    write_png(high / "b.png", pattern(30, 30));
    CHECK(mentions(error_of([&] { open_super_resolution(high.path(), low.path(), {}); }),
                   "b.png\" has no low-resolution version"));
    write_png(low / "b.png", pattern(10, 10));
    const Dataset dataset = open_super_resolution(high.path(), low.path(), {});
    Example example;
    CHECK_NOTHROW(dataset.read(0, example));
    CHECK(mentions(error_of([&] { dataset.read(1, example); }), "b.png\" has 30x30 pixels, 2 times the 10x10"));
}

TEST_CASE("a folder that is missing, or has no images, is named") {
    const TemporaryFolder folder;
    CHECK(error_of([&] { open_denoising(folder / "missing", 0.1F, 0, {}); })
          == fmt::format("cannot read the folder \"{}\": No such file or directory", (folder / "missing").string()));
    CHECK(error_of([&] { open_denoising(folder.path(), 0.1F, 0, {}); }).find("has no image") != std::string::npos);
}
