#pragma once

#include "engine/formats/arrays/npy.h"
#include "engine/formats/onnx/layout.h"
#include "tests/laboratory.h"

#include <filesystem>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// A network with an input and what PyTorch or ONNX Runtime outputs for it, in our layout.
struct GoldenNetwork {
    std::string name;
    std::filesystem::path file;
    Tensor input;
    Tensor output;
};

using NetworkNames = std::vector<std::string>;

/// The published networks.
inline const NetworkNames kGoldenNetworks{
    "resnet20_cifar10", "resnet32_cifar10", "resnet56_cifar10", "densenet40_12_cifar10", "mobilenet_v1_0.25_224",
    "dncnn-s-15",       "dncnn-s-25",       "imdn_x2",          "ppocr_v4_det",          "ppocr_v2_cls"};

/// Those of the networks that the laboratory has. Says which it has not.
inline NetworkNames present(const NetworkNames& networks) {
    NetworkNames result;
    for (const std::string& name : networks) {
        if (!absent({laboratory("data/models/" + name + ".onnx"), laboratory("data/golden/" + name + ".input.npy"),
                     laboratory("data/golden/" + name + ".output.npy")})) {
            result.push_back(name);
        }
    }
    return result;
}

/// Of NAME.onnx in one folder, and NAME.input.npy and NAME.output.npy in another.
inline GoldenNetwork golden_network(const std::string& name,
                                    const std::filesystem::path& networks = laboratory("data/models"),
                                    const std::filesystem::path& arrays = laboratory("data/golden")) {
    return {name, networks / (name + ".onnx"), to_our_order(read_npy(arrays / (name + ".input.npy"))),
            to_our_order(read_npy(arrays / (name + ".output.npy")))};
}

}  // namespace eigenbit::internal
