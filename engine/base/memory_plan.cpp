#include "engine/base/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kAlignment = 16;  // floats in a cache line

bool alive_together(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes) {
    std::vector<std::size_t> by_size(lifetimes.size());
    std::iota(by_size.begin(), by_size.end(), std::size_t{0});
    std::ranges::stable_sort(
        by_size, [&](std::size_t a, std::size_t b) { return lifetimes[a].elements > lifetimes[b].elements; });

    MemoryPlan plan{std::vector<std::int64_t>(lifetimes.size()), 0};
    std::vector<std::size_t> placed;  // by rising offset
    for (const std::size_t index : by_size) {
        std::int64_t offset = 0;
        for (const std::size_t other : placed) {
            if (!alive_together(lifetimes[index], lifetimes[other])) continue;
            if (plan.offsets[other] >= offset + lifetimes[index].elements) break;
            const std::int64_t end = plan.offsets[other] + lifetimes[other].elements;
            offset = std::max(offset, (end + kAlignment - 1) / kAlignment * kAlignment);
        }
        plan.offsets[index] = offset;
        plan.elements = std::max(plan.elements, offset + lifetimes[index].elements);
        const auto position =
            std::ranges::upper_bound(placed, offset, {}, [&](std::size_t i) { return plan.offsets[i]; });
        placed.insert(position, index);
    }
    return plan;
}

}  // namespace eigenbit::internal
