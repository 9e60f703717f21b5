#include "engine/blas.h"

#include <cblas.h>

namespace eigenbit {

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, MatrixOperand a, MatrixOperand b, float beta, float* c,
              std::int64_t c_stride) {
    static const bool single_threaded = (openblas_set_num_threads(1), true);
    static_cast<void>(single_threaded);
    if (m == 0 || n == 0) return;
    const auto order = [](const MatrixOperand& x) { return x.transposed ? CblasTrans : CblasNoTrans; };
    const auto dim = [](std::int64_t x) { return static_cast<blasint>(x); };
    cblas_sgemm(CblasRowMajor, order(a), order(b), dim(m), dim(n), dim(k), 1.0F, a.data, dim(a.stride), b.data,
                dim(b.stride), beta, c, dim(c_stride));
}

}  // namespace eigenbit
