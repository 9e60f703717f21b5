#include "include/eigenbit/dataset.hpp"

#include "api/arrays.h"
#include "api/calibration.h"
#include "api/cpp/state.h"
#include "api/image_size.h"
#include "datasets/classes.h"

#include <algorithm>
#include <utility>

namespace eigenbit {
inline namespace v1 {
namespace {

internal::Dataset dataset_of(const ReadImage& read, const Extents& image, std::span<const int> labels,
                             std::vector<std::string> classes) {
    const internal::Shape shape = shape_of(image);
    if (shape.rank() != 3 || shape.elements() < 1 || (shape.back() != 1 && shape.back() != 3)) {
        internal::fail("Images have shape {}, expected one pixel or more a side and 1 or 3 channels.",
                       to_string(shape));
    }
    if (labels.empty()) internal::fail("There are no labels, expected one for each image.");
    const auto count = static_cast<int>(classes.size());
    const auto bad = std::ranges::find_if(labels, [&](int label) { return label < 0 || label >= count; });
    if (bad != labels.end()) {
        internal::fail("Image {} has label {}, expected 0 to {}.", bad - labels.begin(), *bad, count - 1);
    }
    const auto height = static_cast<int>(shape[0]);
    const auto width = static_cast<int>(shape[1]);
    const auto channels = static_cast<int>(shape[2]);
    internal::Dataset dataset;
    dataset.name = "in memory";
    dataset.size = static_cast<std::int64_t>(labels.size());
    dataset.preprocessing = {.channels = channels, .height = height, .width = width};
    dataset.labels.assign(labels.begin(), labels.end());
    dataset.class_count = count;
    dataset.classes = std::move(classes);
    dataset.read = [=](std::int64_t index, internal::Example& example) {
        example.image = {height, width, channels,
                         std::vector<std::uint8_t>(static_cast<std::size_t>(shape.elements()))};
        read(index, example.image.pixels);
        example.target = {};
        example.file = "image in memory";
    };
    return dataset;
}

/// What reads images from a copy of these.
ReadImage reader_of(const Images& images, std::size_t count) {
    const std::size_t size = count == 0 ? 0 : images.pixels.size() / count;
    if (images.pixels.size()
        != count * static_cast<std::size_t>(std::max(images.height, 0))
               * static_cast<std::size_t>(std::max(images.width, 0))
               * static_cast<std::size_t>(std::max(images.channels, 0))) {
        internal::fail("There are {} pixels for {} labels of images with {}×{} of {} channels.", images.pixels.size(),
                       count, images.height, images.width, images.channels);
    }
    const auto pixels = std::make_shared<const std::vector<std::uint8_t>>(images.pixels.begin(), images.pixels.end());
    return [=](std::int64_t index, std::span<std::uint8_t> image) {
        std::copy_n(pixels->begin() + static_cast<std::ptrdiff_t>(size) * index, size, image.begin());
    };
}

/// Whether the data set, opened for the network, would be what it is.
bool is_as_taken(const internal::Dataset& dataset, const internal::Model& model) {
    const internal::Shape& taken = model.graph.inputs().front().shape;
    const internal::Preprocessing& made = dataset.preprocessing;
    const bool is_same_size =
        taken.rank() == 4 && taken[1] == made.height && taken[2] == made.width && taken[3] == made.channels;
    return model.preprocessing ? *model.preprocessing == made && (made.height != 0 || is_same_size) : is_same_size;
}

internal::DataSplit own_split(Split split) {
    return split == Split::train ? internal::DataSplit::train : internal::DataSplit::test;
}

}  // namespace

internal::Dataset Dataset::State::labelled_for(const internal::Model& model) const {
    internal::Dataset result = images_for(model);
    internal::match_classes(result, model.classes, internal::score_count(model.graph, result.preprocessing));
    return result;
}

Dataset::State Dataset::State::prepared_for(const internal::Model& model) const {
    State result = *this;
    if (kind == Kind::arrays || kind == Kind::for_network) return result;
    if (kind == Kind::specification && !is_as_taken(dataset, model)) {
        result.dataset = internal::open_images(spec, split, model);
    }
    if (kind == Kind::in_memory && model.preprocessing) result.dataset.preprocessing = *model.preprocessing;
    result.dataset.size = std::min(result.dataset.size, dataset.size);
    result.kind = Kind::for_network;
    return result;
}

internal::Dataset Dataset::State::images_for(const internal::Model& model) const {
    if (kind == Kind::arrays) internal::fail("'{}' is arrays, expected images.", spec);
    return prepared_for(model).dataset;
}

internal::Examples Dataset::State::examples_for(const internal::Model& model, std::int64_t count,
                                                std::uint64_t seed) const {
    if (kind == Kind::arrays) return internal::read_arrays(spec, model.graph, count);
    return {internal::calibration_images(images_for(model), count, seed)};
}

void describe_by(internal::Model& model, const Dataset::State& data) {
    if (data.kind != Dataset::State::Kind::arrays) internal::describe_by_data(model, data.images_for(model));
}

Dataset::Dataset(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Dataset Dataset::open(const std::string& spec, Split split) {
    return translated([&] {
        const internal::DataSplit own = own_split(split);
        internal::Dataset dataset = internal::open_dataset(spec, own);
        return Dataset(std::make_shared<const State>(State{State::Kind::specification, std::move(dataset), spec, own}));
    });
}

Dataset Dataset::open(const std::string& spec, Split split, const Model& model) {
    return translated([&] {
        if (internal::names_arrays(spec))
            return Dataset(std::make_shared<const State>(State{State::Kind::arrays, {}, spec}));
        const internal::Model& network = model.state().model;
        const std::string sized = internal::spec_of_size(spec, network.graph, model.state().size);
        internal::Dataset dataset = internal::open_images(sized, own_split(split), network);
        return Dataset(std::make_shared<const State>(State{State::Kind::for_network, std::move(dataset), sized}));
    });
}

Dataset Dataset::of(const Images& images, std::span<const int> labels, std::vector<std::string> classes) {
    return translated([&] {
        const Extents image{images.height, images.width, images.channels};
        return of(reader_of(images, labels.size()), image, labels, std::move(classes));
    });
}

Dataset Dataset::of(const ReadImage& read, const Extents& image, std::span<const int> labels,
                    std::vector<std::string> classes) {
    return translated([&] {
        internal::Dataset dataset = dataset_of(read, image, labels, std::move(classes));
        return Dataset(std::make_shared<const State>(State{State::Kind::in_memory, std::move(dataset)}));
    });
}

Dataset Dataset::first(std::int64_t count) const {
    State state = *state_;
    state.dataset.size = std::min(state.dataset.size, std::max<std::int64_t>(count, 0));
    return Dataset(std::make_shared<const State>(std::move(state)));
}

std::int64_t Dataset::size() const { return state_->dataset.size; }

bool Dataset::is_arrays() const { return state_->kind == State::Kind::arrays; }

bool Dataset::is_restoration() const { return state_->dataset.restoration.has_value(); }

void Dataset::require_labels() const {
    translated([&] { internal::require_labels(state_->dataset); });
}

int Dataset::class_count() const { return state_->dataset.class_count; }

std::vector<std::string> Dataset::classes() const { return state_->dataset.classes; }

Extents Dataset::image() const {
    const internal::Preprocessing& preprocessing = state_->dataset.preprocessing;
    return {preprocessing.height, preprocessing.width, preprocessing.channels};
}

}  // namespace v1
}  // namespace eigenbit
