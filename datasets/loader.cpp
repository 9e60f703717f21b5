#include "datasets/loader.h"

#include "engine/base/error.h"

#include <tbb/info.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace eigenbit::internal {
namespace {

/// What a number is drawn for, so that no two draws share a key.
enum Purpose : std::uint64_t { kShuffling, kAugmentation, kNoise };

void make_shape(Tensor& tensor, const Shape& shape) {
    if (tensor.shape() != shape) tensor = Tensor(shape);
}

}  // namespace

BatchLoader::BatchLoader(Dataset dataset, const Options& options)
    : dataset_(std::move(dataset)),
      options_(options),
      normalizer_(dataset_.preprocessing),
      arena_(tbb::info::default_concurrency()) {
    const Augmentation& augmentation = dataset_.augmentation;
    const bool square = options.augment && augmentation.crop > 0;
    crop_height_ = square ? augmentation.crop : dataset_.preprocessing.height;
    crop_width_ = square ? augmentation.crop : dataset_.preprocessing.width;
    if (options.batch_size < 1) fail("the batch size is {}, at least 1 was expected", options.batch_size);
    batch_size_ = crop_height_ > 0 ? options.batch_size : 1;
    examples_ = dataset_.size * (options.augment ? augmentation.crops_per_image : 1);
    batches_ = (examples_ + (options.drop_incomplete ? 0 : batch_size_ - 1)) / batch_size_;
    order_.resize(static_cast<std::size_t>(examples_));
    taken_ = batches_;
}

BatchLoader::~BatchLoader() { stop(); }

void BatchLoader::start(int epoch, std::int64_t batch) {
    stop();
    epoch_ = epoch;
    first_ = taken_ = std::min(batch, batches_);
    std::iota(order_.begin(), order_.end(), 0);
    if (options_.shuffle) {
        Random random({options_.seed, kShuffling, static_cast<std::uint64_t>(epoch)});
        for (std::size_t rest = order_.size(); rest > 1; --rest) {
            std::swap(order_[rest - 1],
                      order_[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(rest)))]);
        }
    }
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(slots_.size()); ++i) start_filling(first_ + i);
}

const Batch* BatchLoader::next() {
    if (taken_ > first_) start_filling(taken_ - 1 + static_cast<std::int64_t>(slots_.size()));
    if (taken_ == batches_) return nullptr;
    Slot& current = slot(taken_);
    try {
        arena_->execute([&] { current.filling.wait(); });
    } catch (...) {
        current.warnings.tell();
        stop();
        throw;
    }
    current.warnings.tell();
    ++taken_;
    return &current.batch;
}

// All tasks live in an arena of the loader's own. Whoever waits there helps with the loader's tasks and with no others,
// so that neither a single thread nor a caller inside somebody else's parallel loop can wait for itself.
void BatchLoader::start_filling(std::int64_t batch) {
    if (batch >= batches_) return;
    arena_->execute([&] { slot(batch).filling.run([this, batch] { fill(batch, slot(batch)); }); });
}

void BatchLoader::stop() {
    for (Slot& slot : slots_) {
        slot.filling.cancel();
        try {
            arena_->execute([&] { slot.filling.wait(); });
        } catch (const std::exception&) {
            // Of a batch that nobody wants any more.
        }
        slot.warnings.forget();
    }
    taken_ = batches_;
}

void BatchLoader::fill(std::int64_t number, Slot& slot) {
    Batch& batch = slot.batch;
    const std::int64_t begin = number * batch_size_;
    const std::int64_t end = std::min(begin + batch_size_, examples_);
    if (crop_height_ > 0) allocate(end - begin, crop_height_, crop_width_, batch);
    batch.labels.resize(dataset_.labels.empty() ? 0 : static_cast<std::size_t>(end - begin));
    tbb::parallel_for(begin, end, [&](std::int64_t position) {
        const WarningListener listener = slot.warnings.listener();
        place(order_[static_cast<std::size_t>(position)], position - begin, batch);
    });
}

void BatchLoader::allocate(std::int64_t images, int height, int width, Batch& batch) const {
    const int channels = dataset_.preprocessing.channels;
    make_shape(batch.images, {images, height, width, channels});
    if (!dataset_.restoration) return;
    const int scale = dataset_.restoration->scale;
    make_shape(batch.targets, {images, scale * height, scale * width, channels});
}

void BatchLoader::place(std::int64_t example_number, std::int64_t position, Batch& batch) {
    const std::int64_t index = example_number % dataset_.size;
    Example& example = scratch_.local();
    dataset_.read(index, example);
    Random random(
        {options_.seed, kAugmentation, static_cast<std::uint64_t>(epoch_), static_cast<std::uint64_t>(example_number)});
    const Window window = choose_window(example, random);
    if (crop_height_ == 0) allocate(1, window.output_height(), window.output_width(), batch);

    const View image = batch.images.view().slice(position, position + 1);
    normalizer_.write(example.image, window, image.data);
    if (!dataset_.labels.empty()) {
        batch.labels[static_cast<std::size_t>(position)] = dataset_.labels[static_cast<std::size_t>(index)];
    }
    if (!dataset_.restoration) return;
    const Restoration& restoration = *dataset_.restoration;
    const Image& target = example.target.pixels.empty() ? example.image : example.target;
    normalizer_.write(target, window.enlarged(restoration.scale),
                      batch.targets.view().slice(position, position + 1).data);
    if (restoration.noise > 0.0F) {
        Random noise({restoration.noise_seed, kNoise, static_cast<std::uint64_t>(options_.augment ? epoch_ : 0),
                      static_cast<std::uint64_t>(example_number)});
        normalizer_.add_noise(restoration.noise, noise, image.values());
    }
}

Window BatchLoader::choose_window(const Example& example, Random& random) const {
    Window window = centre_window(example.image, crop_height_, crop_width_, example.file);
    if (!options_.augment) return window;
    const Augmentation& augmentation = dataset_.augmentation;
    const int padding = augmentation.padding;
    const auto draw = [&](int image_side, int crop_side) {
        return static_cast<int>(random.below(image_side - crop_side + 2 * padding + 1)) - padding;
    };
    window.top = draw(example.image.height, window.height);
    window.left = draw(example.image.width, window.width);
    window.mirror = augmentation.mirror && random.coin();
    window.upside_down = augmentation.turn && random.coin();
    window.transpose = augmentation.turn && random.coin();
    return window;
}

}  // namespace eigenbit::internal
