#include "engine/base/subnormals.h"

#include <tbb/task_group.h>

#include <cstdint>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace eigenbit::internal {
namespace {

/// The register of floating-point modes, and its bits that make zeros of subnormal operands and results.
#if defined(__SSE__)
using Modes = unsigned;
constexpr Modes kFlushSubnormals = 0x8040;
Modes modes() { return _mm_getcsr(); }
void set_modes(Modes modes) { _mm_setcsr(modes); }
#elif defined(__aarch64__)
using Modes = std::uint64_t;
constexpr Modes kFlushSubnormals = Modes{1} << 24;
Modes modes() {
    Modes modes;
    asm volatile("mrs %0, fpcr" : "=r"(modes));
    return modes;
}
void set_modes(Modes modes) { asm volatile("msr fpcr, %0" : : "r"(modes)); }
#else
using Modes = unsigned;
constexpr Modes kFlushSubnormals = 0;
Modes modes() { return 0; }
void set_modes(Modes) {}
#endif

}  // namespace

// oneTBB sets the modes that a context captured wherever a task of it runs, or of a loop within such a task, and sets
// the thread's own again after it.
void flush_subnormals_in(const std::function<void()>& body) {
    const Modes own = modes();
    set_modes(own | kFlushSubnormals);
    tbb::task_group_context flushing(tbb::task_group_context::isolated,
                                     tbb::task_group_context::default_traits | tbb::task_group_context::fp_settings);
    set_modes(own);
    tbb::task_group(flushing).run_and_wait(body);
}

}  // namespace eigenbit::internal
