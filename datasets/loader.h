#pragma once

#include "datasets/dataset.h"
#include "engine/base/arena.h"
#include "engine/base/random.h"
#include "engine/base/tensor.h"
#include "engine/base/warning.h"
#include "engine/formats/preprocess.h"

#include <tbb/enumerable_thread_specific.h>
#include <tbb/task_group.h>

#include <array>
#include <cstdint>
#include <vector>

namespace eigenbit::internal {

/// Examples as a network takes them.
struct Batch {
    Tensor images;            ///< (N, H, W, C), normalised
    std::vector<int> labels;  ///< N class indices; none where the data set has none
    Tensor targets;           ///< (N, scale·H, scale·W, C), normalised alike; empty for classification
};

/// Gives the batches of one epoch after the other, and meanwhile prepares the next ones with idle threads.
///
/// What a batch holds depends on the seed, the epoch and its number alone, not on the number of threads or on the
/// epochs before. Buffers are used again: a running loader allocates only where it decodes files.
class BatchLoader {
  public:
    struct Options {
        /// Images a batch; the last batch of an epoch may have fewer. Where images differ in size, batches hold one.
        int batch_size = 128;
        std::uint64_t seed = 0;
        bool shuffle = false;
        /// Crops and turns at random as the data set's augmentation allows.
        bool augment = false;
        /// Leaves out the last batch where it would have fewer images.
        bool drop_incomplete = false;
    };

    /// Throws Error when the batch size is not positive.
    BatchLoader(Dataset dataset, const Options& options);
    BatchLoader(const BatchLoader&) = delete;
    BatchLoader& operator=(const BatchLoader&) = delete;
    ~BatchLoader();

    const Dataset& dataset() const { return dataset_; }
    std::int64_t batches() const { return batches_; }
    /// Of all batches but perhaps the last.
    int batch_size() const { return batch_size_; }

    /// Begins an epoch, at this batch, dropping what is left of the one before.
    void start(int epoch, std::int64_t batch = 0);
    /// The epoch's next batch, valid until the next call; null at the end. Throws Error when an example cannot be read;
    /// the epoch is then over. What was to be warned of in making the batch is told to the calling thread's listener.
    const Batch* next();

  private:
    struct Slot {
        Batch batch;
        KeptWarnings warnings;
        tbb::task_group filling;
    };

    Slot& slot(std::int64_t batch) { return slots_[static_cast<std::size_t>(batch) % slots_.size()]; }
    void start_filling(std::int64_t batch);
    void stop();
    void fill(std::int64_t number, Slot& slot);
    void place(std::int64_t example, std::int64_t position, Batch& batch);
    void allocate(std::int64_t images, int height, int width, Batch& batch) const;
    Window choose_window(const Example& example, Random& random) const;

    Dataset dataset_;
    Options options_;
    int crop_height_;  // 0: images differ in size
    int crop_width_;
    int batch_size_;
    std::int64_t examples_;  // an epoch
    std::int64_t batches_;
    Normalizer normalizer_;

    int epoch_ = 0;
    std::vector<std::int64_t> order_;
    std::int64_t first_ = 0;
    std::int64_t taken_ = 0;
    Arena arena_;
    tbb::enumerable_thread_specific<Example> scratch_;
    std::array<Slot, 3> slots_;
};

}  // namespace eigenbit::internal
