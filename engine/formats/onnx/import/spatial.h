#pragma once

#include "engine/formats/onnx/import/node_import.h"

#include <array>
#include <string_view>

namespace eigenbit::internal {

/// A node that works on height and width: of images, or of values (N, C, L), which are images of height 1.
class SpatialNode {
  public:
    using Pair = std::array<std::int64_t, 2>;     ///< vertical, horizontal
    using Padding = std::array<std::int64_t, 4>;  ///< top, left, bottom, right

    /// Throws Error when input 0 is neither.
    explicit SpatialNode(NodeImport& node);

    bool is_row() const { return is_row_; }
    /// The input as an image in our layout; a constant, such as weights, as a parameter of 4 dimensions.
    ValueId image(int input = 0);
    /// The shapes of input 0 as an image, in ONNX's order.
    ProbedShapes shapes() const;
    void output(ValueId image, int index = 0);

    /// An attribute with a value, at least `least`, for each of height and width; 1 for a height that there is not.
    std::optional<Pair> find_pair(std::string_view name, std::int64_t least = 1) const;
    Pair pair(std::string_view name) const { return find_pair(name).value_or(Pair{1, 1}); }
    /// What 'auto_pad' and 'pads' say.
    Padding padding(Pair kernel, Pair stride, Pair dilation) const;
    std::optional<Padding> pads() const;
    /// 'auto_pad', NOTSET where it is absent.
    std::string automatic_padding() const;

  private:
    NodeImport& node_;
    bool is_row_;
};

}  // namespace eigenbit::internal
