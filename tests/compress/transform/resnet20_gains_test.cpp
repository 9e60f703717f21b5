#include "compress/transform/transform.h"
#include "engine/formats/onnx/onnx.h"
#include "tests/laboratory.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>

namespace eigenbit::internal {
namespace {

std::filesystem::path resnet20() { return laboratory("data/models/resnet20_cifar10.onnx"); }
std::filesystem::path resnet20_gains() { return laboratory("data/golden/resnet20_klt_gains.json"); }

}  // namespace

TEST_CASE("KLT weight coding gains of ResNet-20's layers are those computed with NumPy"
          * doctest::skip(absent({resnet20(), resnet20_gains()}))) {
    const nlohmann::json gains = nlohmann::json::parse(std::ifstream(resnet20_gains()));
    const Graph graph = read_onnx(resnet20()).graph;
    const std::vector<Layer> layers = find_layers(graph);
    REQUIRE(layers.size() == 20);
    for (const auto& [key, axis] : {std::pair{"row", Axis::row}, std::pair{"col", Axis::column}}) {
        REQUIRE(gains[key].size() == layers.size());
        for (std::size_t i = 0; i < layers.size(); ++i) {
            CAPTURE(key);
            CAPTURE(i);
            const Matrix moments = weight_moments(layer_weights(graph, layers[i]), axis);
            const nlohmann::json& expected = gains[key][i];
            REQUIRE(moments.rows() == expected["rows"].get<std::int64_t>());
            if (expected["klt_weight_gain_db"].is_null()) continue;  // weights of lower rank have no finite gain
            const Matrix synthesis = synthesis_matrix(TransformKind::klt, moments, Matrix());
            const CodingGain gain = coding_gain(synthesis, moments, Matrix::identity(moments.rows()));
            CHECK(10.0 * std::log10(gain.weights)
                  == doctest::Approx(expected["klt_weight_gain_db"].get<double>()).epsilon(1e-3));
            CHECK(gain.gradients == doctest::Approx(1.0));
        }
    }
}

}  // namespace eigenbit::internal
