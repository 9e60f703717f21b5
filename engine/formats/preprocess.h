#pragma once

#include "engine/base/random.h"
#include "engine/base/tensor.h"
#include "engine/formats/image.h"
#include "engine/graph/preprocessing.h"

#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Gives the image the preprocessing's number of channels (grey is ITU-R BT.601 luma) and fits it, up to the crop.
/// Throws Error, beginning with `file`, when the image is so long and narrow that its longer side would be beyond all
/// measure.
void convert_and_resize(Image& image, const Preprocessing& preprocessing, std::string_view file);

/// A part of an image, which may reach beyond it, and how it is turned: transposed last.
struct Window {
    int top = 0;
    int left = 0;
    int height = 0;
    int width = 0;
    bool mirror = false;       ///< left to right
    bool upside_down = false;  ///< top to bottom
    bool transpose = false;    ///< rows become columns; height and width above are those before

    int output_height() const { return transpose ? width : height; }
    int output_width() const { return transpose ? height : width; }
    /// The same part of the image enlarged.
    Window enlarged(int scale) const;
};

/// The window of this size in the image's middle; a side of 0 is the image's own. Throws Error, beginning with `file`,
/// when the image is smaller.
Window centre_window(const Image& image, int height, int width, std::string_view file);

/// Turns 8-bit values into what a network sees: (value/255 − mean)/std, channels in the network's order.
class Normalizer {
  public:
    explicit Normalizer(const Preprocessing& preprocessing);

    /// Writes a window as floats (output_height, output_width, C); outside the image is black. The image has the
    /// preprocessing's number of channels.
    void write(const Image& image, const Window& window, float* values) const;
    /// Writes a window as it is, but for the order of channels.
    void write(const Image& image, const Window& window, std::uint8_t* bytes) const;
    /// What bytes become: (C, 256).
    std::vector<float> values() const;
    /// Adds Gaussian noise of this standard deviation, in units of 0 … 1 before normalisation, to normalised values
    /// (…, C).
    void add_noise(float deviation, Random& random, std::span<float> values) const;

  private:
    /// Calls visit(channel, byte) for the channels of one pixel after the other.
    template <typename Visit>
    void for_each_byte(const Image& image, const Window& window, const Visit& visit) const;

    struct Channel {
        int source;
        float std;
        std::array<float, 256> values;
    };
    std::vector<Channel> channels_;
};

/// All steps for one image: the network's input (1, H, W, C). Throws Error, beginning with `file`, when the image is
/// smaller than the crop.
Tensor preprocess(Image image, const Preprocessing& preprocessing, std::string_view file);

/// A restored image as a network put it out, (1, H, W, C), as values of 0 … 1 (H, W, C): the inverse of normalisation,
/// clamped.
Tensor denormalized(ConstView normalized, const Preprocessing& preprocessing);

}  // namespace eigenbit::internal
