#include "datasets/cifar.h"

#include "datasets/stored_images.h"
#include "engine/base/error.h"
#include "engine/formats/file.h"

#include <fstream>

namespace eigenbit::internal {
namespace {

constexpr int kSide = 32;
constexpr std::size_t kPlane = kSide * kSide;

/// A record is `label_bytes` labels (the last one counts), then a red, a green and a blue plane.
void append_records(const std::filesystem::path& path, std::size_t label_bytes, int class_count, StoredImages& images) {
    const std::vector<std::uint8_t> bytes = read_file(path);
    const std::size_t record_bytes = label_bytes + 3 * kPlane;
    if (bytes.empty() || bytes.size() % record_bytes != 0) {
        fail("\"{}\" has {} bytes, a multiple of {} (one image) was expected", path.string(), bytes.size(),
             record_bytes);
    }
    std::size_t pixel = images.pixels.size();
    images.pixels.resize(pixel + bytes.size() / record_bytes * 3 * kPlane);
    for (std::size_t offset = 0; offset < bytes.size(); offset += record_bytes) {
        const int label = bytes[offset + label_bytes - 1];
        if (label >= class_count) {
            fail("\"{}\": image {} has label {}, 0 to {} were expected", path.string(), offset / record_bytes, label,
                 class_count - 1);
        }
        images.labels.push_back(label);
        const std::uint8_t* planes = &bytes[offset + label_bytes];
        for (std::size_t i = 0; i < kPlane; ++i) {
            for (std::size_t channel = 0; channel < 3; ++channel) images.pixels[pixel++] = planes[channel * kPlane + i];
        }
    }
}

/// One name on each line; none where the file is absent or lists another number of them.
std::vector<std::string> read_names(const std::filesystem::path& path, int count) {
    std::vector<std::string> names;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.ends_with('\r')) line.pop_back();
        if (!line.empty()) names.push_back(line);
    }
    if (names.size() != static_cast<std::size_t>(count)) names.clear();
    return names;
}

Dataset open_cifar(const std::filesystem::path& folder, const std::vector<std::string>& files, std::size_t label_bytes,
                   int class_count, const std::string& names, const Preprocessing& preprocessing) {
    StoredImages images{
        .folder = folder.string(), .height = kSide, .width = kSide, .channels = 3, .pixels = {}, .labels = {}};
    for (const std::string& file : files) append_records(folder / file, label_bytes, class_count, images);
    Dataset dataset = to_dataset(std::move(images), preprocessing);
    dataset.class_count = class_count;
    dataset.classes = read_names(folder / names, class_count);
    dataset.augmentation = {.padding = 4, .mirror = true};
    return dataset;
}

}  // namespace

Dataset open_cifar10(const std::filesystem::path& folder, DataSplit split, const Preprocessing& preprocessing) {
    const std::vector<std::string> train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                            "data_batch_4.bin", "data_batch_5.bin"};
    const std::vector<std::string> test = {"test_batch.bin"};
    return open_cifar(folder, split == DataSplit::train ? train : test, 1, 10, "batches.meta.txt", preprocessing);
}

Dataset open_cifar100(const std::filesystem::path& folder, DataSplit split, const Preprocessing& preprocessing) {
    const std::string file = split == DataSplit::train ? "train.bin" : "test.bin";
    return open_cifar(folder, {file}, 2, 100, "fine_label_names.txt", preprocessing);
}

Preprocessing cifar_preprocessing() { return {.mean = {0.485F, 0.456F, 0.406F}, .std = {0.229F, 0.224F, 0.225F}}; }

}  // namespace eigenbit::internal
