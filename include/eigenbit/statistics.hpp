#pragma once

#include "dataset.hpp"
#include "model.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// Of a layer's second moments along an axis.
struct MomentSpectrum {
    std::vector<double> eigenvalues{};  ///< falling
    double trace = 0.0;                 ///< their sum
    double condition = 0.0;             ///< the largest over the smallest; infinite where that is 0 but for rounding
    double spread_db = 0.0;             ///< their arithmetic over their geometric mean: what a transform gains at most
};

/// The two parts of a transform's coding gain, which add up to it.
struct CodingGain {
    double gradients_db = 0.0;  ///< by the gradients' second moments
    double weights_db = 0.0;    ///< by the weights'
};

/// Of a layer along one axis.
struct AxisStatistics {
    std::string axis;            ///< "row" (input channels) or "column" (output channels)
    MomentSpectrum weights{};    ///< second moments of weights
    MomentSpectrum gradients{};  ///< second moments of gradients
    CodingGain klt{};            ///< of the Karhunen-Loève transform
    CodingGain elt{};            ///< of the transform that is learned end to end
};

/// Counts of values in bins of one width, from the first to the last that has any.
struct Histogram {
    double first_edge = 0.0;             ///< where the first bin begins
    double bin_width = 0.0;              ///< a power of two
    std::vector<std::int64_t> counts{};  ///< of each bin
};

/// Of what a layer reads, over all images and elements.
struct ActivationStatistics {
    double least = 0.0;          ///< value
    double greatest = 0.0;       ///< value
    double mean = 0.0;           ///< of all values
    double variance = 0.0;       ///< of all values
    double clipping_low = 0.0;   ///< where 8 bits lose least
    double clipping_high = 0.0;  ///< likewise
    Histogram histogram{};       ///< of all values
};

/// Of a convolution or fully-connected layer.
struct LayerStatistics {
    std::string name;                    ///< of the node
    Extents shape{};                     ///< (outputs, taps, inputs of a group)
    std::vector<AxisStatistics> axes{};  ///< row and column; none of grouped layers
    ActivationStatistics input{};        ///< what the layer reads
};

/// Of all layers.
struct NetworkStatistics {
    std::int64_t images = 0;                ///< examples that they come from
    std::vector<LayerStatistics> layers{};  ///< in the order in which they run
};

/// What statistics are made of.
struct StatisticsOptions {
    std::int64_t images = 256;              ///< of the data, in an order drawn from the seed; labels are not used
    std::int64_t memory_bytes = 1LL << 30;  ///< bound of the gradients that are kept at once
    std::uint64_t seed = 0;                 ///< of what is drawn at random
    int threads = 0;                        ///< 0: as many as processors; the result does not depend on it
    std::function<void(std::int64_t images)> on_progress{};  ///< told how many are done, by the calling thread
    Log log{};                                               ///< hears warnings of the calling thread
};

/// What compression sees: second moments of weights and gradients, coding gains of transforms, what layers read. Throws
/// Error where the data do not fit the network.
NetworkStatistics statistics(const Model& model, const Dataset& data, const StatisticsOptions& options = {});

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
