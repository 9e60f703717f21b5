#pragma once

#include "engine/kernels/f32/kernels.h"
#include "engine/kernels/int8/kernels.h"

#include <span>
#include <string_view>

namespace eigenbit::internal {

/// The kernels compiled for one generation of CPUs.
struct CpuImplementation {
    const char* name;
    const char* description;
    const char* required_features;
    bool supported;  // by this CPU and its operating system
    const ConvolutionKernels* convolution;
    const Int8Kernels* integer;
};

/// Every implementation in the program, the fastest first. The last, "generic", runs everywhere.
std::span<const CpuImplementation> cpu_implementations();

/// Throws Error, listing what exists, when the name is unknown or this CPU cannot run it.
const CpuImplementation& find_cpu_implementation(std::string_view name);

/// The one that the environment variable EIGENBIT_CPU names, else the fastest supported. Chosen at the first call;
/// throws like find_cpu_implementation.
const CpuImplementation& active_cpu_implementation();

}  // namespace eigenbit::internal
