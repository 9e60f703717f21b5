#pragma once

#include "engine/base/tensor.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace eigenbit::internal {

/// How a file stores a number, little-endian.
enum class NumberType {
    float16,
    bfloat16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    boolean
};

std::size_t bytes_of(NumberType type);

/// Numbers of this type as float32. `bytes` are as many as the shape's elements take.
Tensor decode_numbers(std::span<const std::uint8_t> bytes, NumberType type, const Shape& shape);

}  // namespace eigenbit::internal
