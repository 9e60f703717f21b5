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
    // One row of A, as of one image through a fully-connected layer: reading B is all the work, and sgemm would spend
    // three times as long on packing it.
    if (m == 1 && k > 0) {
        const auto trans = b.transposed ? CblasNoTrans : CblasTrans;
        cblas_sgemv(CblasRowMajor, trans, dim(b.transposed ? n : k), dim(b.transposed ? k : n), 1.0F, b.data,
                    dim(b.stride), a.data, a.transposed ? dim(a.stride) : 1, beta, c, 1);
        return;
    }
    cblas_sgemm(CblasRowMajor, order(a), order(b), dim(m), dim(n), dim(k), 1.0F, a.data, dim(a.stride), b.data,
                dim(b.stride), beta, c, dim(c_stride));
}

}  // namespace eigenbit
