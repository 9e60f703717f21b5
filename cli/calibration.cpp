#include "cli/calibration.h"

#include "datasets/loader.h"
#include "engine/error.h"

#include <algorithm>

namespace eigenbit {

Tensor calibration_images(Dataset dataset, std::int64_t count, std::uint64_t seed) {
    constexpr int kCrop = 64;  // pixels, of images that differ in size
    const bool restoration = dataset.restoration.has_value();
    if (restoration && dataset.augmentation.crop == 0) dataset.augmentation.crop = kCrop;
    if (dataset.size == 0) fail("Data set '{}' has no images to compress with.", dataset.name);
    const std::string name = dataset.name;
    BatchLoader loader(std::move(dataset), {.batch_size = 64, .seed = seed, .shuffle = true, .augment = restoration});
    Tensor images;
    std::int64_t taken = 0;
    for (int epoch = 0; taken < count; ++epoch) {
        loader.start(epoch);
        while (const Batch* batch = loader.next()) {
            if (images.empty()) {
                Shape shape = batch->images.shape();
                // An epoch of a restoration set is one crop an image: more epochs give more crops.
                shape[0] = restoration ? count : std::min(count, loader.dataset().size);
                count = shape[0];
                images = Tensor(shape);
            }
            if (!(batch->images.shape().elements(1, 4) == images.shape().elements(1, 4))) {
                fail("The images of data set '{}' differ in size; add ?size=N to make them equal.", name);
            }
            const std::int64_t used = std::min(batch->images.shape()[0], count - taken);
            std::ranges::copy(batch->images.view().slice(0, used).values(),
                              images.view().slice(taken, taken + used).data);
            taken += used;
            if (taken == count) break;
        }
    }
    return images;
}

}  // namespace eigenbit
