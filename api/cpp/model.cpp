#include "include/eigenbit/model.hpp"

#include "api/compression.h"
#include "api/cpp/state.h"
#include "api/retraining.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/formats/image.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/zoo/zoo.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace eigenbit {
inline namespace v1 {

internal::Shape shape_of(const Extents& extents) { return internal::Shape(std::span(extents)); }

Extents extents_of(const internal::Shape& shape) { return {shape.begin(), shape.end()}; }

Image read_image(const std::string& file) {
    return translated([&] {
        internal::Image image = internal::read_image(file);
        return Image{image.height, image.width, image.channels, std::move(image.pixels)};
    });
}

Model::Model(std::unique_ptr<State> state) : state_(std::move(state)) {}
Model::Model(const Model& other) : state_(std::make_unique<State>(*other.state_)) {}
Model::Model(Model&& other) noexcept = default;
Model& Model::operator=(const Model& other) {
    if (this != &other) state_ = std::make_unique<State>(*other.state_);
    return *this;
}
Model& Model::operator=(Model&& other) noexcept = default;
Model::~Model() = default;

Model Model::load(const std::string& file) {
    return translated([&] {
        internal::ModelFile read = internal::load_model_file({.path = file});
        const internal::LevelStorage storage = read.storage.value_or(internal::LevelStorage::entropy);
        return Model(std::make_unique<State>(State{std::move(read.model), storage}));
    });
}

Model Model::zoo(const std::string& name, const Extents& image, std::int64_t classes, std::uint64_t seed) {
    return translated([&] {
        internal::Graph graph = internal::build_network(name, shape_of(image), classes, seed);
        return Model(std::make_unique<State>(State{{std::move(graph), {}, {}, {}}}));
    });
}

void Model::save(const std::string& file) const {
    translated([&] {
        const std::filesystem::path path = file;
        if (path.extension() == ".onnx") {
            internal::write_onnx(state_->model, path);
        } else if (path.extension() == ".ebit") {
            internal::write_ebit(state_->model, path, state_->storage);
        } else {
            internal::fail("\"{}\" ends neither in .ebit nor in .onnx.", file);
        }
    });
}

std::vector<std::byte> Model::pack() const {
    return translated([&] {
        const std::vector<std::uint8_t> bytes = internal::encode_ebit(state_->model, state_->storage).bytes;
        const auto all = std::as_bytes(std::span(bytes));
        return std::vector(all.begin(), all.end());
    });
}

Extents Model::input_shape() const { return extents_of(state_->model.graph.inputs().front().shape); }

std::vector<std::string> Model::classes() const { return state_->model.classes; }

std::int64_t Model::parameter_count() const { return state_->model.graph.parameter_elements(); }

bool Model::is_compressed() const {
    return std::ranges::any_of(state_->model.graph.parameters(),
                               [](const auto& entry) { return !entry.second.is_float(); });
}

double Model::bits_per_weight() const {
    return translated([&] {
        internal::Model copy = state_->model;
        return internal::update_rate_note(copy, state_->storage);
    });
}

}  // namespace v1
}  // namespace eigenbit
