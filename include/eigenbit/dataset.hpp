#pragma once

#include "error.hpp"
#include "model.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

enum class Split { train, test };

/// 8-bit pixels in memory: `count` images one after the other, each (height, width, channels).
struct Images {
    std::span<const std::uint8_t> pixels;  ///< a byte each
    int height = 0;                        ///< in pixels
    int width = 0;                         ///< in pixels
    int channels = 0;                      ///< 1, grey, or 3, RGB
};

/// Gives the 8-bit pixels (height, width, channels) of an image of a data set, counted from 0. Several threads call it
/// at once; what it throws comes out of what reads the data.
using ReadImage = std::function<void(std::int64_t index, std::span<std::uint8_t> pixels)>;

/// Images with labels, images to restore, or arrays. Cheap to copy: copies share it. Any number of threads may use it.
class Dataset {
  public:
    /// Opens what a data specification names (docs/data.md), such as "fashion" or "folder:photos?size=64". Throws Error
    /// naming what there is.
    static Dataset open(const std::string& spec, Split split = Split::train);
    /// The same for a network: images are prepared as it says and, where it leaves their size open, made of the size
    /// that it was loaded for. "npy:PLACE", a .npy file or a folder of such, is arrays for its only input, which are
    /// read when they are used: by compression, statistics and quantizers. Throws Error where images are not what the
    /// network takes.
    static Dataset open(const std::string& spec, Split split, const Model& model);
    /// Of images in memory, which are copied, with a label for each, from 0 on, below the number of classes. Throws
    /// Error where they do not fit each other. `classes` are names, as many as there are classes.
    static Dataset of(const Images& images, std::span<const int> labels, std::vector<std::string> classes);
    /// Of images (height, width, channels) that are read when they are needed, as many as labels.
    static Dataset of(const ReadImage& read, const Extents& image, std::span<const int> labels,
                      std::vector<std::string> classes);

    /// The first so many examples of it, as many as there are.
    Dataset first(std::int64_t count) const;

    /// How many examples there are; of arrays 0.
    std::int64_t size() const;
    /// Whether it is arrays, which have neither labels nor images.
    bool is_arrays() const;
    /// Whether its images are to be restored.
    bool is_restoration() const;
    /// Throws Error where it does not say what its images show.
    void require_labels() const;
    /// 0 for images to restore.
    int class_count() const;
    /// Empty where they are not known.
    std::vector<std::string> classes() const;
    /// (height, width, channels) of what a network sees; a height and width of 0 stand for images of several sizes.
    Extents image() const;

    struct State;  ///< the library's own
    explicit Dataset(std::shared_ptr<const State> state);
    const State& state() const { return *state_; }

  private:
    std::shared_ptr<const State> state_;
};

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
