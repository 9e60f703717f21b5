#include "engine/inference/calibrate.h"

#include "engine/graph/layer_view.h"
#include "engine/inference/fusion.h"
#include "engine/session.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace eigenbit {
namespace {

/// The least grid of 8 bits that holds zero and all values.
ActivationQuantization grid_over(std::span<const float> values) {
    constexpr int kBits = 8;
    constexpr float kLargest = (1 << kBits) - 1;
    float low = 0.0F;
    float high = 0.0F;
    for (const float value : values) {
        low = std::min(low, value);
        high = std::max(high, value);
    }
    const float step = std::max((high - low) / kLargest, std::numeric_limits<float>::min());
    return {.bit_depth = kBits, .step = step, .zero_point = static_cast<std::int32_t>(std::lrint(-low / step))};
}

}  // namespace

bool lacks_grids(const Graph& graph) {
    return std::ranges::any_of(layers_of(graph), [&](const LayerView& layer) {
        return !graph.is_parameter(layer.input) && !graph.activations().contains(layer.input);
    });
}

int calibrate(Graph& graph, ConstView images) {
    if (!lacks_grids(graph)) return 0;
    std::vector<ValueId> wanted = worth_rounding(graph);
    std::erase_if(wanted, [&](ValueId value) { return graph.activations().contains(value); });
    Session session(graph, std::span(&images.shape, 1), {.keep_values = true});
    session.run(images);
    for (const ValueId value : wanted) graph.quantize_activation(value, grid_over(session.value(value).values()));
    return static_cast<int>(wanted.size());
}

}  // namespace eigenbit
