#include "engine/error.h"
#include "engine/kernels/cpu.h"

#include <doctest/doctest.h>

#include <string>

using namespace eigenbit;

TEST_CASE("every implementation has a name of its own and generic runs everywhere") {
    const auto implementations = cpu_implementations();
    CHECK(std::string(implementations.back().name) == "generic");
    CHECK(implementations.back().supported);
    for (const CpuImplementation& implementation : implementations) {
        if (implementation.supported) CHECK(&find_cpu_implementation(implementation.name) == &implementation);
    }
}

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
