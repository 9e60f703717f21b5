#include "engine/zoo/network_builder.h"
#include "engine/zoo/networks.h"

namespace eigenbit::internal {

Graph alexnet(const Shape& image, std::int64_t classes, std::uint64_t seed) {
    NetworkBuilder net(image, seed);
    const auto conv = [&](const std::string& number, ValueId x, const ConvSize& size) {
        return net.relu("relu" + number, net.conv("conv" + number, x, size));
    };
    ValueId x = conv("1", net.input(), {.outputs = 64, .kernel = 11, .stride = 4, .padding = 2, .bias = true});
    x = conv("2", net.max_pool("pool1", x, 3, 2), {.outputs = 192, .kernel = 5, .padding = 2, .bias = true});
    x = conv("3", net.max_pool("pool2", x, 3, 2), {.outputs = 384, .kernel = 3, .padding = 1, .bias = true});
    x = conv("4", x, {.outputs = 256, .kernel = 3, .padding = 1, .bias = true});
    x = conv("5", x, {.outputs = 256, .kernel = 3, .padding = 1, .bias = true});
    x = net.flatten("flatten", net.max_pool("pool5", x, 3, 2));
    x = net.relu("relu6", net.linear("fc6", net.node("drop5", Dropout{}, {x}), 4096));
    x = net.relu("relu7", net.linear("fc7", net.node("drop6", Dropout{}, {x}), 4096));
    return std::move(net).finish(net.linear("fc8", x, classes));
}

}  // namespace eigenbit::internal
