#pragma once

#include <cblas.h>
#include <lapacke.h>

namespace eigenbit::internal {

/// While one lives, BLAS and LAPACK compute on the calling thread alone: oneTBB divides the work. OpenBLAS has one
/// number of threads for the whole process, which may be the application's choice; after the last it is as before.
class BlasOnCallingThread {
  public:
    BlasOnCallingThread();
    BlasOnCallingThread(const BlasOnCallingThread&) = delete;
    BlasOnCallingThread& operator=(const BlasOnCallingThread&) = delete;
    ~BlasOnCallingThread();
};

}  // namespace eigenbit::internal
