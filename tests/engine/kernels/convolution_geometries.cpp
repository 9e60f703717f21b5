#include "tests/engine/kernels/convolution_geometries.h"

#include <fmt/ranges.h>

#include <iostream>
#include <mutex>

namespace eigenbit::internal {
namespace {

ConvolutionGeometry random_geometry(std::mt19937& random) {
    for (;;) {
        ConvolutionGeometry g{};
        g.n = between(random, 1, 3);
        g.h = between(random, 1, 12);
        g.w = between(random, 1, 12);
        g.kh = between(random, 1, 5);
        g.kw = between(random, 1, 5);
        for (std::int64_t& stride : g.stride) stride = between(random, 1, 3);
        for (std::int64_t& dilation : g.dilation) dilation = between(random, 1, 3);
        for (std::int64_t& pad : g.pad) pad = between(random, 0, 1) * between(random, 0, 6);
        switch (between(random, 0, 3)) {
        case 0:  // dense
            g.i = between(random, 1, 40);
            g.o = between(random, 1, 100);
            g.groups = 1;
            break;
        case 1:  // depthwise
            g.i = g.o = g.groups = between(random, 1, 70);
            break;
        case 2:  // groups
            g.groups = between(random, 2, 5);
            g.i = g.groups * between(random, 1, 9);
            g.o = g.groups * between(random, 1, 20);
            break;
        default:  // pointwise
            g.i = between(random, 1, 80);
            g.o = between(random, 1, 150);
            g.groups = 1;
            g.kh = g.kw = 1;
            if (between(random, 0, 1) == 0) g.pad = {};
            if (between(random, 0, 1) == 0) g.stride = {1, 1};
        }
        const std::int64_t reach_y = g.dilation[0] * (g.kh - 1) + 1;
        const std::int64_t reach_x = g.dilation[1] * (g.kw - 1) + 1;
        if (reach_y > g.h + g.pad[0] + g.pad[2] || reach_x > g.w + g.pad[1] + g.pad[3]) continue;
        return with_output_extents(g);
    }
}

/// Shapes that random ones rarely are: each is a layer of some network, or an extreme.
std::vector<ConvolutionGeometry> special_geometries() {
    std::vector<ConvolutionGeometry> geometries = {
        {.n = 1, .h = 1, .w = 1, .i = 1, .o = 1, .kh = 1, .kw = 1},
        {.n = 2, .h = 1, .w = 1, .i = 1, .o = 1, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}},
        {.n = 1, .h = 2, .w = 2, .i = 3, .o = 5, .kh = 7, .kw = 7, .pad = {3, 3, 3, 3}},
        {.n = 1, .h = 224 / 8, .w = 224 / 8, .i = 3, .o = 64, .kh = 7, .kw = 7, .stride = {2, 2}, .pad = {3, 3, 3, 3}},
        {.n = 2, .h = 32, .w = 32, .i = 16, .o = 16, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}},
        {.n = 1, .h = 7, .w = 7, .i = 512, .o = 72, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}},     // more than one depth
                                                                                                // block
        {.n = 3, .h = 1, .w = 1, .i = 5000, .o = 70, .kh = 1, .kw = 1},                         // a segment in parts
        {.n = 1, .h = 150, .w = 150, .i = 32, .o = 24, .kh = 3, .kw = 3, .pad = {1, 1, 1, 1}},  // several bands
        {.n = 1, .h = 150, .w = 150, .i = 16, .o = 8, .kh = 2, .kw = 3, .stride = {2, 1}, .pad = {0, 2, 1, 0}},
        {.n = 2, .h = 1, .w = 1, .i = 40, .o = 40, .kh = 1, .kw = 1, .stride = {2, 2}, .groups = 40},
        {.n = 1,
         .h = 60,
         .w = 60,
         .i = 100,
         .o = 100,
         .kh = 3,
         .kw = 3,
         .stride = {2, 2},
         .pad = {0, 0, 1, 1},
         .groups = 100},
        // several bands of pixels that are computed together
        {.n = 2, .h = 95, .w = 67, .i = 24, .o = 24, .kh = 3, .kw = 5, .pad = {1, 0, 1, 3}, .groups = 24},
        {.n = 1, .h = 190, .w = 75, .i = 8, .o = 8, .kh = 3, .kw = 3, .groups = 8},
    };
    for (ConvolutionGeometry& g : geometries) g = with_output_extents(g);
    geometries.push_back({.n = 2, .h = 3, .w = 3, .i = 0, .o = 5, .oh = 3, .ow = 3});  // every channel pruned
    geometries.push_back({.n = 2, .h = 3, .w = 3, .i = 5, .o = 0, .oh = 3, .ow = 3});
    geometries.push_back({.n = 0, .h = 3, .w = 3, .i = 5, .o = 4, .oh = 3, .ow = 3});
    return geometries;
}

}  // namespace

std::int64_t between(std::mt19937& random, std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

ConvolutionGeometry with_output_extents(ConvolutionGeometry g) {
    g.oh = convolution_output_extent(g.h, g.pad[0] + g.pad[2], g.kh, g.dilation[0], g.stride[0]);
    g.ow = convolution_output_extent(g.w, g.pad[1] + g.pad[3], g.kw, g.dilation[1], g.stride[1]);
    return g;
}

std::vector<ConvolutionGeometry> convolution_geometries(std::size_t count, std::mt19937& random) {
    std::vector<ConvolutionGeometry> geometries = special_geometries();
    while (geometries.size() < count) geometries.push_back(random_geometry(random));
    return geometries;
}

std::string to_string(const ConvolutionGeometry& g) {
    return fmt::format("x ({}, {}, {}, {}), w ({}, {}, {}), y ({}, {}), stride {}, dilation {}, pad {}, groups {}", g.n,
                       g.h, g.w, g.i, g.o, g.kh, g.kw, g.oh, g.ow, g.stride, g.dilation, g.pad, g.groups);
}

void name_unsupported() {
    static std::once_flag once;
    std::call_once(once, [] {
        for (const CpuImplementation& implementation : cpu_implementations()) {
            if (implementation.supported) continue;
            std::cout << "skipped: kernels of " << implementation.name << ", which this CPU cannot run\n";
        }
    });
}

}  // namespace eigenbit::internal
