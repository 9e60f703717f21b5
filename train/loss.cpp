#include "train/loss.h"

#include "engine/base/error.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace eigenbit::internal {
namespace {

constexpr float kLeastProbability = 1e-20F;  // its logarithm and its inverse are finite

/// log Σ exp(scores / temperature); subtracting the largest keeps every exponential in range.
double log_normalizer(std::span<const float> scores, double temperature) {
    const double largest = *std::ranges::max_element(scores);
    double sum = 0.0;
    for (const float score : scores) sum += std::exp((score - largest) / temperature);
    return largest / temperature + std::log(sum);
}

}  // namespace

double softmax_cross_entropy(ConstView logits, std::span<const int> labels, double smoothing, View gradient) {
    const std::int64_t images = logits.shape[0];
    const std::int64_t classes = logits.shape.elements(1, logits.shape.rank());
    if (static_cast<std::size_t>(images) != labels.size()) {
        fail("The network outputs {} images for {} labels.", images, labels.size());
    }
    double loss = 0.0;
    for (std::int64_t image = 0; image < images; ++image) {
        const std::int64_t label = labels[static_cast<std::size_t>(image)];
        if (label < 0 || label >= classes) fail("A label is {}, but the network has {} classes.", label, classes);
        const std::span x = logits.slice(image, image + 1).values();
        const std::span dx = gradient.slice(image, image + 1).values();
        const double normalizer = log_normalizer(x, 1.0);
        const double logit_sum = std::accumulate(x.begin(), x.end(), 0.0);
        const double other = smoothing / static_cast<double>(classes);
        loss += normalizer - (1.0 - smoothing) * logits[image * classes + label] - other * logit_sum;
        for (std::size_t k = 0; k < x.size(); ++k) {
            const double target = other + (static_cast<std::int64_t>(k) == label ? 1.0 - smoothing : 0.0);
            const double probability = std::exp(x[k] - normalizer);
            dx[k] = static_cast<float>((probability - target) / static_cast<double>(images));
        }
    }
    return loss / static_cast<double>(images);
}

double distillation(ConstView logits, ConstView teacher, double temperature, View gradient) {
    if (!(logits.shape == teacher.shape)) {
        fail("The network outputs {}, its teacher {}.", to_string(logits.shape), to_string(teacher.shape));
    }
    const std::int64_t images = logits.shape[0];
    double loss = 0.0;
    for (std::int64_t image = 0; image < images; ++image) {
        const std::span x = logits.slice(image, image + 1).values();
        const std::span y = teacher.slice(image, image + 1).values();
        const std::span dx = gradient.slice(image, image + 1).values();
        const double x_normalizer = log_normalizer(x, temperature);
        const double y_normalizer = log_normalizer(y, temperature);
        for (std::size_t k = 0; k < x.size(); ++k) {
            const double log_q = x[k] / temperature - x_normalizer;
            const double log_p = y[k] / temperature - y_normalizer;
            loss += temperature * temperature * std::exp(log_p) * (log_p - log_q);
            dx[k] = static_cast<float>(temperature * (std::exp(log_q) - std::exp(log_p)) / static_cast<double>(images));
        }
    }
    return loss / static_cast<double>(images);
}

Tensor scores_of(ConstView probabilities) {
    Tensor scores(probabilities);
    for (float& value : scores.values()) value = std::log(std::max(value, kLeastProbability));
    return scores;
}

void pull_back_scores(ConstView probabilities, View gradient) {
    for (std::int64_t i = 0; i < gradient.elements(); ++i) gradient[i] /= std::max(probabilities[i], kLeastProbability);
}

double mean_squared_error(ConstView output, ConstView target, View gradient) {
    if (!(output.shape == target.shape)) {
        fail("The network outputs {}, expected {}.", to_string(output.shape), to_string(target.shape));
    }
    const double scale = 1.0 / static_cast<double>(output.elements());
    double sum = 0.0;
    for (std::int64_t i = 0; i < output.elements(); ++i) {
        const double difference = static_cast<double>(output[i]) - target[i];
        sum += difference * difference;
        gradient[i] = static_cast<float>(2.0 * difference * scale);
    }
    return sum * scale;
}

}  // namespace eigenbit::internal
