#include "engine/base/chunks.h"

#include <tbb/parallel_for.h>

#include <algorithm>

namespace eigenbit::internal {

void for_each_chunk(std::int64_t count, std::int64_t item_elements,
                    const std::function<void(std::int64_t, std::int64_t)>& body) {
    const std::int64_t items = std::max<std::int64_t>(kChunkElements / std::max<std::int64_t>(item_elements, 1), 1);
    if (count <= items) {
        if (count > 0) body(0, count);
        return;
    }
    tbb::parallel_for(std::int64_t{0}, (count + items - 1) / items,
                      [&](std::int64_t chunk) { body(chunk * items, std::min((chunk + 1) * items, count)); });
}

}  // namespace eigenbit::internal
