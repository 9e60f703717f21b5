#pragma once

#include "error.hpp"

#include <cstdint>
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
    std::span<const std::uint8_t> pixels;
    int height = 0;
    int width = 0;
    int channels = 0;  ///< 1, grey, or 3, RGB
};

/// Images with labels, or images to restore. Cheap to copy: copies share it. Any number of threads may use it.
class Dataset {
  public:
    /// Opens what a data specification names (docs/data.md), such as "fashion" or "folder:photos?size=64". Throws Error
    /// naming what there is.
    static Dataset open(const std::string& spec, Split split = Split::train);
    /// Of images in memory, which are copied, with a label for each, from 0 on, below the number of classes. Throws
    /// Error where they do not fit each other. `classes` are names, as many as there are classes.
    static Dataset of(const Images& images, std::span<const int> labels, std::vector<std::string> classes);

    std::int64_t size() const;
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
