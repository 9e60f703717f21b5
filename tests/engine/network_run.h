#pragma once

#include "engine/session.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace eigenbit {

/// What a network with one input puts out for it.
inline Tensor run(const Graph& graph, ConstView input) {
    Session session(graph, std::array{input.shape});
    return Tensor(session.run(input));
}

/// The largest difference, relative to the largest of the expected values.
inline float relative_error(ConstView values, ConstView expected) {
    REQUIRE(to_string(values.shape) == to_string(expected.shape));
    float difference = 0.0F;
    float largest = 0.0F;
    for (std::int64_t i = 0; i < values.elements(); ++i) {
        difference = std::max(difference, std::abs(values[i] - expected[i]));
        largest = std::max(largest, std::abs(expected[i]));
    }
    return difference / largest;
}

}  // namespace eigenbit
