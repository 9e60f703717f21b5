#include "engine/base/format.h"
#include "engine/zoo/network_builder.h"
#include "engine/zoo/networks.h"

#include <array>

namespace eigenbit::internal {
namespace {

struct Stage {
    std::int64_t expansion, channels, blocks, stride;
};

ValueId normalized_conv(NetworkBuilder& net, const std::string& name, ValueId x, const ConvSize& size) {
    return net.batch_normalization(name + ".bn", net.conv(name, x, size));
}

ValueId relu6(NetworkBuilder& net, const std::string& name, ValueId x) {
    return net.node(name, Activation{.kind = Activation::Kind::clip, .alpha = 0.0F, .beta = 6.0F}, {x});
}

ValueId inverted_residual(NetworkBuilder& net, const std::string& name, ValueId x, const Stage& stage,
                          std::int64_t stride) {
    const std::int64_t inputs = net.shape(x).back();
    const std::int64_t hidden = inputs * stage.expansion;
    ValueId y = x;
    if (stage.expansion > 1) {
        y = relu6(net, name + ".relu1", normalized_conv(net, name + ".expand", y, {.outputs = hidden}));
    }
    const ConvSize depthwise{.outputs = hidden, .kernel = 3, .stride = stride, .padding = 1, .groups = hidden};
    y = relu6(net, name + ".relu2", normalized_conv(net, name + ".depthwise", y, depthwise));
    y = normalized_conv(net, name + ".project", y, {.outputs = stage.channels});
    return stride == 1 && inputs == stage.channels ? net.add(name + ".add", x, y) : y;
}

Graph build(std::int64_t first_stride, std::int64_t second_stage_stride, const Shape& image, std::int64_t classes,
            std::uint64_t seed) {
    const std::array stages{Stage{1, 16, 1, 1}, Stage{6, 24, 2, second_stage_stride},
                            Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
                            Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2},
                            Stage{6, 320, 1, 1}};
    NetworkBuilder net(image, seed);
    const ConvSize stem{.outputs = 32, .kernel = 3, .stride = first_stride, .padding = 1};
    ValueId x = relu6(net, "relu1", normalized_conv(net, "conv1", net.input(), stem));
    for (std::size_t s = 0; s < stages.size(); ++s) {
        for (std::int64_t index = 0; index < stages[s].blocks; ++index) {
            const std::int64_t stride = index == 0 ? stages[s].stride : 1;
            x = inverted_residual(net, formatted("stage{}.{}", s + 1, index), x, stages[s], stride);
        }
    }
    x = relu6(net, "relu2", normalized_conv(net, "conv2", x, {.outputs = 1280}));
    x = net.node("dropout", Dropout{.probability = 0.2F}, {net.global_average_pool("pool", x)});
    return std::move(net).finish(net.linear("classifier", x, classes));
}

}  // namespace

Graph mobilenet_v2(const Shape& image, std::int64_t classes, std::uint64_t seed) {
    return build(2, 2, image, classes, seed);
}

Graph cifar_mobilenet_v2(const Shape& image, std::int64_t classes, std::uint64_t seed) {
    return build(1, 1, image, classes, seed);
}

}  // namespace eigenbit::internal
