#include "engine/kernels/cpu.h"

#include "engine/error.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

namespace eigenbit {
namespace {

// __builtin_cpu_supports also asks the operating system (XGETBV) whether it saves the registers that a feature needs.
bool supports_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool supports_avx512vnni() {
    return supports_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
           && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
           && __builtin_cpu_supports("avx512vnni");
}

}  // namespace

std::span<const CpuImplementation> cpu_implementations() {
    static const std::array implementations = {
        CpuImplementation{"avx512vnni", "x86-64 with 512-bit vectors and byte dot products (Ice Lake, Zen 4)",
                          "AVX2, FMA, AVX-512 F, BW, VL, DQ, VNNI", supports_avx512vnni(),
                          &avx512vnni::kConvolutionKernels, &avx512vnni::kIntegerKernels},
        CpuImplementation{"avx2", "x86-64 with 256-bit vectors (Haswell, Zen)", "AVX2, FMA", supports_avx2(),
                          &avx2::kConvolutionKernels, &avx2::kIntegerKernels},
        CpuImplementation{"generic", "any CPU", "none", true, &generic::kConvolutionKernels, &generic::kIntegerKernels},
    };
    return implementations;
}

const CpuImplementation& find_cpu_implementation(std::string_view name) {
    const auto implementations = cpu_implementations();
    const auto found = std::ranges::find(implementations, name, &CpuImplementation::name);
    if (found != implementations.end() && found->supported) return *found;
    std::string choices;
    for (const CpuImplementation& implementation : implementations) {
        if (implementation.supported) choices += fmt::format("{}{}", choices.empty() ? "" : ", ", implementation.name);
    }
    if (found == implementations.end())
        fail("EIGENBIT_CPU is \"{}\", which is unknown; this CPU can run {}.", name, choices);
    fail("EIGENBIT_CPU is \"{}\", which needs {}; this CPU can run {}.", name, found->required_features, choices);
}

const CpuImplementation& active_cpu_implementation() {
    static const CpuImplementation& active = [&]() -> const CpuImplementation& {
        const char* const forced = std::getenv("EIGENBIT_CPU");
        if (forced && *forced) return find_cpu_implementation(forced);
        return *std::ranges::find(cpu_implementations(), true, &CpuImplementation::supported);
    }();
    return active;
}

}  // namespace eigenbit
