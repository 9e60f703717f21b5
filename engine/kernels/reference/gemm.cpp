#include "engine/kernels/reference/gemm.h"

namespace eigenbit::internal {

void gemm_reference(std::int64_t m, std::int64_t n, std::int64_t k, MatrixOperand a, MatrixOperand b, bool accumulate,
                    float* c, std::int64_t c_stride) {
    const auto element = [](const MatrixOperand& x, std::int64_t row, std::int64_t column) {
        return static_cast<double>(x.transposed ? x.data[column * x.stride + row] : x.data[row * x.stride + column]);
    };
    for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
            float& value = c[i * c_stride + j];
            double sum = accumulate ? static_cast<double>(value) : 0.0;
            for (std::int64_t l = 0; l < k; ++l) sum += element(a, i, l) * element(b, l, j);
            value = static_cast<float>(sum);
        }
    }
}

}  // namespace eigenbit::internal
