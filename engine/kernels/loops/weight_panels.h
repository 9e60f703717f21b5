#pragma once

#include "engine/kernels/loops/convolution_loops.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Neighbouring output channels of one group that a kernel computes together.
struct WeightPanel {
    std::int64_t group;
    std::int64_t first_channel;  // among all output channels
    std::int64_t channels;
    std::int64_t vectors;         // that hold them
    std::int64_t vectors_before;  // of the panels before this one
};

/// The panels of `channels` output channels in `groups` groups, of at most `panel_vectors` vectors of `vector_width`
/// channels: as few and as equal as possible. A depthwise convolution has panels of one vector.
std::vector<WeightPanel> weight_panels(std::int64_t channels, std::int64_t groups, bool depthwise,
                                       std::size_t vector_width, std::size_t panel_vectors);

/// All vectors of all panels.
std::int64_t total_vectors(std::span<const WeightPanel> panels);

/// Panels that one task computes, and the source channels that they read.
struct PanelPart {
    std::size_t first, last;  // panels first … last-1
    std::int64_t first_channel, channels;
};

/// The first source channel that a panel reads.
std::int64_t first_source_channel(const ConvolutionLoops& pass, const WeightPanel& panel);

/// Divides the panels for a pass. Groups are parts of their own, channels of a depthwise convolution come some dozens
/// at a time; a single group is divided into about `wanted` parts.
std::vector<PanelPart> panel_parts(const ConvolutionLoops& pass, std::span<const WeightPanel> panels,
                                   std::int64_t wanted);

/// The most source channels that a part of panel_parts reads.
std::int64_t part_channels(const ConvolutionLoops& pass);

}  // namespace eigenbit::internal
