#pragma once

#include <string_view>
#include <vector>

namespace eigenbit::internal {

enum class ChannelOrder { rgb, bgr };

/// How an 8-bit image becomes a network's input: grey or RGB, shorter side resized, centre cropped, then
/// (value/255 − mean)/std channel by channel. It travels inside model files. The default changes nothing but value/255;
/// raw 0…255 is mean 0, std 1/255.
struct Preprocessing {
    int channels = 3;  ///< 1 (grey) or 3
    ChannelOrder channel_order = ChannelOrder::rgb;
    int resize = 0;                    ///< pixels of the shorter side before cropping, 0 = as it is
    int height = 0;                    ///< of the centre crop, 0 = no crop
    int width = 0;                     ///< of the centre crop, 0 = no crop
    std::vector<float> mean = {0.0F};  ///< one value, or one per channel in the order the network sees them
    std::vector<float> std = {1.0F};   ///< likewise

    bool operator==(const Preprocessing&) const = default;
};

/// Throws Error, beginning with `where` (the file or the flag it came from), when a value cannot be.
void validate(const Preprocessing& preprocessing, std::string_view where);

}  // namespace eigenbit::internal
