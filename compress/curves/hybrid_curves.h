#pragma once

#include "compress/allocation/allocation.h"
#include "compress/statistics/distortion_meter.h"

#include <functional>
#include <span>
#include <vector>

namespace eigenbit::internal {

struct HybridOptions {
    MeterOptions meter{};
    /// A prediction that is off by more than this factor is also measured at the next cheaper and the next dearer
    /// candidate of the block's convex hull.
    double tolerance = 1.25;
    /// Allocations that are tried and measured. Each measures at most three candidates of every block.
    int rounds = 3;
};

/// Second-order curves with exact distortions where an allocation lands (method section 5). Layers whose quantization
/// as a whole disturbs the output as predicted are left alone. In the others, the candidates that `allocate` chooses
/// are measured on the network's output block by block, and what the prediction missed there is assumed to be missed by
/// similar candidates of the block too: by all that are predicted to disturb more, and less and less by those that
/// disturb less, where the linearisation is better. Then another allocation is tried, until one has been measured
/// already. The same for any number of threads.
void measure_where_allocated(std::span<LayerAlternatives> curves, const Graph& graph, std::span<const Layer> layers,
                             ConstView images, const std::function<Allocation()>& allocate,
                             const HybridOptions& options);

}  // namespace eigenbit::internal
