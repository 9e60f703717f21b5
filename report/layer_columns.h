#pragma once

#include "report/svg_picture.h"

#include <span>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// The columns of a plot that has one for every layer, the same in all such plots of a network.
class LayerColumns {
  public:
    explicit LayerColumns(std::span<const std::string> layers);

    std::size_t count() const { return names_.size(); }
    const std::string& name(std::size_t layer) const { return names_[layer]; }
    double left() const { return left_; }
    double right() const { return left_ + step_ * static_cast<double>(names_.size()); }
    double center(std::size_t layer) const { return left_ + step_ * (static_cast<double>(layer) + 0.5); }
    double step() const { return step_; }
    /// Of the whole picture.
    double width() const;

    /// The names, slanted below this height; returns the height at which they end. Long ones keep their end.
    double draw_names(SvgPicture& picture, double top) const;

  private:
    std::vector<std::string> names_;
    double left_ = 0.0;
    double step_ = 0.0;
};

}  // namespace eigenbit::internal
