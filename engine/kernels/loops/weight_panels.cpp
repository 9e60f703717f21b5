#include "engine/kernels/loops/weight_panels.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

// Enough for whole cache lines; few enough for the rows of a depthwise tile to stay in the first-level cache.
constexpr std::int64_t kDepthwiseChannels = 64;

}  // namespace

std::vector<WeightPanel> weight_panels(std::int64_t channels, std::int64_t groups, bool depthwise,
                                       std::size_t vector_width, std::size_t panel_vectors) {
    const auto width = static_cast<std::int64_t>(vector_width);
    if (depthwise) groups = 1;
    const std::int64_t group_channels = channels / groups;
    const std::int64_t vectors = (group_channels + width - 1) / width;
    const std::int64_t most = depthwise ? 1 : static_cast<std::int64_t>(panel_vectors);
    const std::int64_t count = (vectors + most - 1) / most;
    std::vector<WeightPanel> panels;
    for (std::int64_t group = 0; group < groups; ++group) {
        for (std::int64_t p = 0; p < count; ++p) {
            const std::int64_t begin = vectors * p / count;
            const std::int64_t end = vectors * (p + 1) / count;
            panels.push_back({group, group * group_channels + begin * width,
                              std::min(end * width, group_channels) - begin * width, end - begin,
                              group * vectors + begin});
        }
    }
    return panels;
}

std::int64_t total_vectors(std::span<const WeightPanel> panels) {
    return panels.empty() ? 0 : panels.back().vectors_before + panels.back().vectors;
}

std::int64_t first_source_channel(const ConvolutionLoops& pass, const WeightPanel& panel) {
    return pass.depthwise ? panel.first_channel : panel.group * (pass.source_channels / pass.groups);
}

std::int64_t part_channels(const ConvolutionLoops& pass) {
    return pass.depthwise ? std::min(kDepthwiseChannels, pass.source_channels) : pass.source_channels / pass.groups;
}

std::vector<PanelPart> panel_parts(const ConvolutionLoops& pass, std::span<const WeightPanel> panels,
                                   std::int64_t wanted) {
    const auto count = static_cast<std::int64_t>(panels.size());
    std::int64_t parts = std::clamp<std::int64_t>(wanted, 1, count);
    if (pass.depthwise)
        parts = (pass.source_channels + kDepthwiseChannels - 1) / kDepthwiseChannels;
    else if (pass.groups > 1)
        parts = pass.groups;
    std::vector<PanelPart> result;
    for (std::int64_t part = 0; part < parts; ++part) {
        const auto first = static_cast<std::size_t>(count * part / parts);
        const auto last = static_cast<std::size_t>(count * (part + 1) / parts);
        const std::int64_t channel = first_source_channel(pass, panels[first]);
        const std::int64_t end = pass.depthwise ? panels[last - 1].first_channel + panels[last - 1].channels
                                                : channel + pass.source_channels / pass.groups;
        result.push_back({first, last, channel, end - channel});
    }
    return result;
}

}  // namespace eigenbit::internal
