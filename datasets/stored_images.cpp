#include "datasets/stored_images.h"

#include "engine/formats/preprocess.h"

#include <memory>
#include <utility>

namespace eigenbit::internal {

Dataset to_dataset(StoredImages images, Preprocessing preprocessing) {
    Dataset dataset;
    dataset.labels = std::move(images.labels);
    dataset.size = static_cast<std::int64_t>(dataset.labels.size());
    const auto stored = std::make_shared<const StoredImages>(std::move(images));
    dataset.read = [stored, preprocessing](std::int64_t index, Example& example) {
        const std::int64_t bytes = std::int64_t{stored->height} * stored->width * stored->channels;
        const auto first = stored->pixels.begin() + index * bytes;
        example.file = stored->folder;
        example.image.height = stored->height;
        example.image.width = stored->width;
        example.image.channels = stored->channels;
        example.image.pixels.assign(first, first + bytes);
        convert_and_resize(example.image, preprocessing, example.file);
    };
    if (preprocessing.height == 0) {
        Example first;
        dataset.read(0, first);
        preprocessing.height = first.image.height;
        preprocessing.width = first.image.width;
    }
    dataset.preprocessing = std::move(preprocessing);
    return dataset;
}

}  // namespace eigenbit::internal
