#include "engine/base/error.h"
#include "engine/kernels/cpu.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace eigenbit::internal;

namespace {

bool is_supported(const std::string& name) {
    const auto implementations = cpu_implementations();
    return std::ranges::find(implementations, name, &CpuImplementation::name)->supported;
}

}  // namespace

TEST_CASE("every implementation has a name of its own and generic runs everywhere") {
    const auto implementations = cpu_implementations();
    CHECK(std::string(implementations.back().name) == "generic");
    CHECK(implementations.back().supported);
    for (const CpuImplementation& implementation : implementations) {
        if (implementation.supported) CHECK(&find_cpu_implementation(implementation.name) == &implementation);
    }
}

// One a line of the list, so that those which this CPU cannot run count as skipped.
#define EIGENBIT_INSTRUCTION_SET(name, float_kernels, int8_kernels, features, ...)                                     \
    TEST_CASE("the kernels of " #name " run on this CPU" * doctest::skip(!is_supported(#name))) {                      \
        const CpuImplementation& implementation = find_cpu_implementation(#name);                                      \
        CHECK(implementation.convolution == &float_kernels::kConvolutionKernels);                                      \
        CHECK(implementation.integer == &int8_kernels::kInt8Kernels);                                                  \
    }
#include "engine/kernels/instruction_sets.def"

TEST_CASE("the active implementation is supported") { CHECK(active_cpu_implementation().supported); }

TEST_CASE("an unknown implementation is refused with a list of those that exist") {
    try {
        find_cpu_implementation("sse9");
        FAIL("it was accepted");
    } catch (const Error& error) {
        const std::string sentence = error.what();
        CHECK(sentence.find("sse9") != std::string::npos);
        for (const CpuImplementation& implementation : cpu_implementations()) {
            if (implementation.supported) CHECK(sentence.find(implementation.name) != std::string::npos);
        }
    }
}
