#include "compress/transform/blas.h"

namespace eigenbit::internal {

void keep_blas_on_calling_thread() {
    static const bool done = (openblas_set_num_threads(1), true);
    static_cast<void>(done);
}

}  // namespace eigenbit::internal
