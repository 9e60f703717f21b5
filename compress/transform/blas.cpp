#include "compress/transform/blas.h"

#include <mutex>

namespace eigenbit::internal {
namespace {

struct {
    std::mutex mutex;
    int users = 0;
    int threads = 0;  // before the first of them
} shared;

}  // namespace

BlasOnCallingThread::BlasOnCallingThread() {
    const std::lock_guard lock(shared.mutex);
    if (shared.users++ > 0) return;
    shared.threads = openblas_get_num_threads();
    openblas_set_num_threads(1);
}

BlasOnCallingThread::~BlasOnCallingThread() {
    const std::lock_guard lock(shared.mutex);
    if (--shared.users == 0) openblas_set_num_threads(shared.threads);
}

}  // namespace eigenbit::internal
