#pragma once

#include "compress/statistics/gradient_samples.h"
#include "compress/statistics/histogram.h"
#include "compress/transform/transform.h"

#include <cstdint>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Eigenvalues of a layer's second moments along one axis, falling, and their sum.
struct MomentSpectrum {
    std::vector<double> eigenvalues;

    double trace() const;
    /// The largest eigenvalue over the smallest; infinite where that is 0 but for rounding.
    double condition() const;
    /// Their arithmetic over their geometric mean, as a power ratio: what an orthogonal transform could gain at most.
    double spread() const;
};

struct AxisStatistics {
    Axis axis = Axis::row;
    MomentSpectrum weights;    ///< of C_θθ
    MomentSpectrum gradients;  ///< of C_γγ
    CodingGain klt;
    CodingGain elt;
};

/// Of what a layer reads, over all images and elements.
struct ActivationStatistics {
    double least = 0.0;
    double greatest = 0.0;
    double mean = 0.0;
    double variance = 0.0;
    Histogram histogram;
    ClippingRange clipping;  ///< of 8 bits
};

struct LayerStatistics {
    std::string name;
    Shape shape;                       ///< (O, taps, I / groups)
    std::vector<AxisStatistics> axes;  ///< row and column; none for grouped layers
    ActivationStatistics input;
};

struct StatisticsOptions {
    int projections = 2;  ///< random vectors for each image
    std::uint64_t seed = 0;
    std::int64_t memory_bytes = 1LL << 30;  ///< bound of the gradients that are kept at once
};

/// Second moments of gradients and weights, and what layers read, over any number of images.
///
/// Images are read in groups of at most kMostImages, and only sums over them are kept: memory is that of a group's
/// gradients (4 bytes · projections · images · weights, within the bound if one image's are), of its activations, and 8
/// bytes for each element of all C_γγ, whatever the number of images. The same for any number of threads.
class NetworkStatistics {
  public:
    static constexpr std::int64_t kMostImages = 16;

    /// The graph must outlive the statistics.
    NetworkStatistics(const Graph& graph, const StatisticsOptions& options);

    /// Images (N, H, W, C).
    void add(ConstView images);
    /// After one image or more.
    std::vector<LayerStatistics> finish() const;

  private:
    struct LayerSums {
        Matrix gradients[2];  // row, column
        double values = 0.0;
        double squares = 0.0;
        double elements = 0.0;
        float least = 0.0F;
        float greatest = 0.0F;
        Histogram histogram;
    };

    void add_gradients(ConstView images);
    void add_activations(ConstView images);
    AxisStatistics axis_statistics(std::size_t layer, Axis axis) const;

    const Graph* graph_;
    Graph differentiable_;  // with a bias in every layer
    StatisticsOptions options_;
    std::vector<Layer> layers_;
    std::vector<LayerSums> sums_;  // by layer
    std::int64_t images_at_once_ = 1;
    std::int64_t images_ = 0;
};

}  // namespace eigenbit::internal
