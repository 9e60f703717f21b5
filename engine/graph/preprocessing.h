#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

enum class ChannelOrder { rgb, bgr };

/// How an image comes to the height and width that a network takes.
enum class Fit {
    crop,       ///< its shorter side is resized, and the centre cropped
    cover,      ///< it is resized to cover them, and the centre cropped
    stretch,    ///< it is resized to them, whatever becomes of its proportions
    letterbox,  ///< it is resized to lie within them, in the middle of an image of the mean colour
};

/// How an 8-bit image becomes a network's input: grey or RGB, fitted to the network's size, then
/// (value/255 − mean)/std channel by channel. It travels inside model files. The default changes nothing but value/255;
/// raw 0…255 is mean 0, std 1/255.
struct Preprocessing {
    int channels = 3;  ///< 1 (grey) or 3
    ChannelOrder channel_order = ChannelOrder::rgb;
    int resize = 0;  ///< pixels of the shorter side before Fit::crop, 0 = as it is
    int height = 0;  ///< of what the network sees, 0 = no crop
    int width = 0;   ///< of what the network sees, 0 = no crop
    Fit fit = Fit::crop;
    std::vector<float> mean = {0.0F};  ///< one value, or one per channel in the order the network sees them
    std::vector<float> std = {1.0F};   ///< likewise

    bool operator==(const Preprocessing&) const = default;
};

/// What a way to fit is called in data specifications and in files: "crop", "cover" …
std::string_view fit_name(Fit fit);
/// The way of this name, if there is one.
std::optional<Fit> fit_named(std::string_view name);

/// Throws Error, beginning with `where` (the file or the flag it came from), when a value cannot be.
void validate(const Preprocessing& preprocessing, std::string_view where);

}  // namespace eigenbit::internal
