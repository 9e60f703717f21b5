#include "engine/formats/onnx.h"
#include "engine/formats/onnx_layout.h"
#include "engine/session.h"
#include "tests/engine/npy.h"
#include "tests/laboratory.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace eigenbit;

namespace {

float largest(std::span<const float> values) {
    float result = 0.0F;
    for (const float value : values) result = std::max(result, std::abs(value));
    return result;
}

/// The largest difference, relative to the largest of the expected values.
float relative_error(ConstView values, ConstView expected) {
    REQUIRE(to_string(values.shape) == to_string(expected.shape));
    float difference = 0.0F;
    for (std::int64_t i = 0; i < values.elements(); ++i) {
        difference = std::max(difference, std::abs(values[i] - expected[i]));
    }
    return difference / largest(expected.values());
}

Tensor run(const Graph& graph, ConstView input) {
    Session session(graph, std::array{input.shape});
    return Tensor(session.run(input));
}

}  // namespace

TEST_CASE("imported networks put out what PyTorch puts out") {
    for (const std::string name : {"resnet20_cifar10", "resnet32_cifar10", "resnet56_cifar10", "densenet40_12_cifar10",
                                   "mobilenet_v1_0.25_224", "dncnn-s-15", "dncnn-s-25", "imdn_x2"}) {
        const auto file = laboratory("data/models/" + name + ".onnx");
        const auto input = laboratory("data/golden/" + name + ".input.npy");
        const auto output = laboratory("data/golden/" + name + ".output.npy");
        if (!file || !input || !output) return;
        const Model model = read_onnx(*file);
        const Tensor result = run(model.graph, to_our_order(read_npy(*input)));
        const float error = relative_error(result, to_our_order(read_npy(*output)));
        MESSAGE(name << ": error " << error << ", " << model.graph.nodes().size() << " nodes");
        CHECK(error < 1e-4F);
    }
}
