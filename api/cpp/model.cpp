#include "include/eigenbit/model.hpp"

#include "api/cpp/state.h"
#include "api/image_size.h"
#include "api/retraining.h"
#include "engine/formats/arrays/weights.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/formats/image.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/graph/layer_view.h"
#include "engine/passes/part.h"
#include "engine/passes/quantizer_candidates.h"
#include "engine/zoo/network_builder.h"
#include "engine/zoo/zoo.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace eigenbit {
inline namespace v1 {

namespace {

Preprocessing preprocessing_of(const internal::Preprocessing& own) {
    const auto fit = [&] {
        switch (own.fit) {
        case internal::Fit::crop:
            return Fit::crop;
        case internal::Fit::cover:
            return Fit::cover;
        case internal::Fit::stretch:
            return Fit::stretch;
        case internal::Fit::letterbox:
            return Fit::letterbox;
        }
        internal::fail("A way to fit images is unknown.");
    };
    return {.channels = own.channels,
            .is_bgr = own.channel_order == internal::ChannelOrder::bgr,
            .resize = own.resize,
            .height = own.height,
            .width = own.width,
            .fit = fit(),
            .mean = own.mean,
            .std = own.std};
}

internal::LevelStorage own_storage(LevelStorage storage) {
    return storage == LevelStorage::fixed ? internal::LevelStorage::fixed : internal::LevelStorage::entropy;
}

/// The first few of many names.
std::string some_of(const std::vector<std::string>& names) {
    constexpr std::size_t kMost = 6;
    const auto shown = std::span(names).first(std::min(names.size(), kMost));
    return internal::formatted("{}{}", internal::joined(shown), names.size() > kMost ? " …" : "");
}

void warn_of_weights(const internal::TakenWeights& outcome, const std::string& file) {
    if (!outcome.kept.empty()) {
        internal::warn("{} does not have {} of the network's parameters, which stay as they were: {}.", file,
                       outcome.kept.size(), some_of(outcome.kept));
    }
    if (!outcome.unfit.empty()) {
        internal::warn("{} parameters stay as they were, since their shapes differ: {}.", outcome.unfit.size(),
                       some_of(outcome.unfit));
    }
    if (!outcome.unused.empty()) {
        internal::warn("the network does not have {} of the arrays in {}: {}.", outcome.unused.size(), file,
                       some_of(outcome.unused));
    }
}

/// Item `index` of inputs or outputs. Throws Error when there is none.
template <typename Items>
decltype(auto) item(const Items& items, std::size_t index, const char* what) {
    if (index >= items.size()) internal::fail("There is no {} {}: the network has {}.", what, index, items.size());
    return items[index];
}

}  // namespace

std::string describe(const Preprocessing& preprocessing) {
    const auto numbers = [](const std::vector<float>& values) {
        std::string text;
        for (const float value : values) text += internal::formatted("{}{:.4g}", text.empty() ? "" : " ", value);
        return text;
    };
    const char* const colours = preprocessing.channels == 1 ? "grey" : preprocessing.is_bgr ? "BGR" : "RGB";
    std::string text =
        internal::formatted("{}, mean {}, std {}", colours, numbers(preprocessing.mean), numbers(preprocessing.std));
    if (preprocessing.resize > 0) text += internal::formatted(", shorter side resized to {}", preprocessing.resize);
    constexpr std::array kWays{"centre {}x{} cropped", "resized to cover {}x{}, centre cropped", "stretched to {}x{}",
                               "put into {}x{} with bars of the mean colour"};  // by Fit
    if (preprocessing.height > 0) {
        text += ", "
                + internal::formatted(fmt::runtime(kWays[static_cast<std::size_t>(preprocessing.fit)]),
                                      preprocessing.height, preprocessing.width);
    }
    return text;
}

std::vector<FloatLayer> float_layers_of(const internal::Graph& graph) {
    std::vector<FloatLayer> layers;
    for (internal::FloatLayer& layer : internal::float_layers(graph)) {
        layers.push_back({std::move(layer.name), std::move(layer.reason)});
    }
    return layers;
}

Image read_image(const std::string& file) {
    return translated([&] {
        internal::Image image = internal::read_image(file);
        return Image{image.height, image.width, image.channels, std::move(image.pixels)};
    });
}

void write_png(const std::string& file, const Image& image) {
    translated([&] { internal::write_png(file, {image.height, image.width, image.channels, image.pixels}); });
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

Model Model::load(const std::string& file, const LoadOptions& options) {
    return translated([&] {
        const ImageSize size = options.size.is_given() ? options.size : internal::size_in_spec(options.data);
        internal::LoadedModel read =
            internal::load_model({.path = file, .residual = options.residual, .size = size, .until = options.until});
        return Model(std::make_unique<State>(State{std::move(read.model), read.storage, size}));
    });
}

Model Model::zoo(const std::string& name, const Extents& image, std::int64_t classes, std::uint64_t seed) {
    return translated([&] {
        internal::Graph graph = internal::build_network(name, shape_of(image), classes, seed);
        return Model(std::make_unique<State>(State{{std::move(graph), {}, {}, {}}}));
    });
}

std::vector<std::string> Model::zoo_names() {
    const std::vector<std::string_view> names = internal::network_names();
    return {names.begin(), names.end()};
}

void Model::save(const std::string& file, const SaveOptions& options) const {
    translated([&] {
        const std::filesystem::path path = file;
        if (path.extension() == ".onnx") {
            internal::write_onnx(state_->model, path, {.opset = options.opset, .flat = options.flat});
        } else if (path.extension() == ".ebit") {
            internal::write_ebit(state_->model, path,
                                 options.storage ? own_storage(*options.storage) : state_->file_storage());
        } else if (internal::is_array_file(path)) {
            internal::write_arrays(path, internal::weights_of(state_->model.graph));
        } else {
            internal::fail("\"{}\" ends in none of .ebit, .onnx, .npz and .safetensors.", file);
        }
    });
}

std::vector<std::byte> Model::pack() const {
    return translated([&] {
        const std::vector<std::uint8_t> bytes = internal::encode_ebit(state_->model, state_->file_storage()).bytes;
        const auto all = std::as_bytes(std::span(bytes));
        return std::vector(all.begin(), all.end());
    });
}

std::size_t Model::input_count() const { return state_->model.graph.inputs().size(); }

std::size_t Model::output_count() const { return state_->model.graph.outputs().size(); }

std::string Model::input_name(std::size_t input) const {
    return translated([&] {
        const internal::Graph& graph = state_->model.graph;
        return graph.name(item(graph.inputs(), input, "input").value);
    });
}

std::string Model::output_name(std::size_t output) const {
    return translated([&] {
        const internal::Graph& graph = state_->model.graph;
        return graph.name(item(graph.outputs(), output, "output"));
    });
}

Extents Model::input_shape(std::size_t input) const {
    return translated([&] { return extents_of(item(state_->model.graph.inputs(), input, "input").shape); });
}

std::optional<Preprocessing> Model::preprocessing() const {
    if (!state_->model.preprocessing) return std::nullopt;
    return preprocessing_of(*state_->model.preprocessing);
}

std::vector<std::string> Model::classes() const { return state_->model.classes; }

std::int64_t Model::class_count() const {
    return translated([&]() -> std::int64_t {
        const internal::Graph& graph = state_->model.graph;
        const std::vector<internal::Shape> shapes = infer_shapes(graph, internal::input_shape(graph, 1, 1));
        const internal::Shape& output = shapes[static_cast<std::size_t>(graph.outputs().front())];
        return output.rank() == 2 ? output.back() : 0;
    });
}

void Model::set_classes(std::vector<std::string> names) {
    translated([&] {
        if (const std::int64_t count = class_count(); std::ssize(names) != count) {
            internal::fail("There are names of {} classes, the network tells {} apart.", names.size(), count);
        }
        state_->model.classes = std::move(names);
    });
}

void Model::describe_by(const Dataset& data) {
    translated([&] { v1::describe_by(state_->model, data.state()); });
}

std::map<std::string, std::string> Model::notes() const { return state_->model.metadata; }

std::vector<std::string> Model::layers() const {
    std::vector<std::string> names;
    for (const internal::Node& node : state_->model.graph.nodes()) names.push_back(node.name);
    return names;
}

void Model::cut(const std::string& layer) {
    translated([&] {
        internal::Graph& graph = state_->model.graph;
        internal::GraphPart part = internal::part_up_to(graph, internal::find_value(graph, layer));
        part.graph.add_output(part.value);
        graph = std::move(part.graph);
        state_->model.classes.clear();
    });
}

void Model::replace_head(std::int64_t classes, std::uint64_t seed) {
    translated([&] {
        internal::Graph& graph = state_->model.graph;
        if (classes < 1) internal::fail("The network was to tell {} classes apart, expected 1 or more.", classes);
        const std::vector<internal::LayerView> layers = internal::layers_of(graph);
        if (layers.empty()) internal::fail("The network has no layer with weights that could be its head.");
        const std::string name = graph.nodes()[layers.back().node].name;
        internal::GraphPart part = internal::part_up_to(graph, layers.back().input);
        internal::NetworkBuilder builder(std::move(part.graph), internal::input_shapes(graph, 1, state_->size), seed);
        const bool is_image = builder.shape(part.value).rank() == 4;
        const internal::ValueId features =
            is_image ? builder.global_average_pool(name + ".pool", part.value) : part.value;
        graph = std::move(builder).finish(builder.linear(name, features, classes));
        state_->model.classes.clear();
    });
}

TakenWeights Model::take_weights(const std::string& file) {
    return translated([&] {
        const std::vector<internal::NamedArray> arrays = internal::read_arrays(file);
        try {
            internal::TakenWeights outcome = internal::take_weights(state_->model.graph, arrays);
            warn_of_weights(outcome, file);
            return TakenWeights{std::move(outcome.taken), std::move(outcome.kept), std::move(outcome.unused),
                                std::move(outcome.unfit)};
        } catch (const internal::Error& error) {
            internal::fail("cannot take weights from {}: {}", file, error.what());
        }
    });
}

std::int64_t Model::parameter_count() const { return state_->model.graph.parameter_elements(); }

bool Model::is_compressed() const {
    return std::ranges::any_of(state_->model.graph.parameters(),
                               [](const auto& entry) { return !entry.second.is_float(); });
}

double Model::bits_per_weight() const {
    return translated([&] {
        internal::Model copy = state_->model;
        return internal::update_rate_note(copy, state_->file_storage());
    });
}

std::optional<LevelStorage> Model::storage() const {
    if (!state_->storage) return std::nullopt;
    return *state_->storage == internal::LevelStorage::fixed ? LevelStorage::fixed : LevelStorage::entropy;
}

bool Model::runs_in_int8() const { return internal::runs_in_int8(state_->model.graph); }

std::vector<FloatLayer> Model::float_layers() const { return float_layers_of(state_->model.graph); }

}  // namespace v1
}  // namespace eigenbit
