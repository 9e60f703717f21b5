#pragma once

#include "engine/kernels/f32/gemm.h"

namespace eigenbit::internal {

/// Plain loops, slow, summed in double: what gemm is tested against.
void gemm_reference(std::int64_t m, std::int64_t n, std::int64_t k, MatrixOperand a, MatrixOperand b, bool accumulate,
                    float* c, std::int64_t c_stride);

}  // namespace eigenbit::internal
