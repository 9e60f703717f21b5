#include "compress/statistics/output_distortion.h"

#include "engine/executor/graph_executor.h"
#include "engine/passes/expand_products.h"

#include <algorithm>

namespace eigenbit::internal {

double output_distortion(const Graph& original, const Graph& compressed, ConstView images) {
    constexpr std::int64_t kImagesAtOnce = 16;
    Graph expanded = compressed;
    expand_products(expanded);
    double sum = 0.0;
    std::int64_t elements = 0;
    for (std::int64_t begin = 0; begin < images.shape[0]; begin += kImagesAtOnce) {
        const ConstView batch = images.slice(begin, std::min(begin + kImagesAtOnce, images.shape[0]));
        GraphExecutor original_session(original, std::span(&batch.shape, 1));
        GraphExecutor compressed_session(expanded, std::span(&batch.shape, 1));
        const ConstView expected = original_session.run(batch);
        const ConstView found = compressed_session.run(batch);
        for (std::int64_t i = 0; i < expected.elements(); ++i) {
            const double difference = static_cast<double>(found[i]) - expected[i];
            sum += difference * difference;
        }
        elements += expected.elements();
    }
    return sum / static_cast<double>(elements);
}

}  // namespace eigenbit::internal
