#pragma once

#include <cstdint>
#include <span>

namespace eigenbit::internal {

/// A convolution's weights as integers of 8 bits, and where to look for few different ones.
struct CodedWeights {
    std::span<const std::int8_t> codes;          // (O, KH, KW, I / groups)
    std::span<const std::int64_t> input_cuts{};  // input channels of a group where blocks begin that share their codes
};

}  // namespace eigenbit::internal
