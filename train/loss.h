#pragma once

#include "engine/base/tensor.h"

#include <cstdint>
#include <span>

namespace eigenbit::internal {

/// Mean over the images of −Σ_k q_k · log softmax(logits)_k, where q is 1 − smoothing + smoothing / classes for the
/// image's label and smoothing / classes for the others (Szegedy et al. 2016, section 7).
/// `logits` is (N, classes); `gradient`, like it, receives the derivative with respect to the logits.
/// Throws Error when there is not one label in 0 … classes-1 for every image.
double softmax_cross_entropy(ConstView logits, std::span<const int> labels, double smoothing, View gradient);

/// What the scores of a network tell about the classes: mean over the images of T² · KL(softmax(teacher / T) ‖
/// softmax(logits / T)) for the temperature T (Hinton et al. 2015, section 2). `gradient` receives the derivative with
/// respect to the logits. Throws Error when the shapes differ.
double distillation(ConstView logits, ConstView teacher, double temperature, View gradient);

/// Scores whose softmax these probabilities (N, classes) are: their logarithms.
Tensor scores_of(ConstView probabilities);

/// Makes a derivative with respect to scores_of(probabilities) one with respect to the probabilities.
void pull_back_scores(ConstView probabilities, View gradient);

/// Mean over all elements of (output − target)²; `gradient` receives the derivative with respect to the output.
/// Throws Error when the shapes differ.
double mean_squared_error(ConstView output, ConstView target, View gradient);

}  // namespace eigenbit::internal
