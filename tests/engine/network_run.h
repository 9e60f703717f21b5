#pragma once

#include "engine/executor/graph_executor.h"
#include "engine/passes/quantizer_candidates.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace eigenbit::internal {

/// What a network with one input outputs for it.
inline Tensor run(const Graph& graph, ConstView input) {
    GraphExecutor session(graph, std::array{input.shape});
    return Tensor(session.run(input));
}

/// Gives all candidates without a quantizer one of 8 bits over the range that they have for these images; returns how
/// many there were.
inline int quantize_over_range(Graph& graph, ConstView images) {
    std::vector<ValueId> values = quantizer_candidates(graph, infer_shapes(graph, images.shape));
    std::erase_if(values, [&](ValueId value) { return graph.activations().contains(value); });
    GraphExecutor session(graph, images.shape, {.keep_values = true});
    session.run(images);
    for (const ValueId value : values) {
        const std::span<const float> seen = session.value(value).values();
        const float low = std::min(0.0F, *std::ranges::min_element(seen));
        const float high = std::max(0.0F, *std::ranges::max_element(seen));
        const float step = std::max((high - low) / 255.0F, std::numeric_limits<float>::min());
        quantize_candidate(
            graph, value,
            {.bit_depth = 8, .step = step, .zero_point = static_cast<std::int32_t>(std::lrint(-low / step))});
    }
    return static_cast<int>(values.size());
}

/// The largest difference, relative to the largest of the expected values. All have to be finite.
inline float relative_error(ConstView values, ConstView expected) {
    REQUIRE(to_string(values.shape) == to_string(expected.shape));
    const auto is_finite = [](float value) { return std::isfinite(value); };
    REQUIRE(std::ranges::all_of(values.values(), is_finite));
    REQUIRE(std::ranges::all_of(expected.values(), is_finite));
    float difference = 0.0F;
    float largest = 0.0F;
    for (std::int64_t i = 0; i < values.elements(); ++i) {
        difference = std::max(difference, std::abs(values[i] - expected[i]));
        largest = std::max(largest, std::abs(expected[i]));
    }
    return difference / largest;
}

}  // namespace eigenbit::internal
