#pragma once

#include "engine/kernels/cpu.h"

#include <cstdint>

namespace eigenbit::internal {

/// A row-major matrix in memory, `stride` floats from row to row, possibly read transposed.
struct MatrixOperand {
    const float* data;
    std::int64_t stride;
    bool transposed = false;
};

/// C (m × n) = or, when `accumulate`, += A (m × k) · B (k × n). C is row-major, c_stride floats from row to row, and
/// overlaps neither A nor B. Runs on oneTBB; the result depends on sizes, order and instruction set, never on the
/// number of threads. A sum of k products is off by less than k · 2⁻²⁴ · Σ|product|; a long one, where m or n is at
/// most 4, by that of long_sums.h.
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, MatrixOperand a, MatrixOperand b, bool accumulate, float* c,
          std::int64_t c_stride, const CpuImplementation& implementation = active_cpu_implementation());

}  // namespace eigenbit::internal
