#include "engine/formats/onnx/onnx.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/program/inference.h"
#include "tests/engine/formats/onnx/golden.h"
#include "tests/engine/network_run.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

namespace {

/// What tests/engine/golden/make_networks.py wrote: normalizations and shortcuts; depthwise and grouped convolutions
/// and clipping; pooling, concatenation, fully-connected layers and softmax.
std::vector<GoldenNetwork> small_networks() {
    const std::filesystem::path folder = EIGENBIT_SOURCE_ROOT "/tests/engine/golden";
    std::vector<GoldenNetwork> networks;
    for (const char* const name : {"residual", "depthwise", "branches"}) {
        networks.push_back(golden_network(name, folder, folder));
    }
    return networks;
}

}  // namespace

TEST_CASE("small networks put out what PyTorch outputs, operator by operator and as a program of floats") {
    for (const GoldenNetwork& network : small_networks()) {
        CAPTURE(network.name);
        Graph graph = read_onnx(network.file).graph;
        CHECK(relative_error(run(graph, network.input), network.output) < 1e-6F);
        const std::array shape{network.input.shape()};
        prepare_for_inference(graph);
        Inference inference(graph, shape, Execution::float32);
        CHECK(relative_error(inference.run(network.input), network.output) < 1e-6F);
    }
}

TEST_CASE("small networks put out in 8 bits nearly what PyTorch outputs") {
    for (const GoldenNetwork& network : small_networks()) {
        CAPTURE(network.name);
        Graph graph = read_onnx(network.file).graph;
        const std::array shape{network.input.shape()};
        prepare_for_inference(graph);
        CHECK(quantize_over_range(graph, network.input) > 0);
        Inference inference(graph, shape, Execution::int8);
        for (const Step& step : inference.steps()) {
            CAPTURE(step.name);
            CHECK_FALSE(std::holds_alternative<FloatLayerStep>(step.work));
        }
        const float error = relative_error(inference.run(network.input), network.output);
        CHECK(error < 0.03F);
        CHECK(error > 0.0F);
    }
}
