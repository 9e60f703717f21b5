#include "datasets/cifar.h"
#include "datasets/loader.h"
#include "engine/formats/file.h"
#include "tests/error_of.h"
#include "tests/laboratory.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

using namespace eigenbit::internal;

namespace {

/// Record after record: the label bytes given, then pixel i of plane p is (i + p) mod 256.
void write_records(const std::filesystem::path& path, const std::vector<std::vector<std::uint8_t>>& labels) {
    std::vector<std::uint8_t> bytes;
    for (const std::vector<std::uint8_t>& of_record : labels) {
        bytes.insert(bytes.end(), of_record.begin(), of_record.end());
        for (int plane = 0; plane < 3; ++plane) {
            for (int i = 0; i < 1024; ++i) bytes.push_back(static_cast<std::uint8_t>(i + plane));
        }
    }
    write_file(path, bytes);
}

/// CIFAR-10 as the laboratory unpacks it into the user's cache.
std::filesystem::path real_cifar10() {
    const char* home = std::getenv("HOME");
    return std::filesystem::path(home != nullptr ? home : "/") / ".cache/eigenbit-data/cifar10";
}

std::filesystem::path resnet20_input() { return laboratory("data/golden/resnet20_cifar10.input.npy"); }

}  // namespace

TEST_CASE("CIFAR-10's planes become pixels, in the order of the five training files") {
    const TemporaryFolder folder;
    for (int file = 1; file <= 5; ++file) {
        write_records(folder / fmt::format("data_batch_{}.bin", file), {{static_cast<std::uint8_t>(file)}, {0}});
    }
    folder.write("batches.meta.txt", "a\nb\nc\nd\r\ne\nf\ng\nh\ni\nj\n\n");
    const Dataset dataset = open_cifar10(folder.path(), DataSplit::train, cifar_preprocessing());
    CHECK(dataset.size == 10);
    CHECK(dataset.labels == std::vector{1, 0, 2, 0, 3, 0, 4, 0, 5, 0});
    CHECK(dataset.class_count == 10);
    REQUIRE(dataset.classes.size() == 10);
    CHECK(dataset.classes[3] == "d");
    CHECK(dataset.preprocessing.height == 32);
    CHECK(dataset.preprocessing.width == 32);
    Example example;
    dataset.read(9, example);
    CHECK(example.image.height == 32);
    CHECK(example.image.channels == 3);
    REQUIRE(example.image.pixels.size() == 3072);
    CHECK(example.image.pixels[0] == 0);
    CHECK(example.image.pixels[1] == 1);
    CHECK(example.image.pixels[2] == 2);
    CHECK(example.image.pixels[3 * 200] == 200);
}

TEST_CASE("CIFAR-100 gives its fine labels") {
    const TemporaryFolder folder;
    write_records(folder / "test.bin", {{19, 99}, {3, 7}});
    const Dataset dataset = open_cifar100(folder.path(), DataSplit::test, cifar_preprocessing());
    CHECK(dataset.labels == std::vector{99, 7});
    CHECK(dataset.class_count == 100);
    CHECK(dataset.classes.empty());
}

TEST_CASE("a damaged CIFAR file is named, with what was found and expected") {
    const TemporaryFolder folder;
    const auto open = [&] { open_cifar10(folder.path(), DataSplit::test, cifar_preprocessing()); };
    CHECK(error_of(open).find("test_batch.bin\": No such file") != std::string::npos);
    write_records(folder / "test_batch.bin", {{1}, {2}});
    CHECK(error_of(open).empty());
    std::filesystem::resize_file(folder / "test_batch.bin", 6000);
    CHECK(error_of(open).find("test_batch.bin\" has 6000 bytes, a multiple of 3073") != std::string::npos);
    std::filesystem::resize_file(folder / "test_batch.bin", 0);
    CHECK(error_of(open).find("test_batch.bin\" has 0 bytes") != std::string::npos);
    write_records(folder / "test_batch.bin", {{1}, {10}});
    CHECK(error_of(open).find("test_batch.bin\": image 1 has label 10, 0 to 9") != std::string::npos);
    write_records(folder / "train.bin", {{1, 100}});
    CHECK(error_of([&] {
              open_cifar100(folder.path(), DataSplit::train, cifar_preprocessing());
          }).find("train.bin\": image 0 has label 100, 0 to 99")
          != std::string::npos);
}

TEST_CASE("the real CIFAR-10 has 10,000 test images, 1,000 of each class"
          * doctest::skip(absent({real_cifar10() / "test_batch.bin"}))) {
    const Dataset dataset = open_cifar10(real_cifar10(), DataSplit::test, cifar_preprocessing());
    CHECK(dataset.size == 10'000);
    for (int label = 0; label < 10; ++label) CHECK(std::ranges::count(dataset.labels, label) == 1'000);
    REQUIRE(dataset.classes.size() == 10);
    CHECK(dataset.classes.front() == "airplane");
    CHECK(dataset.classes.back() == "truck");
    CHECK(std::vector(dataset.labels.begin(), dataset.labels.begin() + 4) == std::vector{3, 8, 8, 0});
}

TEST_CASE("CIFAR-10's first test images reach the network as in the reference that was made with PyTorch"
          * doctest::skip(absent({real_cifar10() / "test_batch.bin", resnet20_input()}))) {
    // float32 (16, 3, 32, 32) after a header of 128 bytes.
    const std::vector<std::uint8_t> file = read_file(resnet20_input());
    std::vector<float> expected(16 * 3 * 1024);
    REQUIRE(file.size() == 128 + expected.size() * sizeof(float));
    std::memcpy(expected.data(), file.data() + 128, expected.size() * sizeof(float));

    BatchLoader loader(open_cifar10(real_cifar10(), DataSplit::test, cifar_preprocessing()), {.batch_size = 16});
    loader.start(0);
    const Batch* batch = loader.next();
    double largest = 0.0;
    for (std::int64_t i = 0; i < batch->images.elements(); ++i) {
        const std::int64_t image = i / 3072;
        const std::int64_t pixel = i % 3072 / 3;
        const auto there = static_cast<std::size_t>((image * 3 + i % 3) * 1024 + pixel);
        largest = std::max<double>(largest, std::abs(batch->images[i] - expected[there]));
    }
    CHECK(largest < 1e-6);
}
