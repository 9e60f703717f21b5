#include "api/calibration.h"

#include "compress/quantization/activation_quantizers.h"
#include "datasets/loader.h"
#include "engine/base/error.h"
#include "engine/passes/quantizer_candidates.h"

#include <algorithm>

namespace eigenbit::internal {

void for_each_calibration_batch(Dataset dataset, std::int64_t count, std::uint64_t seed,
                                const CalibrationVisit& visit) {
    constexpr int kCrop = 64;  // pixels, of images that differ in size
    const bool restoration = dataset.restoration.has_value();
    if (restoration && dataset.augmentation.crop == 0) dataset.augmentation.crop = kCrop;
    if (dataset.size == 0) fail("Data set '{}' has no images to compress with.", dataset.name);
    // An epoch of a restoration set has one crop for each image: more epochs give more crops.
    if (!restoration) count = std::min(count, dataset.size);
    const std::string name = dataset.name;
    BatchLoader loader(std::move(dataset), {.batch_size = 64, .seed = seed, .shuffle = true, .augment = restoration});
    Shape first;
    std::int64_t taken = 0;
    for (int epoch = 0; taken < count; ++epoch) {
        loader.start(epoch);
        while (const Batch* batch = loader.next()) {
            const Shape& shape = batch->images.shape();
            if (taken == 0) first = shape;
            if (shape.elements(1, 4) != first.elements(1, 4)) {
                fail("The images of data set '{}' differ in size; add ?size=N to make them equal.", name);
            }
            const std::int64_t used = std::min(shape[0], count - taken);
            visit(batch->images.view().slice(0, used), taken, count);
            taken += used;
            if (taken == count) break;
        }
    }
}

Tensor calibration_images(Dataset dataset, std::int64_t count, std::uint64_t seed) {
    Tensor images;
    const auto keep = [&](ConstView batch, std::int64_t taken, std::int64_t all) {
        if (images.empty()) {
            Shape shape = batch.shape;
            shape[0] = all;
            images = Tensor(shape);
        }
        std::ranges::copy(batch.values(), images.view().slice(taken, taken + batch.shape[0]).data);
    };
    for_each_calibration_batch(std::move(dataset), count, seed, keep);
    return images;
}

bool lacks_quantizers(const Graph& graph) {
    return std::ranges::any_of(float_layers(graph), &FloatLayer::lacks_quantizer);
}

std::int64_t add_quantizers(Graph& graph, ConstView examples, std::uint64_t seed) {
    constexpr int kBits = 8;
    return std::ssize(quantize_activations(graph, examples, {.depths = {kBits, kBits}, .sampling = {.seed = seed}}));
}

void check_free_batch(const Graph& graph) {
    const Shape& input = graph.inputs().front().shape;
    if (input.rank() == 0 || input[0] == 0) return;
    fail("The network takes batches of {} only, as its file fixes it, and cannot be calibrated; eval, run and bench "
         "take "
         "it.",
         input[0]);
}

}  // namespace eigenbit::internal
