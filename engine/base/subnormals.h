#pragma once

#include <functional>

namespace eigenbit::internal {

/// Calls body with subnormal floats taken for 0, read or computed, in the calling thread and in all threads that work
/// on oneTBB's loops within it: multiplying one takes as long as multiplying a hundred others. Before and after, and in
/// what the threads do for others meanwhile, the floating-point modes are the caller's. Throws what body throws.
///
/// Does nothing but call body on CPUs other than x86-64 and AArch64.
void flush_subnormals_in(const std::function<void()>& body);

}  // namespace eigenbit::internal
