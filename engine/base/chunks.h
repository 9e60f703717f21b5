#pragma once

#include <cstdint>
#include <functional>

namespace eigenbit::internal {

/// Work on fewer elements than this is done in one piece: handing it to another thread would cost more.
inline constexpr std::int64_t kChunkElements = 16384;

/// Calls body(begin, end) for ranges that together are the items 0 … count-1, each item standing for work on
/// `item_elements` elements. The ranges may run in parallel; they depend on the two numbers, never on the threads.
void for_each_chunk(std::int64_t count, std::int64_t item_elements,
                    const std::function<void(std::int64_t begin, std::int64_t end)>& body);

}  // namespace eigenbit::internal
