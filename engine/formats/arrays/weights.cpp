#include "engine/formats/arrays/weights.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/layout.h"
#include "engine/graph/layer_view.h"
#include "engine/graph/uses.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kBatchCounter = "num_batches_tracked";

/// Whether the operator computes each element from one, in place.
bool keeps_places(const Operator& op) {
    return std::holds_alternative<Activation>(op) || std::holds_alternative<Dropout>(op);
}

/// The shape (H, W, C) of the images that the layer's input was flattened from, where it was and their elements are in
/// another order in (C, H, W).
std::optional<Shape> flattened_images(const Graph& graph, const std::vector<Shape>& shapes, const LayerView& layer) {
    ValueId value = layer.input;
    std::optional<std::size_t> node = producer(graph, value);
    while (node && keeps_places(graph.nodes()[*node].op)) node = producer(graph, graph.nodes()[*node].inputs[0]);
    if (!node || !std::holds_alternative<Reshape>(graph.nodes()[*node].op)) return std::nullopt;
    value = graph.nodes()[*node].inputs[0];
    const Shape& images = shapes[static_cast<std::size_t>(value)];
    if (images.rank() != 4 || images[3] == 1 || images[1] * images[2] == 1) return std::nullopt;
    if (images.elements(1, 4) != layer.weight_shape.back()) return std::nullopt;
    return Shape{images[1], images[2], images[3]};
}

/// A parameter and how a file orders its elements.
struct Place {
    ValueId parameter;
    std::optional<LayerView> layer{};  ///< whose weight it is
    std::optional<Shape> columns{};    ///< (H, W, C) of a fully-connected layer's input
};

std::vector<Place> places_of(const Graph& graph) {
    // Sizes that the network leaves open come before no fully-connected layer whose columns they are: any will do.
    constexpr std::int64_t kAnySide = 64;
    std::vector<Shape> inputs;
    for (const Graph::Input& input : graph.inputs()) {
        Shape shape = input.shape;
        for (int axis = 0; axis < shape.rank(); ++axis) {
            if (shape[axis] == 0) shape[axis] = axis == 0 ? 1 : kAnySide;
        }
        inputs.push_back(shape);
    }
    const std::vector<Shape> shapes = infer_shapes(graph, inputs);
    std::map<ValueId, Place> places;
    std::set<ValueId> gains;
    for (const auto& [value, weight] : graph.parameters()) places.emplace(value, Place{value});
    for (const LayerView& layer : layers_of(graph)) {
        Place& place = places.at(layer.weight);
        place.layer = layer;
        if (!layer.conv) place.columns = flattened_images(graph, shapes, layer);
        if (layer.gain) gains.insert(*layer.gain);
    }
    std::vector<Place> result;
    for (const auto& [value, place] : places) {
        if (!gains.contains(value)) result.push_back(place);
    }
    return result;
}

/// Ours as the file has it, or the file's as ours: convolution weights OHWI and OIHW, columns HWC and CHW.
Tensor reordered(const Tensor& values, const Place& place, bool to_file) {
    const auto reorder = [&](ConstView images) { return to_file ? to_onnx_order(images) : to_our_order(images); };
    if (!place.columns) return reorder(values);
    const Shape& hwc = *place.columns;
    const std::int64_t rows = values.shape()[0];
    Tensor matrix = values;
    matrix.reshape(to_file ? Shape{rows, hwc[0], hwc[1], hwc[2]} : Shape{rows, hwc[2], hwc[0], hwc[1]});
    matrix = reorder(matrix);
    matrix.reshape(values.shape());
    return matrix;
}

/// The prefix that all arrays share, of those that wrappers of networks add.
std::string shared_prefix(std::span<const NamedArray> arrays) {
    for (const std::string prefix : {"module.", "model."}) {
        if (std::ranges::all_of(arrays, [&](const NamedArray& array) { return array.name.starts_with(prefix); }))
            return prefix;
    }
    return {};
}

}  // namespace

std::vector<NamedArray> weights_of(const Graph& graph) {
    std::vector<NamedArray> arrays;
    for (const Place& place : places_of(graph)) {
        const Tensor values = place.layer ? scaled_image(graph, *place.layer) : image(graph.parameter(place.parameter));
        arrays.push_back({graph.name(place.parameter), reordered(values, place, true)});
    }
    return arrays;
}

TakenWeights take_weights(Graph& graph, std::span<const NamedArray> arrays) {
    const std::string prefix = shared_prefix(arrays);
    std::map<std::string, const NamedArray*, std::less<>> by_name;
    for (const NamedArray& array : arrays) {
        if (!array.name.ends_with(kBatchCounter)) by_name.emplace(array.name.substr(prefix.size()), &array);
    }
    TakenWeights result;
    for (const Place& place : places_of(graph)) {
        const std::string& name = graph.name(place.parameter);
        const auto found = by_name.find(name);
        if (found == by_name.end()) {
            result.kept.push_back(name);
            continue;
        }
        const Tensor& values = found->second->values;
        Weight& parameter = graph.parameter(place.parameter);
        const Shape expected = to_onnx_order(parameter.shape());
        if (!parameter.is_float()) fail("parameter '{}' is quantized: weights are taken by float networks", name);
        if (values.shape() == expected || (values.elements() == 1 && expected.elements() == 1)) {
            Tensor shaped = values;
            shaped.reshape(expected);
            parameter = reordered(shaped, place, false);
            result.taken.push_back(name);
        } else {
            result.unfit.push_back(formatted("'{}' has shape {} in the file, {} in the network", name,
                                             to_string(values.shape()), to_string(expected)));
        }
        by_name.erase(found);
    }
    for (const auto& [name, array] : by_name) result.unused.push_back(name);
    if (result.taken.empty()) {
        fail("no array fits a parameter of its name: the file has '{}' …, the network '{}' …",
             arrays.empty() ? "nothing" : arrays.front().name, result.kept.empty() ? "others" : result.kept.front());
    }
    return result;
}

}  // namespace eigenbit::internal
