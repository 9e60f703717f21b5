#include "include/eigenbit/dataset.hpp"

#include "api/cpp/state.h"

#include <algorithm>
#include <utility>

namespace eigenbit {
inline namespace v1 {
namespace {

internal::Dataset dataset_of(const Images& images, std::span<const int> labels, std::vector<std::string> classes) {
    const bool is_image = images.height > 0 && images.width > 0 && (images.channels == 1 || images.channels == 3);
    if (!is_image) {
        internal::fail("Images have {}×{} pixels of {} channels, expected 1 or more a side and 1 or 3 channels.",
                       images.height, images.width, images.channels);
    }
    const auto size = static_cast<std::size_t>(images.height) * static_cast<std::size_t>(images.width)
                      * static_cast<std::size_t>(images.channels);
    if (labels.empty() || images.pixels.size() != labels.size() * size) {
        internal::fail("There are {} pixels for {} labels, expected {} for each.", images.pixels.size(), labels.size(),
                       size);
    }
    const auto count = static_cast<int>(classes.size());
    const auto bad = std::ranges::find_if(labels, [&](int label) { return label < 0 || label >= count; });
    if (bad != labels.end()) {
        internal::fail("Image {} has label {}, expected 0 to {}.", bad - labels.begin(), *bad, count - 1);
    }
    internal::Dataset dataset;
    dataset.name = "in memory";
    dataset.size = static_cast<std::int64_t>(labels.size());
    dataset.preprocessing = {.channels = images.channels, .height = images.height, .width = images.width};
    dataset.labels.assign(labels.begin(), labels.end());
    dataset.class_count = count;
    dataset.classes = std::move(classes);
    const auto pixels = std::make_shared<const std::vector<std::uint8_t>>(images.pixels.begin(), images.pixels.end());
    dataset.read = [pixels, size, images](std::int64_t index, internal::Example& example) {
        const auto first = pixels->begin() + static_cast<std::ptrdiff_t>(size) * index;
        example.image = {
            images.height, images.width, images.channels, {first, first + static_cast<std::ptrdiff_t>(size)}};
        example.target = {};
        example.file = "image in memory";
    };
    return dataset;
}

}  // namespace

internal::Dataset Dataset::State::labelled_for(const internal::Model& model) const {
    if (!spec.empty()) return internal::open_dataset(spec, split, model);
    return images_for(model);
}

internal::Dataset Dataset::State::images_for(const internal::Model& model) const {
    if (!spec.empty()) return internal::open_images(spec, split, model);
    internal::Dataset result = dataset;
    if (model.preprocessing) result.preprocessing = *model.preprocessing;
    return result;
}

Dataset::Dataset(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Dataset Dataset::open(const std::string& spec, Split split) {
    return translated([&] {
        const internal::DataSplit own = split == Split::train ? internal::DataSplit::train : internal::DataSplit::test;
        return Dataset(std::make_shared<const State>(State{internal::open_dataset(spec, own), spec, own}));
    });
}

Dataset Dataset::of(const Images& images, std::span<const int> labels, std::vector<std::string> classes) {
    return translated([&] {
        return Dataset(std::make_shared<const State>(State{dataset_of(images, labels, std::move(classes)), "", {}}));
    });
}

std::int64_t Dataset::size() const { return state_->dataset.size; }

int Dataset::class_count() const { return state_->dataset.class_count; }

std::vector<std::string> Dataset::classes() const { return state_->dataset.classes; }

Extents Dataset::image() const {
    const internal::Preprocessing& preprocessing = state_->dataset.preprocessing;
    return {preprocessing.height, preprocessing.width, preprocessing.channels};
}

}  // namespace v1
}  // namespace eigenbit
