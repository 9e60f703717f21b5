#include "engine/formats/preprocess.h"

#include "engine/base/error.h"
#include "engine/formats/resize.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace eigenbit::internal {
namespace {

/// What lies before the centre: halves are rounded to even, as torchvision does.
int half_of_margin(int margin) { return (margin + (margin % 4 == 3 ? 1 : 0)) / 2; }

/// Luma in 16-bit fixed point; the weights add up to 65536, so that grey stays what it is.
std::uint8_t luma(const std::uint8_t* rgb) {
    return static_cast<std::uint8_t>((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
}

void convert_channels(Image& image, int channels) {
    if (image.channels == channels) return;
    const std::size_t count = static_cast<std::size_t>(image.height) * image.width;
    std::vector<std::uint8_t> pixels(count * channels);
    for (std::size_t i = 0; i < count; ++i) {
        if (channels == 1)
            pixels[i] = luma(&image.pixels[3 * i]);
        else
            std::fill_n(&pixels[3 * i], 3, image.pixels[i]);
    }
    image.pixels = std::move(pixels);
    image.channels = channels;
}

/// The colour that becomes 0, as the image stores it.
std::vector<std::uint8_t> mean_colour(const Preprocessing& preprocessing) {
    std::vector<std::uint8_t> colour;
    for (int c = 0; c < preprocessing.channels; ++c) {
        const float mean = preprocessing.mean[preprocessing.mean.size() == 1 ? 0 : static_cast<std::size_t>(c)];
        colour.push_back(static_cast<std::uint8_t>(std::lround(255.0F * std::clamp(mean, 0.0F, 1.0F))));
    }
    if (preprocessing.channel_order == ChannelOrder::bgr) std::ranges::reverse(colour);
    return colour;
}

/// The image in the middle of a larger one of this colour.
Image framed(const Image& image, int height, int width, const std::vector<std::uint8_t>& colour) {
    Image result{height, width, image.channels, {}};
    for (int pixel = 0; pixel < height * width; ++pixel) {
        result.pixels.insert(result.pixels.end(), colour.begin(), colour.end());
    }
    const std::ptrdiff_t row_size = std::ptrdiff_t{image.width} * image.channels;
    const int top = half_of_margin(height - image.height);
    const int left = half_of_margin(width - image.width);
    for (int row = 0; row < image.height; ++row) {
        std::copy_n(image.pixels.begin() + row * row_size, row_size,
                    result.pixels.begin() + (std::ptrdiff_t{top + row} * width + left) * image.channels);
    }
    return result;
}

/// By all ways but Fit::crop.
void fit_to_size(Image& image, const Preprocessing& preprocessing, std::string_view file) {
    const auto& [height, width] = std::pair{preprocessing.height, preprocessing.width};
    if (preprocessing.fit == Fit::stretch) {
        image = resize(image, height, width);
        return;
    }
    const bool cover = preprocessing.fit == Fit::cover;
    const std::int64_t by_height = std::int64_t{height} * image.width;  // of one scale, in units of the other
    const std::int64_t by_width = std::int64_t{width} * image.height;
    const bool height_decides = cover == (by_height >= by_width);
    const std::int64_t scaled_height = height_decides ? height : by_width / image.width;
    const std::int64_t scaled_width = height_decides ? by_height / image.height : width;
    constexpr std::int64_t kLargestSide = 1 << 16;
    if (std::max(scaled_height, scaled_width) > kLargestSide) {
        fail("{}: the image has {}x{} pixels, too long and narrow to cover {}x{}", file, image.height, image.width,
             height, width);
    }
    image = resize(image, static_cast<int>(std::max<std::int64_t>(scaled_height, 1)),
                   static_cast<int>(std::max<std::int64_t>(scaled_width, 1)));
    if (!cover) image = framed(image, height, width, mean_colour(preprocessing));
}

}  // namespace

void convert_and_resize(Image& image, const Preprocessing& preprocessing, std::string_view file) {
    convert_channels(image, preprocessing.channels);
    if (preprocessing.fit != Fit::crop) {
        fit_to_size(image, preprocessing, file);
        return;
    }
    const auto [shorter, longer] = std::minmax({image.height, image.width});
    constexpr std::int64_t kLargestSide = 1 << 16;
    if (std::int64_t{longer} * preprocessing.resize > kLargestSide * shorter) {
        fail("{}: the image has {}x{} pixels, too long and narrow for a shorter side of {}", file, image.height,
             image.width, preprocessing.resize);
    }
    if (preprocessing.resize > 0) resize_shorter_side(image, preprocessing.resize);
}

Window Window::enlarged(int scale) const {
    Window window = *this;
    window.top *= scale;
    window.left *= scale;
    window.height *= scale;
    window.width *= scale;
    return window;
}

Window centre_window(const Image& image, int height, int width, std::string_view file) {
    if (height == 0) height = image.height;
    if (width == 0) width = image.width;
    if (image.height < height || image.width < width) {
        fail("{}: the image has {}x{} pixels, at least the crop's {}x{} were expected (resize=N, size=HxW or a smaller "
             "crop=N "
             "would help)",
             file, image.height, image.width, height, width);
    }
    return {.top = half_of_margin(image.height - height),
            .left = half_of_margin(image.width - width),
            .height = height,
            .width = width};
}

Normalizer::Normalizer(const Preprocessing& preprocessing) {
    const auto& [channels, order, resize, height, width, fit, mean, std] = preprocessing;
    for (int c = 0; c < channels; ++c) {
        const auto of_channel = [c](const std::vector<float>& values) {
            return values[values.size() == 1 ? 0 : static_cast<std::size_t>(c)];
        };
        Channel channel{order == ChannelOrder::bgr ? channels - 1 - c : c, of_channel(std), {}};
        for (int value = 0; value < 256; ++value) {
            channel.values[static_cast<std::size_t>(value)] =
                static_cast<float>((value / 255.0 - of_channel(mean)) / channel.std);
        }
        channels_.push_back(channel);
    }
}

template <typename Visit>
void Normalizer::for_each_byte(const Image& image, const Window& window, const Visit& visit) const {
    for (int y = 0; y < window.output_height(); ++y) {
        for (int x = 0; x < window.output_width(); ++x) {
            const int row = window.transpose ? x : y;
            const int column = window.transpose ? y : x;
            const int source_y = window.top + (window.upside_down ? window.height - 1 - row : row);
            const int source_x = window.left + (window.mirror ? window.width - 1 - column : column);
            const bool inside = source_y >= 0 && source_y < image.height && source_x >= 0 && source_x < image.width;
            const std::ptrdiff_t pixel =
                (static_cast<std::ptrdiff_t>(source_y) * image.width + source_x) * image.channels;
            for (const Channel& channel : channels_) {
                visit(channel,
                      inside ? image.pixels[static_cast<std::size_t>(pixel + channel.source)] : std::uint8_t{0});
            }
        }
    }
}

void Normalizer::write(const Image& image, const Window& window, float* values) const {
    for_each_byte(image, window, [&](const Channel& channel, std::uint8_t byte) { *values++ = channel.values[byte]; });
}

void Normalizer::write(const Image& image, const Window& window, std::uint8_t* bytes) const {
    for_each_byte(image, window, [&](const Channel&, std::uint8_t byte) { *bytes++ = byte; });
}

std::vector<float> Normalizer::values() const {
    std::vector<float> all;
    for (const Channel& channel : channels_) all.insert(all.end(), channel.values.begin(), channel.values.end());
    return all;
}

void Normalizer::add_noise(float deviation, Random& random, std::span<float> values) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] += deviation / channels_[i % channels_.size()].std * static_cast<float>(random.normal());
    }
}

Tensor denormalized(ConstView normalized, const Preprocessing& preprocessing) {
    Tensor image(Shape{normalized.shape[1], normalized.shape[2], normalized.shape[3]}, normalized.values());
    const auto channels = static_cast<std::size_t>(image.shape().back());
    const auto of_channel = [](const std::vector<float>& list, std::size_t c) {
        return list.size() == 1 ? list[0] : list[c];
    };
    const std::span values = image.values();
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t c = i % channels;
        values[i] =
            std::clamp(values[i] * of_channel(preprocessing.std, c) + of_channel(preprocessing.mean, c), 0.0F, 1.0F);
    }
    return image;
}

Tensor preprocess(Image image, const Preprocessing& preprocessing, std::string_view file) {
    convert_and_resize(image, preprocessing, file);
    const Window window = centre_window(image, preprocessing.height, preprocessing.width, file);
    Tensor input(Shape{1, window.height, window.width, preprocessing.channels});
    Normalizer(preprocessing).write(image, window, input.data());
    return input;
}

}  // namespace eigenbit::internal
