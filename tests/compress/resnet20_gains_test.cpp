#include "compress/transform.h"
#include "engine/formats/onnx.h"
#include "tests/laboratory.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>

namespace eigenbit {

TEST_CASE("KLT weight coding gains of ResNet-20's layers are those computed with NumPy") {
    const auto gains_file = laboratory("data/golden/resnet20_klt_gains.json");
    const auto model_file = laboratory("data/models/resnet20_cifar10.onnx");
    if (!gains_file || !model_file) return;
    const nlohmann::json gains = nlohmann::json::parse(std::ifstream(*gains_file));
    const Graph graph = read_onnx(*model_file).graph;
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

}  // namespace eigenbit
