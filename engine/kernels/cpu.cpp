#include "engine/kernels/cpu.h"

#include "engine/base/error.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

namespace eigenbit::internal {
namespace {

// __builtin_cpu_supports also asks the operating system (XGETBV) whether it saves the registers that a feature needs.
#define FEATURE(name) &&__builtin_cpu_supports(#name)
#define EIGENBIT_INSTRUCTION_SET(name, float_kernels, int8_kernels, features, ...)                                     \
    bool supports_##name() { return true features; }
#include "engine/kernels/instruction_sets.def"

/// Names that each have ", " before them.
const char* listed(const char* names) { return *names ? names + 2 : "none"; }

}  // namespace

std::span<const CpuImplementation> cpu_implementations() {
#define FEATURE(name) ", " #name
#define EIGENBIT_INSTRUCTION_SET(name, float_kernels, int8_kernels, features, description)                             \
    CpuImplementation{#name,                                                                                           \
                      description,                                                                                     \
                      listed("" features),                                                                             \
                      supports_##name(),                                                                               \
                      &float_kernels::kConvolutionKernels,                                                             \
                      &int8_kernels::kInt8Kernels},
    static const std::array implementations = {
#include "engine/kernels/instruction_sets.def"
    };
    return implementations;
}

const CpuImplementation& find_cpu_implementation(std::string_view name) {
    const auto implementations = cpu_implementations();
    const auto found = std::ranges::find(implementations, name, &CpuImplementation::name);
    if (found != implementations.end() && found->supported) return *found;
    std::string choices;
    for (const CpuImplementation& implementation : implementations) {
        if (implementation.supported) choices += formatted("{}{}", choices.empty() ? "" : ", ", implementation.name);
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

}  // namespace eigenbit::internal
