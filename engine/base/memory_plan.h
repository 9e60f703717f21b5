#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// A buffer that is needed from step `first` to step `last`, both included.
struct Lifetime {
    std::int64_t elements = 0;
    std::size_t first = 0;
    std::size_t last = 0;
};

/// Where each buffer lies in one arena, in elements; buffers alive at the same step never overlap.
struct MemoryPlan {
    std::vector<std::int64_t> offsets;
    std::int64_t elements = 0;
};

/// Places the largest buffer first, each at the lowest free offset (greedy by size; Pisarchyk and Lee,
/// "Efficient Memory Management for Deep Neural Net Inference", 2020). Offsets are multiples of 16 elements.
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes);

}  // namespace eigenbit::internal
