#include "evaluation/metrics.h"

#include "engine/base/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kWindow = 11;
constexpr double kWindowDeviation = 1.5;

void check_same_shape(ConstView image, ConstView reference) {
    if (!(image.shape == reference.shape)) {
        fail("An image {} cannot be compared with one {}.", to_string(image.shape), to_string(reference.shape));
    }
}

std::array<double, kWindow> gaussian_window() {
    std::array<double, kWindow> weights{};
    double sum = 0.0;
    for (std::int64_t i = 0; i < kWindow; ++i) {
        const double distance = static_cast<double>(i - kWindow / 2) / kWindowDeviation;
        sum += weights[static_cast<std::size_t>(i)] = std::exp(-0.5 * distance * distance);
    }
    for (double& weight : weights) weight /= sum;
    return weights;
}

/// Gaussian means of value(0), value(1), … (height × width) over every window inside, row by row.
template <typename Value>
std::vector<double> windowed(std::int64_t height, std::int64_t width, const Value& value) {
    static const std::array<double, kWindow> weights = gaussian_window();
    const std::int64_t columns = width - kWindow + 1;
    std::vector<double> rows(static_cast<std::size_t>(height * columns));
    for (std::int64_t y = 0; y < height; ++y) {
        for (std::int64_t x = 0; x < columns; ++x) {
            double sum = 0.0;
            for (std::int64_t k = 0; k < kWindow; ++k) {
                sum += weights[static_cast<std::size_t>(k)] * value(y * width + x + k);
            }
            rows[static_cast<std::size_t>(y * columns + x)] = sum;
        }
    }
    std::vector<double> means(static_cast<std::size_t>((height - kWindow + 1) * columns));
    for (std::size_t i = 0; i < means.size(); ++i) {
        for (std::int64_t k = 0; k < kWindow; ++k) {
            means[i] += weights[static_cast<std::size_t>(k)] * rows[i + static_cast<std::size_t>(k * columns)];
        }
    }
    return means;
}

}  // namespace

std::int64_t top_k_hits(ConstView scores, std::span<const int> labels, int k) {
    const std::int64_t classes = scores.shape.elements(1, scores.shape.rank());
    std::int64_t hits = 0;
    for (std::size_t image = 0; image < labels.size(); ++image) {
        const std::int64_t label = labels[image];
        if (label < 0 || label >= classes) fail("A label is {}, but the network has {} classes.", label, classes);
        const float* const row = scores.data + static_cast<std::int64_t>(image) * classes;
        std::int64_t above = 0;
        for (std::int64_t c = 0; c < classes; ++c) above += row[c] > row[label] || (row[c] == row[label] && c < label);
        // Nothing compares as above NaN, the scores of a network gone wrong.
        if (above < k && std::isfinite(row[label])) ++hits;
    }
    return hits;
}

double standard_error(double share, std::int64_t images) {
    return std::sqrt(share * (1.0 - share) / static_cast<double>(images));
}

double chance_of_hits(std::int64_t hits, std::int64_t images, double probability) {
    const auto log_factorial = [](std::int64_t n) { return std::lgamma(static_cast<double>(n) + 1.0); };
    double sum = 0.0;
    for (std::int64_t k = hits; k <= images; ++k) {
        const double ways = log_factorial(images) - log_factorial(k) - log_factorial(images - k);
        sum += std::exp(ways + static_cast<double>(k) * std::log(probability)
                        + static_cast<double>(images - k) * std::log1p(-probability));
    }
    return std::min(sum, 1.0);
}

double psnr(ConstView image, ConstView reference, double peak) {
    check_same_shape(image, reference);
    double squares = 0.0;
    for (std::int64_t i = 0; i < image.elements(); ++i) {
        const double difference = static_cast<double>(image[i]) - reference[i];
        squares += difference * difference;
    }
    return 10.0 * std::log10(peak * peak * static_cast<double>(image.elements()) / squares);
}

double ssim(ConstView image, ConstView reference, double peak) {
    check_same_shape(image, reference);
    const std::int64_t height = image.shape[0];
    const std::int64_t width = image.shape[1];
    if (height < kWindow || width < kWindow) {
        fail("An image of {}x{} pixels is too small for SSIM, which looks at {}x{}.", height, width, kWindow, kWindow);
    }
    const auto a = [&](std::int64_t i) { return static_cast<double>(image[i]); };
    const auto b = [&](std::int64_t i) { return static_cast<double>(reference[i]); };
    const std::vector<double> mean_a = windowed(height, width, a);
    const std::vector<double> mean_b = windowed(height, width, b);
    const std::vector<double> square_a = windowed(height, width, [&](std::int64_t i) { return a(i) * a(i); });
    const std::vector<double> square_b = windowed(height, width, [&](std::int64_t i) { return b(i) * b(i); });
    const std::vector<double> product = windowed(height, width, [&](std::int64_t i) { return a(i) * b(i); });
    const double c1 = std::pow(0.01 * peak, 2);
    const double c2 = std::pow(0.03 * peak, 2);
    double sum = 0.0;
    for (std::size_t i = 0; i < mean_a.size(); ++i) {
        const double means = mean_a[i] * mean_b[i];
        const double mean_squares = mean_a[i] * mean_a[i] + mean_b[i] * mean_b[i];
        const double covariance = product[i] - means;
        const double variances = square_a[i] + square_b[i] - mean_squares;
        sum += (2.0 * means + c1) * (2.0 * covariance + c2) / ((mean_squares + c1) * (variances + c2));
    }
    return sum / static_cast<double>(mean_a.size());
}

Tensor bt601_luma(ConstView image) {
    const std::int64_t channels = image.shape.back();
    Tensor luma(Shape{image.shape[0], image.shape[1]});
    for (std::int64_t i = 0; i < luma.elements(); ++i) {
        const float* const pixel = image.data + i * channels;
        luma[i] = channels == 1
                      ? pixel[0]
                      : static_cast<float>(16.0 + (65.481 * pixel[0] + 128.553 * pixel[1] + 24.966 * pixel[2]) / 255.0);
    }
    return luma;
}

Tensor without_border(ConstView image, std::int64_t border) {
    const std::int64_t height = image.shape[0] - 2 * border;
    const std::int64_t width = image.shape[1] - 2 * border;
    if (height < 1 || width < 1) {
        fail("An image of {}x{} pixels is too small for a border of {} to be left out.", image.shape[0], image.shape[1],
             border);
    }
    Tensor inner(Shape{height, width, image.shape[2]});
    const std::int64_t row = width * image.shape[2];
    for (std::int64_t y = 0; y < height; ++y) {
        std::copy_n(image.data + ((y + border) * image.shape[1] + border) * image.shape[2], row,
                    inner.data() + y * row);
    }
    return inner;
}

Tensor as_8_bit(ConstView image) {
    Tensor rounded(image);
    for (float& value : rounded.values()) value = std::round(std::clamp(value, 0.0F, 1.0F) * 255.0F);
    return rounded;
}

}  // namespace eigenbit::internal
