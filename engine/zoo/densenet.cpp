#include "engine/base/format.h"
#include "engine/zoo/network_builder.h"
#include "engine/zoo/networks.h"

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kGrowth = 12;

/// Normalization, ReLU and a convolution of it, as DenseNets order them.
ValueId activated_conv(NetworkBuilder& net, const std::string& name, ValueId x, const ConvSize& size) {
    return net.conv(name, net.relu(name + ".relu", net.batch_normalization(name + ".bn", x)), size);
}

ValueId dense_layer(NetworkBuilder& net, const std::string& name, ValueId x) {
    const ValueId y = activated_conv(net, name + ".conv1", x, {.outputs = 4 * kGrowth});
    const ValueId added = activated_conv(net, name + ".conv2", y, {.outputs = kGrowth, .kernel = 3, .padding = 1});
    return net.node(name + ".concat", Concat{.axis = 3}, {x, added});
}

/// Half the channels at half the resolution.
ValueId transition(NetworkBuilder& net, const std::string& name, ValueId x) {
    const ValueId y = activated_conv(net, name + ".conv", x, {.outputs = net.shape(x).back() / 2});
    return net.node(name + ".pool", AveragePool{.kernel{2, 2}, .stride{2, 2}}, {y});
}

}  // namespace

Graph densenet_bc(int depth, const Shape& image, std::int64_t classes, std::uint64_t seed) {
    constexpr int kStages = 3;
    NetworkBuilder net(image, seed);
    ValueId x = net.conv("conv1", net.input(), {.outputs = 2 * kGrowth, .kernel = 3, .padding = 1});
    for (int stage = 1; stage <= kStages; ++stage) {
        for (int layer = 0; layer < (depth - 4) / 6; ++layer) {
            x = dense_layer(net, formatted("dense{}.{}", stage, layer), x);
        }
        if (stage < kStages) x = transition(net, formatted("transition{}", stage), x);
    }
    x = net.relu("relu", net.batch_normalization("bn", x));
    return std::move(net).finish(net.linear("fc", net.global_average_pool("pool", x), classes));
}

}  // namespace eigenbit::internal
