#include "engine/base/format.h"
#include "engine/zoo/network_builder.h"
#include "engine/zoo/networks.h"

#include <array>

namespace eigenbit::internal {
namespace {

ValueId normalized_conv(NetworkBuilder& net, const std::string& block, const std::string& position, ValueId x,
                        const ConvSize& size) {
    return net.batch_normalization(block + "bn" + position, net.conv(block + "conv" + position, x, size));
}

ValueId shortcut(NetworkBuilder& net, const std::string& block, ValueId x, std::int64_t channels, std::int64_t stride) {
    if (stride == 1 && net.shape(x).back() == channels) return x;
    const ValueId projected = net.conv(block + "downsample.0", x, {.outputs = channels, .stride = stride});
    return net.batch_normalization(block + "downsample.1", projected);
}

/// Two 3×3 convolutions.
ValueId basic_block(NetworkBuilder& net, const std::string& block, ValueId x, std::int64_t channels,
                    std::int64_t stride) {
    ValueId y = normalized_conv(net, block, "1", x, {.outputs = channels, .kernel = 3, .stride = stride, .padding = 1});
    y = normalized_conv(net, block, "2", net.relu(block + "relu1", y),
                        {.outputs = channels, .kernel = 3, .padding = 1});
    return net.relu(block + "relu2", net.add(block + "add", y, shortcut(net, block, x, channels, stride)));
}

/// 1×1, 3×3 and 1×1 convolutions; the last has four times the channels.
ValueId bottleneck(NetworkBuilder& net, const std::string& block, ValueId x, std::int64_t channels,
                   std::int64_t stride) {
    ValueId y = normalized_conv(net, block, "1", x, {.outputs = channels});
    y = normalized_conv(net, block, "2", net.relu(block + "relu1", y),
                        {.outputs = channels, .kernel = 3, .stride = stride, .padding = 1});
    y = normalized_conv(net, block, "3", net.relu(block + "relu2", y), {.outputs = 4 * channels});
    return net.relu(block + "relu3", net.add(block + "add", y, shortcut(net, block, x, 4 * channels, stride)));
}

using Block = ValueId (*)(NetworkBuilder&, const std::string&, ValueId, std::int64_t, std::int64_t);

Graph resnet(Block block, const std::array<int, 4>& blocks, const Shape& image, std::int64_t classes,
             std::uint64_t seed) {
    NetworkBuilder net(image, seed);
    ValueId x = normalized_conv(net, "", "1", net.input(), {.outputs = 64, .kernel = 7, .stride = 2, .padding = 3});
    const MaxPool pool{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}};
    x = net.node("maxpool", pool, {net.relu("relu", x)});
    for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
        for (int index = 0; index < blocks[stage]; ++index) {
            const std::int64_t stride = stage > 0 && index == 0 ? 2 : 1;
            x = block(net, formatted("layer{}.{}.", stage + 1, index), x, std::int64_t{64} << stage, stride);
        }
    }
    return std::move(net).finish(net.linear("fc", net.global_average_pool("avgpool", x), classes));
}

}  // namespace

Graph imagenet_resnet18(const Shape& image, std::int64_t classes, std::uint64_t seed) {
    return resnet(basic_block, {2, 2, 2, 2}, image, classes, seed);
}

Graph imagenet_resnet50(const Shape& image, std::int64_t classes, std::uint64_t seed) {
    return resnet(bottleneck, {3, 4, 6, 3}, image, classes, seed);
}

}  // namespace eigenbit::internal
