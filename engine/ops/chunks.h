#pragma once

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cstdint>

namespace eigenbit {

/// Work on fewer elements than this is done in one piece: handing it to another thread would cost more.
inline constexpr std::int64_t kChunkElements = 16384;

/// Calls body(begin, end) for ranges that together are the items 0 … count-1, each item standing for work on
/// `item_elements` elements. The ranges may run in parallel; they depend on the two numbers, never on the threads.
template <typename Body>
void for_each_chunk(std::int64_t count, std::int64_t item_elements, Body body) {
    const std::int64_t items = std::max<std::int64_t>(kChunkElements / std::max<std::int64_t>(item_elements, 1), 1);
    if (count <= items) {
        if (count > 0) body(std::int64_t{0}, count);
        return;
    }
    tbb::parallel_for(std::int64_t{0}, (count + items - 1) / items,
                      [&](std::int64_t chunk) { body(chunk * items, std::min((chunk + 1) * items, count)); });
}

}  // namespace eigenbit
