#pragma once

#include "compress/layer.h"
#include "engine/executor/graph_executor.h"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Projected gradients of one layer (method section 2): for every image and every random ±1 vector v, the gradient of
/// ⟨v, y⟩ for the network's output y. Their second moments are those of the Jacobian summed over all outputs.
struct GradientSamples {
    Tensor weights;       ///< (samples, O, taps, I)
    Tensor shifts;        ///< (samples, O): with respect to a constant added to an output channel of the layer
    int projections = 1;  ///< samples of each image, which lie together

    std::int64_t count() const { return weights.shape()[0]; }
    std::int64_t images() const { return count() / projections; }
};

struct SamplingOptions {
    int projections = 2;  ///< random vectors for each image
    std::uint64_t seed = 0;
    std::int64_t first_image = 0;  ///< the number of the first image: each has random vectors of its own
};

/// Runs the network on each image of (N, H, W, C) by itself, on all threads, and calls visit(image, session) after
/// each.
void for_each_image(const Graph& graph, ConstView images, const GraphExecutor::Options& options,
                    const std::function<void(std::int64_t image, GraphExecutor& session)>& visit);

/// A copy of the network in which every layer has a bias, so that gradients() can see output channels move.
Graph with_biases(const Graph& graph);

/// Samples of some layers of with_biases(graph), for images (N, H, W, C). Each image is differentiated by itself; needs
/// N · projections · 4 bytes a weight of the chosen layers. The same for any number of threads.
std::vector<GradientSamples> sample_gradients(const Graph& graph, std::span<const Layer> layers, ConstView images,
                                              const SamplingOptions& options);

/// Makes sure that errors of a layer's weights (O, taps, I) are never for nothing. Gradients say what small errors do;
/// of what comes before a saturated Softmax, or an activation that is flat where the calibration images are, they say
/// that errors do nothing, but errors large enough leave the flat part. Where gradients are smaller than those of a
/// layer whose errors, relative to its weights, reach the output with a thousandth of their energy, random ones of that
/// size are added: then it returns true. `output_energy` is the mean over images of Σ y² over the network's outputs.
bool add_unseen_sensitivity(GradientSamples& samples, ConstView weights, double output_energy);

/// C_γγ: the mean over the samples of g·gᵗ for the matrix view g of a gradient.
Matrix gradient_moments(ConstView gradients, Axis axis);

/// C_γγ along every axis that is asked for, computed once. The gradients must outlive it.
class GradientMoments {
  public:
    explicit GradientMoments(ConstView gradients) : gradients_(gradients) {}

    const Matrix& along(Axis axis) const;

  private:
    ConstView gradients_;
    mutable std::map<Axis, Matrix> moments_;
};

}  // namespace eigenbit::internal
