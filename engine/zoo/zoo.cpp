#include "engine/zoo/zoo.h"

#include "engine/base/error.h"
#include "engine/zoo/networks.h"

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

struct Entry {
    std::string_view name;
    Graph (*build)(const Shape& image, std::int64_t classes, std::uint64_t seed);
};

template <int blocks_per_stage>
Graph resnet(const Shape& image, std::int64_t classes, std::uint64_t seed) {
    return cifar_resnet(blocks_per_stage, image, classes, seed);
}

template <int depth>
Graph densenet(const Shape& image, std::int64_t classes, std::uint64_t seed) {
    return densenet_bc(depth, image, classes, seed);
}

constexpr std::array kNetworks{
    Entry{"lenet5", lenet5},
    Entry{"resnet8", resnet<1>},
    Entry{"resnet20", resnet<3>},
    Entry{"resnet32", resnet<5>},
    Entry{"resnet44", resnet<7>},
    Entry{"resnet56", resnet<9>},
    Entry{"resnet110", resnet<18>},
    Entry{"densenet-bc-40", densenet<40>},
    Entry{"densenet-bc-100", densenet<100>},
    Entry{"vgg-small", vgg_small},
    Entry{"cifar-mobilenet-v2", cifar_mobilenet_v2},
    Entry{"alexnet", alexnet},
    Entry{"resnet18", imagenet_resnet18},
    Entry{"resnet50", imagenet_resnet50},
    Entry{"mobilenet-v2", mobilenet_v2},
};

}  // namespace

std::vector<std::string_view> network_names() {
    std::vector<std::string_view> names;
    for (const Entry& network : kNetworks) names.push_back(network.name);
    return names;
}

Graph build_network(std::string_view name, const Shape& image, std::int64_t classes, std::uint64_t seed) {
    const auto* const network = std::ranges::find(kNetworks, name, &Entry::name);
    if (network == kNetworks.end()) {
        fail("There is no network named '{}'; there are {}.", name, joined(network_names()));
    }
    if (classes < 1) fail("A network was asked for {} classes, expected at least 1.", classes);
    return network->build(image, classes, seed);
}

}  // namespace eigenbit::internal
