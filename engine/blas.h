#pragma once

#include <cstdint>

namespace eigenbit {

/// A row-major matrix in memory, `stride` elements from row to row, possibly read transposed.
struct MatrixOperand {
    const float* data;
    std::int64_t stride;
    bool transposed = false;
};

/// C (m × n) = A (m × k) · B (k × n) + beta · C on the calling thread; OpenBLAS never starts threads of its own here.
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, MatrixOperand a, MatrixOperand b, float beta, float* c,
              std::int64_t c_stride);

}  // namespace eigenbit
