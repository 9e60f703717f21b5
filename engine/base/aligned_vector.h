#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace eigenbit::internal {

/// Memory that begins with a cache line: vectors of 64 bytes read from it never span two.
template <typename Value>
struct CacheLineAllocator {
    using value_type = Value;
    static constexpr std::align_val_t kCacheLine{64};

    CacheLineAllocator() = default;
    template <typename Other>
    CacheLineAllocator(const CacheLineAllocator<Other>&) {}

    Value* allocate(std::size_t count) {
        return static_cast<Value*>(::operator new(count * sizeof(Value), kCacheLine));
    }
    void deallocate(Value* values, std::size_t) { ::operator delete(values, kCacheLine); }
    bool operator==(const CacheLineAllocator&) const { return true; }
};

template <typename Value>
using AlignedVector = std::vector<Value, CacheLineAllocator<Value>>;

}  // namespace eigenbit::internal
