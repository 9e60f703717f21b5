#include "compress/statistics/output_distortion.h"

#include "engine/executor/graph_executor.h"
#include "engine/passes/expand_products.h"

#include <algorithm>

namespace eigenbit::internal {

double squared_distance(ConstView a, ConstView b) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < a.elements(); ++i) {
        const double difference = static_cast<double>(a[i]) - b[i];
        sum += difference * difference;
    }
    return sum;
}

double output_distortion(const Graph& original, const Graph& compressed, ConstView images) {
    constexpr std::int64_t kImagesAtOnce = 16;
    Graph expanded = compressed;
    expand_products(expanded);
    double sum = 0.0;
    std::int64_t elements = 0;
    for (std::int64_t begin = 0; begin < images.shape[0]; begin += kImagesAtOnce) {
        const ConstView batch = images.slice(begin, std::min(begin + kImagesAtOnce, images.shape[0]));
        GraphExecutor original_session(original, batch.shape);
        GraphExecutor compressed_session(expanded, batch.shape);
        const ConstView expected = original_session.run(batch);
        sum += squared_distance(compressed_session.run(batch), expected);
        elements += expected.elements();
    }
    return sum / static_cast<double>(elements);
}

}  // namespace eigenbit::internal
