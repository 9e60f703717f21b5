#include "engine/formats/resize.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace eigenbit::internal {
namespace {

constexpr int kWeightBits = 22;

/// One output pixel along an axis: the weighted input pixels from `first` on.
struct Taps {
    int first;
    std::vector<std::int32_t> weights;
};

std::vector<Taps> triangle_filter(int input, int output) {
    const double scale = static_cast<double>(input) / output;
    const double support = std::max(scale, 1.0);
    std::vector<Taps> filter;
    for (int position = 0; position < output; ++position) {
        const double centre = (position + 0.5) * scale;
        const int first = std::max(0, static_cast<int>(centre - support + 0.5));
        const int last = std::min(input, static_cast<int>(centre + support + 0.5));
        std::vector<double> weights;
        double sum = 0.0;
        for (int i = first; i < last; ++i) {
            weights.push_back(std::max(0.0, 1.0 - std::abs((i + 0.5 - centre) / support)));
            sum += weights.back();
        }
        Taps taps{first, {}};
        for (const double weight : weights) {
            taps.weights.push_back(static_cast<std::int32_t>(weight / sum * (1 << kWeightBits) + 0.5));
        }
        filter.push_back(std::move(taps));
    }
    return filter;
}

/// Filters the middle axis of pixels (outer, input, inner), giving (outer, output, inner).
std::vector<std::uint8_t> filter_axis(const std::vector<std::uint8_t>& pixels, int outer, int input, int output,
                                      int inner) {
    const std::vector<Taps> filter = triangle_filter(input, output);
    std::vector<std::uint8_t> filtered(static_cast<std::size_t>(outer) * output * inner);
    std::vector<std::int32_t> sums(static_cast<std::size_t>(inner));
    auto* destination = filtered.data();
    for (int o = 0; o < outer; ++o) {
        const auto* line = pixels.data() + static_cast<std::ptrdiff_t>(o) * input * inner;
        for (const Taps& taps : filter) {
            std::fill(sums.begin(), sums.end(), 1 << (kWeightBits - 1));
            const auto* source = line + static_cast<std::ptrdiff_t>(taps.first) * inner;
            for (const std::int32_t weight : taps.weights) {
                for (int i = 0; i < inner; ++i) sums[static_cast<std::size_t>(i)] += weight * source[i];
                source += inner;
            }
            for (const std::int32_t sum : sums) {
                *destination++ = static_cast<std::uint8_t>(std::min(sum >> kWeightBits, 255));
            }
        }
    }
    return filtered;
}

}  // namespace

Image resize(const Image& image, int height, int width) {
    Image resized{height, width, image.channels, {}};
    resized.pixels = width == image.width ? image.pixels
                                          : filter_axis(image.pixels, image.height, image.width, width, image.channels);
    if (height != image.height) {
        resized.pixels = filter_axis(resized.pixels, 1, image.height, height, width * image.channels);
    }
    return resized;
}

void resize_shorter_side(Image& image, int pixels) {
    const int shorter = std::min(image.height, image.width);
    if (shorter == pixels) return;
    const auto scaled = [&](int side) { return static_cast<int>(static_cast<std::int64_t>(side) * pixels / shorter); };
    image = resize(image, scaled(image.height), scaled(image.width));
}

}  // namespace eigenbit::internal
