#pragma once

#include <cblas.h>
#include <lapacke.h>

namespace eigenbit::internal {

/// To be called before BLAS or LAPACK. They compute on the calling thread alone: oneTBB divides the work.
void keep_blas_on_calling_thread();

}  // namespace eigenbit::internal
