#include "api/arrays.h"

#include "engine/base/error.h"
#include "engine/formats/arrays/npy.h"
#include "engine/ops/transpose.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kName = "npy:";

bool fits(const Shape& shape, const Shape& declared) {
    if (shape.rank() != declared.rank()) return false;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        if (declared[axis] != 0 && declared[axis] != shape[axis]) return false;
    }
    return true;
}

Shape channels_last(const Shape& shape) { return {shape[0], shape[2], shape[3], shape[1]}; }

/// "(N, 3, 224, 224)": letters for what is open, images as in ONNX files.
std::string expected(const Shape& declared) {
    std::vector<std::string> extents;
    for (const std::int64_t extent : declared) extents.push_back(extent == 0 ? "any" : std::to_string(extent));
    if (declared.rank() == 4) std::rotate(extents.begin() + 1, extents.begin() + 3, extents.end());
    return formatted("({})", joined(extents));
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& place) {
    std::error_code error;
    if (!std::filesystem::is_directory(place, error)) return {place};
    std::vector<std::filesystem::path> files;
    for (const auto& file : std::filesystem::directory_iterator(place)) {
        if (file.path().extension() == ".npy") files.push_back(file.path());
    }
    std::ranges::sort(files);
    if (files.empty()) fail("There are no .npy files in '{}'.", place.string());
    return files;
}

Tensor transposed(ConstView images, const std::array<int, 4>& order) {
    const Shape& shape = images.shape;
    Tensor result(Shape{shape[order[0]], shape[order[1]], shape[order[2]], shape[order[3]]});
    const Transpose transpose{{order.begin(), order.end()}};
    const View to = result;
    forward(transpose, ForwardArguments{.inputs = {&images, 1}, .outputs = {&to, 1}, .saved = {}});
    return result;
}

/// The file of one of several inputs.
std::filesystem::path file_for(const std::filesystem::path& folder, const std::string& input) {
    std::filesystem::path file = folder / (input + ".npy");
    if (!std::filesystem::exists(file)) {
        fail("The network has several inputs, and '{}' has no file {}.npy for one of them.", folder.string(), input);
    }
    return file;
}

/// The first `count` examples that files hold for an input, one file after the other.
Tensor examples_for(const Graph& graph, const Graph::Input& input, const std::vector<std::filesystem::path>& files,
                    std::int64_t count) {
    std::vector<Tensor> arrays;
    std::int64_t examples = 0;
    for (const std::filesystem::path& file : files) {
        if (examples >= count) break;
        Tensor array = as_input(read_npy(file), graph, input, file.string()).values;
        const Shape& first = arrays.empty() ? array.shape() : arrays.front().shape();
        if (array.shape().elements(1, array.shape().rank()) != first.elements(1, first.rank())) {
            fail("{} differs from {} in size: {} and {}.", file.string(), files.front().string(),
                 to_string(array.shape()), to_string(first));
        }
        examples += array.shape()[0];
        arrays.push_back(std::move(array));
    }
    Shape shape = arrays.front().shape();
    shape[0] = std::min(examples, count);
    if (shape.elements() == 0) fail("There are no examples in '{}'.", files.front().string());
    Tensor all(shape);
    std::int64_t taken = 0;
    for (const Tensor& array : arrays) {
        const std::int64_t used = std::min(array.shape()[0], shape[0] - taken);
        std::ranges::copy(array.view().slice(0, used).values(), all.view().slice(taken, taken + used).data);
        taken += used;
    }
    return all;
}

}  // namespace

InputArray as_input(Tensor array, const Graph& graph, const Graph::Input& input, std::string_view name) {
    const Shape given = array.shape();
    if (given.rank() + 1 == input.shape.rank()) {
        std::vector<std::int64_t> extents{1};
        extents.insert(extents.end(), given.begin(), given.end());
        array.reshape(Shape(extents));
    }
    const Shape& shape = array.shape();
    if (shape.rank() == 4 && input.shape.rank() == 4 && fits(channels_last(shape), input.shape)) {
        return {transposed(array, {0, 2, 3, 1}), true};
    }
    if (!fits(array.shape(), input.shape)) {
        fail("{} has shape {}, input '{}' takes {}.", name, to_string(given), graph.name(input.value),
             expected(input.shape));
    }
    return {std::move(array)};
}

Tensor channels_first(ConstView images) { return transposed(images, {0, 3, 1, 2}); }

bool names_arrays(std::string_view spec) { return spec.starts_with(kName); }

Examples read_arrays(std::string_view spec, const Graph& graph, std::int64_t count) {
    const std::filesystem::path place = spec.substr(kName.size());
    const Graph::Input& first = graph.inputs().front();
    if (graph.inputs().size() == 1) return {examples_for(graph, first, files_of(place), count)};
    std::vector<Tensor> inputs;
    std::vector<Shape> shapes;
    for (const Graph::Input& input : graph.inputs()) {
        const std::string& name = graph.name(input.value);
        inputs.push_back(examples_for(graph, input, {file_for(place, name)}, count));
        shapes.push_back(inputs.back().shape());
        if (shapes.back()[0] != shapes.front()[0]) {
            fail("'{}' holds {} examples for input '{}' and {} for input '{}'.", place.string(), shapes.back()[0], name,
                 shapes.front()[0], graph.name(first.value));
        }
    }
    JoinedInputs joined(graph, shapes);
    Tensor values = joined.join(inputs);
    return {std::move(values), std::move(joined)};
}

}  // namespace eigenbit::internal
