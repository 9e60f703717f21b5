#pragma once

#include "engine/base/tensor.h"

#include <cstdint>

namespace eigenbit::internal {

/// The grid that a value between layers is rounded to: value = step · (index − zero_point), index in
/// 0 … 2^bit_depth − 1. Zero is always on the grid, so that padding needs no rounding.
struct ActivationQuantizer {
    int bit_depth = 8;            ///< 1 … 16
    float step = 1.0F;            ///< in units of the values
    std::int32_t zero_point = 0;  ///< the index that stands for zero; 0 for values that are never negative

    std::int32_t largest_level() const { return (1 << bit_depth) - 1; }
    float lowest() const { return step * static_cast<float>(-zero_point); }
    float highest() const { return step * static_cast<float>(largest_level() - zero_point); }

    bool operator==(const ActivationQuantizer& other) const = default;
};

/// Throws Error when depth, step or zero point are impossible.
void validate(const ActivationQuantizer& grid);

/// The index of the value's nearest on the grid, by the rule of fake_quantize; 0 for what is not a number.
std::int32_t level_of(const ActivationQuantizer& grid, float value);

/// The values as their nearest on the grid (between two of them the one with an even index − zero_point, as ONNX's
/// QuantizeLinear does); those beyond its ends become the ends. Both have the same elements; they may be the same
/// memory.
void fake_quantize(const ActivationQuantizer& grid, ConstView values, View rounded);

}  // namespace eigenbit::internal
