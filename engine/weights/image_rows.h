#pragma once

#include "engine/weights/weight.h"

#include <optional>
#include <vector>

namespace eigenbit::internal {

/// Makes the image of a weight a few output channels at a time, so that all of it need not lie in memory: only where a
/// basis mixes the output channels. Any number of threads may ask.
class ImageRows {
  public:
    /// Reads levels that are not in memory. Throws Error as image does.
    explicit ImageRows(const Weight& weight);

    const Shape& shape() const { return shape_; }
    /// Output channels begin … end-1: the very values of image(weight).
    Tensor rows(std::int64_t begin, std::int64_t end) const;

  private:
    /// A basis of input channels or taps.
    struct Mixing {
        Axis axis;
        Tensor synthesis;
    };

    Shape shape_;
    std::optional<Tensor> values_;     // where they must be whole, or are
    std::optional<Quantized> kernel_;  // else
    std::vector<Mixing> mixings_;
};

}  // namespace eigenbit::internal
