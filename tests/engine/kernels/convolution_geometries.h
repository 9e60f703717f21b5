#pragma once

#include "engine/kernels/cpu.h"
#include "engine/kernels/loops/convolution_geometry.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

namespace eigenbit::internal {

std::int64_t between(std::mt19937& random, std::int64_t low, std::int64_t high);

/// The geometry with oh and ow as its other fields make them.
ConvolutionGeometry with_output_extents(ConvolutionGeometry geometry);

/// So many geometries: layers of networks and extremes, then random ones, dense, pointwise, grouped and depthwise, with
/// odd sizes, strides, dilations and asymmetric padding.
std::vector<ConvolutionGeometry> convolution_geometries(std::size_t count, std::mt19937& random);

std::string to_string(const ConvolutionGeometry& geometry);

/// Says, once, which implementations this CPU cannot run.
void name_unsupported();

/// Calls check(implementation) for everything that this CPU can run, and names what it cannot.
template <typename Check>
void for_each_supported(const Check& check) {
    name_unsupported();
    for (const CpuImplementation& implementation : cpu_implementations()) {
        if (!implementation.supported) continue;
        CAPTURE(std::string(implementation.name));
        check(implementation);
    }
}

}  // namespace eigenbit::internal
