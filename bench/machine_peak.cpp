#include "bench/machine_peak.h"

#include <algorithm>
#include <cstdint>
#include <ctime>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace eigenbit::internal {
namespace {

constexpr int kChains = 12;  // independent ones, more than any CPU's latency needs

#if defined(__x86_64__)
using Lanes16 = float __attribute__((vector_size(64)));
using Lanes8 = float __attribute__((vector_size(32)));

/// Returns floating-point operations.
template <typename Lanes>
[[gnu::always_inline]] inline double run_fmas(std::int64_t iterations) {
    Lanes sums[kChains] = {};
    Lanes factor = Lanes{} + 0.5F;
    for (std::int64_t iteration = 0; iteration < iterations; ++iteration) {
#pragma GCC unroll 12
        for (Lanes& sum : sums) {
            sum = sum * factor + factor;
            asm volatile("" : "+v"(sum));
        }
    }
    return 2.0 * kChains * static_cast<double>(iterations) * (sizeof(Lanes) / sizeof(float));
}

[[gnu::target("avx512f")]] double run_fmas_512(std::int64_t iterations) { return run_fmas<Lanes16>(iterations); }
[[gnu::target("avx2,fma")]] double run_fmas_256(std::int64_t iterations) { return run_fmas<Lanes8>(iterations); }

[[gnu::target("avx512f,avx512vnni")]] double run_byte_dots_512(std::int64_t iterations) {
    __m512i sums[kChains] = {};
    const __m512i factor = _mm512_set1_epi32(0x01010101);
    for (std::int64_t iteration = 0; iteration < iterations; ++iteration) {
#pragma GCC unroll 12
        for (__m512i& sum : sums) {
            sum = _mm512_dpbusd_epi32(sum, factor, factor);
            asm volatile("" : "+v"(sum));
        }
    }
    return 2.0 * kChains * static_cast<double>(iterations) * 64;
}

[[gnu::target("avx2")]] double run_byte_dots_256(std::int64_t iterations) {
    __m256i sums[kChains] = {};
    __m256i factor = _mm256_set1_epi16(1);
    for (std::int64_t iteration = 0; iteration < iterations; ++iteration) {
#pragma GCC unroll 12
        for (__m256i& sum : sums) {
            asm volatile("" : "+x"(factor));
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(factor, factor));
            asm volatile("" : "+x"(sum));
        }
    }
    return 2.0 * kChains * static_cast<double>(iterations) * 16;
}
#endif

using Loop = double (*)(std::int64_t iterations);

double best_rate(Loop loop) {
    double best = 0.0;
    for (int trial = 0; loop && trial < 10; ++trial) {
        const double start = thread_seconds();
        const double operations = loop(300'000);
        best = std::max(best, operations / (thread_seconds() - start) * 1e-9);
    }
    return best;
}

}  // namespace

double thread_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double fma_peak() {
    Loop loop = nullptr;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("fma")) loop = run_fmas_256;
    if (__builtin_cpu_supports("avx512f")) loop = run_fmas_512;
#endif
    return best_rate(loop);
}

double byte_dot_peak() {
    Loop loop = nullptr;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) loop = run_byte_dots_256;
    if (__builtin_cpu_supports("avx512vnni")) loop = run_byte_dots_512;
#endif
    return best_rate(loop);
}

}  // namespace eigenbit::internal
