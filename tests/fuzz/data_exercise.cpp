#include "tests/fuzz/data_exercise.h"

#include "datasets/cifar.h"
#include "datasets/idx.h"
#include "datasets/label_list.h"
#include "engine/base/error.h"
#include "engine/formats/exif.h"
#include "engine/formats/image.h"
#include "engine/formats/preprocess.h"
#include "tests/temporary_folder.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

namespace eigenbit::internal {
namespace {

using Bytes = std::span<const std::uint8_t>;

/// A new file each time: some file systems write one to disk at once that is emptied and written again.
void put(const std::filesystem::path& path, Bytes bytes) {
    std::filesystem::remove(path);
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void read_as_image(Bytes bytes) {
    const Image image = decode_image(bytes, "input");
    if (image.pixels.size() != static_cast<std::size_t>(image.height) * image.width * image.channels) std::abort();
    if (image.pixels.size() > 1 << 20) return;
    for (const Fit fit : {Fit::cover, Fit::stretch, Fit::letterbox}) {
        try {
            preprocess(image, {.height = 5, .width = 9, .fit = fit}, "input");
        } catch (const Error&) {
        }
    }
}

void check(const LabelList& list) {
    for (const LabelList::Row& row : list.rows) {
        if (row.label < 0 || row.label >= list.class_count) std::abort();
    }
    if (!list.classes.empty() && std::ssize(list.classes) != list.class_count) std::abort();
}

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

void read_all(const Dataset& dataset) {
    Example example;
    for (std::int64_t i = 0; i < std::min<std::int64_t>(dataset.size, 4); ++i) dataset.read(i, example);
}

/// The bytes are the images, with as many labels of 0 as they announce; or the labels of four images.
void read_as_idx(Bytes bytes) {
    static const TemporaryFolder folder;
    const bool are_labels = bytes.size() > 3 && bytes[3] == 1;
    const auto of_name = [&](const char* name) { return folder / name; };
    if (are_labels) {
        put(of_name("t10k-labels-idx1-ubyte"), bytes);
        put(of_name("t10k-images-idx3-ubyte"),
            std::array<std::uint8_t, 20>{0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1, 5, 6, 7, 8});
    } else {
        std::vector<std::uint8_t> labels{0, 0, 8, 1, 0, 0, 0, bytes.size() > 7 ? bytes[7] : std::uint8_t{0}};
        labels.resize(8 + std::size_t{labels[7]});
        put(of_name("t10k-labels-idx1-ubyte"), labels);
        put(of_name("t10k-images-idx3-ubyte"), bytes);
    }
    read_all(open_mnist(folder.path(), DataSplit::test, mnist_preprocessing()));
}

void read_as_cifar(Bytes bytes) {
    static const TemporaryFolder folder;
    put(folder / "test_batch.bin", bytes);
    read_all(open_cifar10(folder.path(), DataSplit::test, cifar_preprocessing()));
}

}  // namespace

int exercise_data(Bytes bytes) {
    constexpr std::array<void (*)(Bytes), 5> kReaders{
        read_as_image, [](Bytes input) { check(parse_label_list(text_of(input), "input")); },
        [](Bytes input) { check(parse_class_table(text_of(input), "input")); }, read_as_idx, read_as_cifar};
    int taken = 0;
    for (const auto reader : kReaders) {
        try {
            reader(bytes);
            ++taken;
        } catch (const Error&) {
        }
    }
    const int orientation = exif_orientation(bytes);
    if (orientation < 1 || orientation > 8) std::abort();
    return taken + (orientation > 1 ? 1 : 0);
}

}  // namespace eigenbit::internal
