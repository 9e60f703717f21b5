#include "engine/base/random.h"
#include "engine/ops/strided.h"

#include <doctest/doctest.h>

#include <vector>

using namespace eigenbit::internal;

namespace {

using Offsets = StridedWalk<2>::Offsets;

/// The operands' offsets at every position of a shape, found digit by digit.
std::vector<Offsets> offsets_by_definition(const Shape& shape, const std::array<Strides, 2>& strides) {
    std::vector<Offsets> result;
    for (std::int64_t position = 0; position < shape.elements(); ++position) {
        Offsets offsets{};
        std::int64_t rest = position;
        for (int axis = shape.rank(); axis-- > 0;) {
            for (std::size_t i = 0; i < 2; ++i) {
                offsets[i] += rest % shape[axis] * strides[i][static_cast<std::size_t>(axis)];
            }
            rest /= shape[axis];
        }
        result.push_back(offsets);
    }
    return result;
}

int runs(const Shape& shape, const std::array<Strides, 2>& strides) {
    const StridedWalk<2> walk(shape, strides);
    int count = 0;
    walk.for_each_run(0, walk.elements(), [&](const Offsets&, std::int64_t) { ++count; });
    return count;
}

}  // namespace

TEST_CASE("a walk over any part of a shape visits its positions in order, with every operand's offset") {
    Random random({1});
    for (int trial = 0; trial < 300; ++trial) {
        std::vector<std::int64_t> extents;
        for (std::int64_t rank = random.below(7); rank > 0; --rank) extents.push_back(1 + random.below(4));
        const Shape shape(extents);
        std::array<Strides, 2> strides = {dense_strides(shape), dense_strides(shape)};
        for (std::size_t axis = 0; axis < extents.size(); ++axis) {
            if (random.coin()) strides[1][axis] = random.below(20) - 10;
        }
        const std::vector<Offsets> expected = offsets_by_definition(shape, strides);
        const StridedWalk<2> walk(shape, strides);
        const std::int64_t begin = random.below(shape.elements());
        const std::int64_t end = begin + random.below(shape.elements() - begin + 1);
        std::int64_t position = begin;
        walk.for_each_run(begin, end, [&](Offsets offsets, std::int64_t count) {
            for (std::int64_t i = 0; i < count; ++i, ++position) {
                REQUIRE(offsets == expected[static_cast<std::size_t>(position)]);
                for (std::size_t k = 0; k < 2; ++k) offsets[k] += walk.innermost().strides[k];
            }
        });
        CHECK(position == end);
    }
}

TEST_CASE("axes that all operands run through without a gap are one run") {
    const Shape image{4, 6, 5, 3};
    const Strides dense = dense_strides(image);
    CHECK(runs(image, {dense, dense}) == 1);
    CHECK(runs(image, {dense, broadcast_strides(Shape{}, image)}) == 1);
    CHECK(runs(image, {dense, broadcast_strides(Shape{3}, image)}) == 4 * 6 * 5);
    CHECK(runs(image, {dense, broadcast_strides(Shape{4, 1, 1, 1}, image)}) == 4);
    CHECK(runs(image, {dense, broadcast_strides(Shape{6, 5, 3}, image)}) == 4);
    CHECK(runs(Shape{}, {Strides{}, Strides{}}) == 1);
    CHECK(runs(Shape{4, 0, 3}, {Strides{}, Strides{}}) == 0);
}
