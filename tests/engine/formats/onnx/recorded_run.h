#pragma once

#include "engine/executor/graph_executor.h"
#include "engine/formats/arrays/npy.h"
#include "engine/formats/onnx/layout.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/program/inference.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Inputs of a network and what another engine outputs for them, as .npy files in the order of the ONNX file.
struct RecordedRun {
    std::vector<std::filesystem::path> inputs;
    std::vector<std::filesystem::path> outputs;
};

/// How far a value may be from the one expected.
struct Tolerance {
    float absolute = 0.0F;
    float relative = 0.0F;             ///< to the expected value
    float relative_to_largest = 0.0F;  ///< to the largest finite value expected of the output
};

/// Whether NaN, infinities and numbers within the tolerance stand at the same places.
inline bool agree(ConstView values, const Tensor& expected, const Tolerance& tolerance) {
    if (!(values.shape == expected.shape())) return false;
    float largest = 0.0F;
    for (const float value : expected.values()) {
        if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
    }
    const float slack = tolerance.absolute + tolerance.relative_to_largest * largest;
    for (std::int64_t i = 0; i < values.elements(); ++i) {
        const float value = values[i];
        const float target = expected[i];
        if (value == target || (std::isnan(value) && std::isnan(target))) continue;
        if (!(std::abs(value - target) <= slack + tolerance.relative * std::abs(target))) return false;
    }
    return true;
}

/// Whether a shape is what is declared, where 0 stands for any extent.
inline bool fits(const Shape& shape, const Shape& declared) {
    if (shape.rank() != declared.rank()) return false;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        if (declared[axis] != 0 && declared[axis] != shape[axis]) return false;
    }
    return true;
}

/// What is wrong with the graph's outputs for a recorded run, operator by operator and as a program; empty where
/// nothing is. Throws Error where the inputs do not fit.
inline std::string difference(const Graph& graph, const RecordedRun& run, const Tolerance& tolerance) {
    std::vector<Tensor> inputs;
    std::vector<Shape> shapes;
    std::vector<ConstView> views;
    for (const std::filesystem::path& file : run.inputs) {
        Tensor values = read_npy(file);
        Tensor ours = to_our_order(values);
        inputs.push_back(fits(ours.shape(), graph.inputs()[inputs.size()].shape) ? std::move(ours) : std::move(values));
        shapes.push_back(inputs.back().shape());
    }
    for (const Tensor& input : inputs) views.push_back(input);
    GraphExecutor executor(graph, shapes, {.keep_values = true});
    for (std::size_t i = 0; i < inputs.size(); ++i) executor.bind(graph.inputs()[i].value, views[i]);
    executor.forward();
    Graph prepared = graph;
    prepare_for_inference(prepared);
    Inference inference(prepared, shapes, Execution::float32);
    inference.run(views);
    for (std::size_t i = 0; i < run.outputs.size(); ++i) {
        const Tensor expected = read_npy(run.outputs[i]);
        if (!agree(to_onnx_order(executor.value(graph.outputs()[i])), expected, tolerance)) {
            return formatted("output {} differs", i);
        }
        if (!agree(to_onnx_order(inference.output(i)), expected, tolerance)) {
            return formatted("output {} of the program differs", i);
        }
    }
    return {};
}

}  // namespace eigenbit::internal
