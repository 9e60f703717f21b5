#include "datasets/restoration.h"

#include "datasets/image_files.h"
#include "engine/base/error.h"
#include "engine/formats/preprocess.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>
#include <utility>

namespace eigenbit::internal {
namespace {

namespace fs = std::filesystem;

struct ImagePair {
    std::string high;
    std::string low;
};

/// "babyx2" and "baby_x2" become "baby".
std::string without_scale(std::string stem) {
    std::size_t end = stem.size();
    while (end > 0 && std::isdigit(static_cast<unsigned char>(stem[end - 1]))) --end;
    if (end == stem.size() || end < 2 || std::tolower(stem[end - 1]) != 'x') return stem;
    --end;
    if (end > 1 && stem[end - 1] == '_') --end;
    return stem.substr(0, end);
}

std::vector<ImagePair> pair_images(const fs::path& high_folder, const fs::path& low_folder) {
    std::map<std::string, std::string> low_by_stem;
    for (const fs::path& low : list_images(low_folder)) {
        low_by_stem.emplace(without_scale(low.stem().string()), low.string());
        low_by_stem[low.stem().string()] = low.string();
    }
    std::vector<ImagePair> pairs;
    for (const fs::path& high : list_images(high_folder)) {
        const auto low = low_by_stem.find(high.stem().string());
        if (low == low_by_stem.end()) {
            fail("\"{}\" has no low-resolution version in \"{}\": the same name, or with x2, x3 … after it, was "
                 "expected",
                 high.string(), low_folder.string());
        }
        pairs.push_back({high.string(), low->second});
    }
    return pairs;
}

void check_scale(const ImagePair& pair, const Image& high, const Image& low, int scale) {
    const auto fits = [scale](int large, int small) { return large / scale == small; };
    if (scale < 1 || !fits(high.height, low.height) || !fits(high.width, low.width)) {
        fail("\"{}\" has {}x{} pixels, {} times the {}x{} of \"{}\" were expected", pair.high, high.height, high.width,
             std::max(scale, 1), low.height, low.width, pair.low);
    }
}

Dataset restoration_dataset(std::size_t images, Preprocessing preprocessing) {
    Dataset dataset;
    dataset.size = static_cast<std::int64_t>(images);
    preprocessing.resize = 0;
    preprocessing.height = 0;
    preprocessing.width = 0;
    preprocessing.fit = Fit::crop;
    dataset.preprocessing = std::move(preprocessing);
    dataset.augmentation = {.mirror = true, .turn = true, .crop = 48};
    return dataset;
}

}  // namespace

Dataset open_denoising(const fs::path& folder, float noise, std::uint64_t noise_seed, Preprocessing preprocessing) {
    const auto files = std::make_shared<const std::vector<fs::path>>(list_images(folder));
    Dataset dataset = restoration_dataset(files->size(), std::move(preprocessing));
    dataset.restoration = {.scale = 1, .noise = noise, .noise_seed = noise_seed};
    dataset.read = [files, fitted = dataset.preprocessing](std::int64_t index, Example& example) {
        const fs::path& file = (*files)[static_cast<std::size_t>(index)];
        example.file = file.native();
        example.image = read_image(file);
        convert_and_resize(example.image, fitted, example.file);
    };
    return dataset;
}

Dataset open_super_resolution(const fs::path& high_folder, const fs::path& low_folder, Preprocessing preprocessing) {
    const auto pairs = std::make_shared<const std::vector<ImagePair>>(pair_images(high_folder, low_folder));
    const int scale = read_image(pairs->front().high).height / read_image(pairs->front().low).height;
    Dataset dataset = restoration_dataset(pairs->size(), std::move(preprocessing));
    dataset.restoration = {.scale = scale, .noise = 0.0F, .noise_seed = 0};
    dataset.read = [pairs, scale, fitted = dataset.preprocessing](std::int64_t index, Example& example) {
        const ImagePair& pair = (*pairs)[static_cast<std::size_t>(index)];
        example.file = pair.low;
        example.image = read_image(pair.low);
        example.target = read_image(pair.high);
        check_scale(pair, example.target, example.image, scale);
        convert_and_resize(example.image, fitted, example.file);
        convert_and_resize(example.target, fitted, pair.high);
    };
    return dataset;
}

Preprocessing denoising_preprocessing() { return {.channels = 1}; }

Preprocessing super_resolution_preprocessing() { return {}; }

}  // namespace eigenbit::internal
