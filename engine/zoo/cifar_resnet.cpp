#include "engine/base/format.h"
#include "engine/zoo/network_builder.h"
#include "engine/zoo/networks.h"

namespace eigenbit::internal {
namespace {

ValueId shortcut(NetworkBuilder& net, const std::string& name, ValueId x, std::int64_t channels, std::int64_t stride) {
    const std::int64_t missing = channels - net.shape(x).back();
    if (stride == 1 && missing == 0) return x;
    const Slice::Range all;
    const Slice::Range strided{.step = stride};
    const ValueId thinned = net.node(name + ".slice", Slice{{all, strided, strided, all}}, {x});
    const std::int64_t before = missing / 2;
    return net.node(name + ".pad", Pad{.before = {0, 0, 0, before}, .after = {0, 0, 0, missing - before}}, {thinned});
}

ValueId block(NetworkBuilder& net, const std::string& name, ValueId x, std::int64_t channels, std::int64_t stride) {
    ValueId y = net.conv(name + ".conv1", x, {.outputs = channels, .kernel = 3, .stride = stride, .padding = 1});
    y = net.relu(name + ".relu1", net.batch_normalization(name + ".bn1", y));
    y = net.conv(name + ".conv2", y, {.outputs = channels, .kernel = 3, .padding = 1});
    y = net.batch_normalization(name + ".bn2", y);
    const ValueId sum = net.add(name + ".add", y, shortcut(net, name + ".shortcut", x, channels, stride));
    return net.relu(name + ".relu2", sum);
}

}  // namespace

Graph cifar_resnet(int blocks_per_stage, const Shape& image, std::int64_t classes, std::uint64_t seed) {
    NetworkBuilder net(image, seed);
    ValueId x = net.conv("conv1", net.input(), {.outputs = 16, .kernel = 3, .padding = 1});
    x = net.relu("relu1", net.batch_normalization("bn1", x));
    for (int stage = 0; stage < 3; ++stage) {
        for (int index = 0; index < blocks_per_stage; ++index) {
            const std::int64_t stride = stage > 0 && index == 0 ? 2 : 1;
            x = block(net, formatted("layer{}.{}", stage + 1, index), x, std::int64_t{16} << stage, stride);
        }
    }
    x = net.global_average_pool("pool", x);
    return std::move(net).finish(net.linear("linear", x, classes));
}

}  // namespace eigenbit::internal
