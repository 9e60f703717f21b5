#pragma once

#include "engine/kernels/int8/convolution.h"

namespace eigenbit::internal {

/// Plain loops, slow, summed in 64 bits: what Int8Convolution is tested against.
void integer_convolution_reference(const ConvolutionGeometry& geometry, std::span<const std::int8_t> weights,
                                   std::uint8_t zero_point, const Int8Channels& channels, const std::uint8_t* x,
                                   const Int8Output& output);

}  // namespace eigenbit::internal
