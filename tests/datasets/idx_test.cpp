#include "datasets/idx.h"
#include "engine/formats/file.h"
#include "tests/error_of.h"
#include "tests/laboratory.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>

using namespace eigenbit::internal;

namespace {

using Bytes = std::vector<std::uint8_t>;

void append_number(Bytes& bytes, std::uint32_t number) {
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::uint8_t>(number >> shift));
}

Bytes idx(std::uint32_t magic, const std::vector<std::uint32_t>& extents, const Bytes& values) {
    Bytes bytes;
    append_number(bytes, magic);
    for (const std::uint32_t extent : extents) append_number(bytes, extent);
    bytes.insert(bytes.end(), values.begin(), values.end());
    return bytes;
}

const Bytes kImages = idx(0x803, {2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
const Bytes kLabels = idx(0x801, {2}, {7, 0});

void write_compressed(const std::filesystem::path& path, const Bytes& bytes) {
    const gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
}

void check_contents(const std::filesystem::path& folder, DataSplit split) {
    const Dataset dataset = open_mnist(folder, split, {.channels = 1});
    CHECK(dataset.size == 2);
    CHECK(dataset.labels == std::vector{7, 0});
    CHECK(dataset.preprocessing.height == 2);
    CHECK(dataset.preprocessing.width == 3);
    Example example;
    dataset.read(1, example);
    CHECK(example.image == Image{2, 3, 1, {7, 8, 9, 10, 11, 12}});
}

/// What opening a folder with these two files says.
std::string complaint(const Bytes& images, const Bytes& labels) {
    const TemporaryFolder folder;
    write_file(folder / "train-images-idx3-ubyte", images);
    write_file(folder / "train-labels-idx1-ubyte", labels);
    return error_of([&] { open_mnist(folder.path(), DataSplit::train, {.channels = 1}); });
}

bool mentions(const std::string& sentence, std::string_view part) { return sentence.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("idx files are read plain or compressed, under both usual names") {
    const TemporaryFolder folder;
    write_file(folder / "train-images-idx3-ubyte", kImages);
    write_file(folder / "train-labels.idx1-ubyte", kLabels);
    check_contents(folder.path(), DataSplit::train);
    write_compressed(folder / "t10k-images.idx3-ubyte.gz", kImages);
    write_compressed(folder / "t10k-labels-idx1-ubyte.gz", kLabels);
    check_contents(folder.path(), DataSplit::test);
}

TEST_CASE("grey digits become colour for a network that wants three channels") {
    const TemporaryFolder folder;
    write_file(folder / "train-images-idx3-ubyte", kImages);
    write_file(folder / "train-labels-idx1-ubyte", kLabels);
    const Dataset dataset = open_mnist(folder.path(), DataSplit::train, {.channels = 3, .resize = 4});
    Example example;
    dataset.read(0, example);
    CHECK(example.image.channels == 3);
    CHECK(example.image.height == 4);
    CHECK(dataset.preprocessing.height == 4);
    CHECK(dataset.preprocessing.width == 6);
}

TEST_CASE("a damaged idx file is named, with what was found and expected") {
    const TemporaryFolder empty;
    CHECK(mentions(error_of([&] { open_mnist(empty.path(), DataSplit::test, {}); }), "no t10k-images-idx3-ubyte"));
    CHECK(mentions(complaint(kLabels, kLabels), "train-images-idx3-ubyte\" begins with 0x00000801, 0x00000803"));
    CHECK(mentions(complaint({0, 0}, kLabels), "train-images-idx3-ubyte\" ends early"));
    CHECK(mentions(complaint(Bytes(kImages.begin(), kImages.end() - 1), kLabels),
                   "train-images-idx3-ubyte\" ends early: 1 more bytes"));
    Bytes longer = kImages;
    longer.push_back(0);
    CHECK(mentions(complaint(longer, kLabels), "train-images-idx3-ubyte\" goes on after the 12 bytes"));
    CHECK(mentions(complaint(kImages, idx(0x801, {3}, {1, 2, 3})), "train-labels-idx1-ubyte\" has 3 labels, 2 were"));
    CHECK(mentions(complaint(kImages, idx(0x801, {2}, {1, 10})), "train-labels-idx1-ubyte\": label 1 is 10, 0 to 9"));
    CHECK(mentions(complaint(idx(0x803, {0, 2, 3}, {}), kLabels), "announces 0 images"));
    CHECK(mentions(complaint(idx(0x803, {2, 0, 3}, {}), kLabels), "of 0x3 pixels"));
    CHECK(
        mentions(complaint(idx(0x803, {0xFFFFFFFF, 4096, 4096}, {1}), kLabels), "more than so short a file can hold"));
}

TEST_CASE("a compressed file that is cut off or altered is named") {
    const TemporaryFolder folder;
    const std::filesystem::path images = folder / "train-images-idx3-ubyte.gz";
    const auto open = [&] { open_mnist(folder.path(), DataSplit::train, {.channels = 1}); };
    write_file(folder / "train-labels-idx1-ubyte", kLabels);
    write_compressed(images, kImages);
    CHECK(error_of(open).empty());
    const Bytes whole = read_file(images);
    for (std::size_t size = 2; size < whole.size(); ++size) {
        write_file(images, std::span(whole).first(size));
        CHECK(mentions(error_of(open), "train-images-idx3-ubyte.gz\""));
    }
    Bytes wrong_checksum = whole;
    wrong_checksum[whole.size() - 8] ^= 1;
    write_file(images, wrong_checksum);
    CHECK(mentions(error_of(open), "train-images-idx3-ubyte.gz\" is damaged"));
}

TEST_CASE("Fashion-MNIST has 60,000 images to train and 10,000 to test, every class alike"
          * doctest::skip(absent({fashion_folder()}))) {
    for (const auto& [split, size] : {std::pair{DataSplit::train, 60'000}, std::pair{DataSplit::test, 10'000}}) {
        const Dataset dataset = open_fashion(fashion_folder(), split, fashion_preprocessing());
        CHECK(dataset.size == size);
        CHECK(dataset.classes.size() == 10);
        CHECK(dataset.preprocessing.height == 28);
        CHECK(dataset.preprocessing.width == 28);
        for (int label = 0; label < 10; ++label) CHECK(std::ranges::count(dataset.labels, label) == size / 10);
    }
}

TEST_CASE("without Fashion-MNIST the message says which package has it") {
    const TemporaryFolder folder;
    const std::string sentence =
        error_of([&] { open_fashion(folder / "fashion", DataSplit::train, fashion_preprocessing()); });
    CHECK(mentions(sentence, (folder / "fashion").string()));
    CHECK(mentions(sentence, "dataset-fashion-mnist"));
}
