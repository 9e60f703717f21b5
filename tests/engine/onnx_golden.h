#pragma once

#include "engine/formats/onnx_layout.h"
#include "tests/engine/npy.h"
#include "tests/laboratory.h"

#include <filesystem>
#include <optional>
#include <string>

namespace eigenbit {

/// A published network with an input and what PyTorch puts out for it, in our layout.
struct GoldenNetwork {
    std::string name;
    std::filesystem::path file;
    Tensor input;
    Tensor output;
};

inline constexpr std::array<const char*, 8> kGoldenNetworks{
    "resnet20_cifar10",      "resnet32_cifar10", "resnet56_cifar10", "densenet40_12_cifar10",
    "mobilenet_v1_0.25_224", "dncnn-s-15",       "dncnn-s-25",       "imdn_x2"};

/// Nothing, having said so, where the laboratory's data are absent.
inline std::optional<GoldenNetwork> golden_network(const std::string& name) {
    const auto file = laboratory("data/models/" + name + ".onnx");
    const auto input = laboratory("data/golden/" + name + ".input.npy");
    const auto output = laboratory("data/golden/" + name + ".output.npy");
    if (!file || !input || !output) return std::nullopt;
    return GoldenNetwork{name, *file, to_our_order(read_npy(*input)), to_our_order(read_npy(*output))};
}

}  // namespace eigenbit
