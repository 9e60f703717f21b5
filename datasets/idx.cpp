#include "datasets/idx.h"

#include "datasets/stored_images.h"
#include "engine/base/error.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <span>

namespace eigenbit::internal {
namespace {

struct Close {
    void operator()(gzFile file) const { gzclose(file); }
};

/// An idx file: a magic number 0x000008NN for bytes in NN dimensions, NN extents, the bytes; numbers are big-endian.
/// zlib reads it whether compressed or not.
class IdxFile {
  public:
    IdxFile(const std::filesystem::path& path, std::uint32_t dimensions)
        : path_(path), file_(gzopen(path.c_str(), "rb")) {
        if (!file_) fail("cannot read \"{}\"", path.string());
        const std::uint32_t magic = read_number();
        if (magic != 0x800 + dimensions) {
            fail("\"{}\" begins with {:#010x}, {:#010x} (an idx file of bytes in {} dimensions) was expected",
                 path.string(), magic, 0x800 + dimensions, dimensions);
        }
    }

    std::uint32_t read_number() {
        std::array<std::uint8_t, 4> bytes{};
        read(bytes);
        return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
    }

    /// The bytes after the extents, exactly `count`.
    std::vector<std::uint8_t> read_rest(std::uint64_t count) {
        // Deflate shrinks 1032-fold at the most: a count beyond that is wrong, and no reason to allocate.
        const std::uint64_t possible = 1032 * std::filesystem::file_size(path_);
        if (count > possible) {
            fail("\"{}\" announces {} bytes, more than so short a file can hold", path_.string(), count);
        }
        std::vector<std::uint8_t> bytes(count);
        read(bytes);
        std::uint8_t extra = 0;
        if (gzread(file_.get(), &extra, 1) > 0) {
            fail("\"{}\" goes on after the {} bytes that it announces", path_.string(), count);
        }
        check();  // the checksum after the data
        return bytes;
    }

  private:
    void read(std::span<std::uint8_t> bytes) {
        constexpr std::size_t kMostAtOnce = 1 << 30;
        while (!bytes.empty()) {
            const int count =
                gzread(file_.get(), bytes.data(), static_cast<unsigned>(std::min(bytes.size(), kMostAtOnce)));
            if (count < 0) check();
            if (count <= 0) fail("\"{}\" ends early: {} more bytes were expected", path_.string(), bytes.size());
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }

    /// Throws when zlib has found something wrong. Its message begins with the path and a colon.
    void check() {
        int error = Z_OK;
        const std::string message = gzerror(file_.get(), &error);
        if (error == Z_OK) return;
        fail("\"{}\" is damaged: {}", path_.string(),
             message.substr(std::min(message.size(), path_.native().size() + 2)));
    }

    std::filesystem::path path_;
    std::unique_ptr<gzFile_s, Close> file_;
};

/// Under the first of the usual names that exists.
std::filesystem::path find_file(const std::filesystem::path& folder, const std::string& stem,
                                const std::string& ending) {
    for (const std::string& name : {stem + "-" + ending, stem + "." + ending}) {
        for (const std::string& path : {name, name + ".gz"}) {
            if (std::filesystem::exists(folder / path)) return folder / path;
        }
    }
    fail("\"{}\" has no {}-{}, .gz or not", folder.string(), stem, ending);
}

StoredImages read_images(const std::filesystem::path& folder, DataSplit split, int class_count) {
    const std::string stem = split == DataSplit::train ? "train" : "t10k";
    const std::filesystem::path image_path = find_file(folder, stem + "-images", "idx3-ubyte");
    const std::filesystem::path label_path = find_file(folder, stem + "-labels", "idx1-ubyte");

    IdxFile image_file(image_path, 3);
    const std::uint32_t count = image_file.read_number();
    const std::uint32_t height = image_file.read_number();
    const std::uint32_t width = image_file.read_number();
    constexpr std::uint32_t kLargestSide = 1 << 12;
    if (count == 0 || height == 0 || width == 0 || height > kLargestSide || width > kLargestSide) {
        fail("\"{}\" announces {} images of {}x{} pixels, at least one of 1x1 to {}x{} was expected",
             image_path.string(), count, height, width, kLargestSide, kLargestSide);
    }
    StoredImages images{.folder = folder.string(),
                        .height = static_cast<int>(height),
                        .width = static_cast<int>(width),
                        .channels = 1,
                        .pixels = {},
                        .labels = {}};
    images.pixels = image_file.read_rest(std::uint64_t{count} * height * width);

    IdxFile label_file(label_path, 1);
    const std::uint32_t label_count = label_file.read_number();
    if (label_count != count) {
        fail("\"{}\" has {} labels, {} were expected, as many as \"{}\" has images", label_path.string(), label_count,
             count, image_path.string());
    }
    for (const int label : label_file.read_rest(label_count)) {
        if (label >= class_count) {
            fail("\"{}\": label {} is {}, 0 to {} were expected", label_path.string(), images.labels.size(), label,
                 class_count - 1);
        }
        images.labels.push_back(label);
    }
    return images;
}

}  // namespace

Dataset open_mnist(const std::filesystem::path& folder, DataSplit split, const Preprocessing& preprocessing) {
    Dataset dataset = to_dataset(read_images(folder, split, 10), preprocessing);
    dataset.class_count = 10;
    dataset.classes = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    dataset.augmentation = {.padding = 2, .mirror = false};
    return dataset;
}

Dataset open_fashion(const std::filesystem::path& folder, DataSplit split, const Preprocessing& preprocessing) {
    if (!std::filesystem::is_directory(folder)) {
        fail("there is no folder \"{}\": Debian's package dataset-fashion-mnist provides it, or name another with "
             "fashion:DIR",
             folder.string());
    }
    Dataset dataset = to_dataset(read_images(folder, split, 10), preprocessing);
    dataset.class_count = 10;
    dataset.classes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                       "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    dataset.augmentation = {.padding = 2, .mirror = true};
    return dataset;
}

std::filesystem::path fashion_folder() {
    const char* folder = std::getenv("EIGENBIT_FASHION_MNIST");
    return folder != nullptr ? folder : "/usr/share/datasets/fashion-mnist";
}

Preprocessing mnist_preprocessing() { return {.channels = 1, .mean = {0.1307F}, .std = {0.3081F}}; }

Preprocessing fashion_preprocessing() { return {.channels = 1, .mean = {0.2860F}, .std = {0.3530F}}; }

}  // namespace eigenbit::internal
