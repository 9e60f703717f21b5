#include "engine/base/format.h"
#include "engine/zoo/network_builder.h"
#include "engine/zoo/networks.h"

namespace eigenbit::internal {

Graph vgg_small(const Shape& image, std::int64_t classes, std::uint64_t seed) {
    NetworkBuilder net(image, seed);
    ValueId x = net.input();
    for (int stage = 1; stage <= 3; ++stage) {
        for (int layer = 1; layer <= 2; ++layer) {
            const std::string number = formatted("{}.{}", stage, layer);
            const ConvSize size{.outputs = std::int64_t{64} << stage, .kernel = 3, .padding = 1};
            x = net.relu("relu" + number, net.batch_normalization("bn" + number, net.conv("conv" + number, x, size)));
        }
        x = net.max_pool(formatted("pool{}", stage), x, 2, 2);
    }
    return std::move(net).finish(net.linear("fc", net.flatten("flatten", x), classes));
}

}  // namespace eigenbit::internal
