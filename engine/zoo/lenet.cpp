#include "engine/zoo/network_builder.h"
#include "engine/zoo/networks.h"

namespace eigenbit::internal {

Graph lenet5(const Shape& image, std::int64_t classes, std::uint64_t seed) {
    NetworkBuilder net(image, seed);
    ValueId x = net.conv("conv1", net.input(), {.outputs = 6, .kernel = 5, .padding = 2, .bias = true});
    x = net.max_pool("pool1", net.relu("relu1", x), 2, 2);
    x = net.conv("conv2", x, {.outputs = 16, .kernel = 5, .bias = true});
    x = net.max_pool("pool2", net.relu("relu2", x), 2, 2);
    // The third convolution spans the whole of what is left, as in the paper.
    x = net.conv("conv3", x, {.outputs = 120, .kernel = net.shape(x)[1], .bias = true});
    x = net.flatten("flatten", net.relu("relu3", x));
    x = net.relu("relu4", net.linear("fc1", x, 84));
    return std::move(net).finish(net.linear("fc2", x, classes));
}

}  // namespace eigenbit::internal
