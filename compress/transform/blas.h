#pragma once

#include <cblas.h>
#include <lapacke.h>

namespace eigenbit::internal {

/// To be called before BLAS or LAPACK. They compute on the calling thread alone: oneTBB divides the work.
inline void keep_blas_on_calling_thread() {
    static const bool done = (openblas_set_num_threads(1), true);
    static_cast<void>(done);
}

}  // namespace eigenbit::internal
