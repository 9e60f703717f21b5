#include "engine/ops/shape_rules.h"

#include "engine/base/error.h"

#include <algorithm>
#include <array>

namespace eigenbit::internal {

void expect_inputs(std::string_view type, std::span<const Shape> inputs, std::size_t least, std::size_t most) {
    if (inputs.size() >= least && inputs.size() <= most) return;
    if (least == most) fail("{} takes {} input{}, not {}.", type, least, least == 1 ? "" : "s", inputs.size());
    fail("{} takes {} to {} inputs, not {}.", type, least, most, inputs.size());
}

void expect_axis(std::string_view type, int axis, const Shape& input) {
    if (axis < 0 || axis >= input.rank()) {
        fail("{} works on axis {}, which an input of shape {} does not have.", type, axis, to_string(input));
    }
}

Shape broadcast_shape(std::string_view type, const Shape& a, const Shape& b) {
    std::array<std::int64_t, Shape::kMaxRank> extents{};
    const int rank = std::max(a.rank(), b.rank());
    for (int axis = 0; axis < rank; ++axis) {
        const auto extent = [&](const Shape& x) { return axis < rank - x.rank() ? 1 : x[axis - (rank - x.rank())]; };
        const std::int64_t left = extent(a);
        const std::int64_t right = extent(b);
        if (left != right && left != 1 && right != 1) {
            fail("{} cannot combine the shapes {} and {}.", type, to_string(a), to_string(b));
        }
        extents[static_cast<std::size_t>(axis)] = left == 1 ? right : left;
    }
    return Shape(std::span<const std::int64_t>(extents.data(), static_cast<std::size_t>(rank)));
}

}  // namespace eigenbit::internal
