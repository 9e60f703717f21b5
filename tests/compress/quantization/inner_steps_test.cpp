#include "compress/quantization/inner_steps.h"
#include "engine/base/random.h"
#include "engine/weights/int8_weights.h"
#include "engine/weights/step_grid.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// Blocks of two channels, with steps that differ.
Quantized random_factor(Random& random, const Shape& shape, int axis, int largest) {
    Quantized factor{.shape = shape, .axis = axis, .blocks = {}, .levels = {}};
    for (std::int64_t begin = 0; begin < shape[axis]; begin += 2) {
        const int position = 160 + static_cast<int>(random.below(40));
        factor.blocks.push_back(
            {.begin = begin, .end = std::min(begin + 2, shape[axis]), .bit_depth = 10, .step = grid_step(position)});
    }
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
        const auto level = static_cast<int>(random.below(2 * largest + 1)) - largest;
        factor.levels.push_back(static_cast<std::int16_t>(level));
    }
    return factor;
}

Product row_product(Random& random, int largest) {
    return {Shape{5, 3, 3, 9},
            random_factor(random, Shape{5, 3, 3, 6}, 3, largest),
            {{.axis = Axis::row, .matrix = random_factor(random, Shape{9, 6}, 1, 100)}}};
}

bool has_one_step(const Quantized& factor) {
    return std::ranges::all_of(factor.blocks,
                               [&](const QuantizedBlock& block) { return block.step == factor.blocks[0].step; });
}

void check_same_image(const Product& found, const Product& expected) {
    const Tensor values = image(expected);
    const Tensor moved = image(found);
    const auto [least, most] = std::ranges::minmax_element(values.values());
    for (std::int64_t i = 0; i < values.elements(); ++i) {
        CHECK(moved[i] == doctest::Approx(values[i]).epsilon(1e-5).scale(*most - *least));
    }
}

void check_int8_weights_are_levels(const Quantized& factor) {
    const Int8Weights weights = int8_weights(factor);
    CHECK(std::ranges::equal(weights.codes, factor.levels));
}

}  // namespace

TEST_CASE("The factor that reads an inner value has one step, and its levels are its int8 weights") {
    Random random{1};
    const Product rows = row_product(random, 127);
    CHECK_FALSE(has_one_step(rows.kernel));
    Product moved = rows;
    equalize_inner_steps(moved);
    CHECK(has_one_step(moved.kernel));
    check_same_image(moved, rows);
    check_int8_weights_are_levels(moved.kernel);

    const Product columns{Shape{9, 3, 3, 5},
                          random_factor(random, Shape{6, 3, 3, 5}, 0, 300),
                          {{.axis = Axis::column, .matrix = random_factor(random, Shape{9, 6}, 1, 100)}}};
    moved = columns;
    equalize_inner_steps(moved);
    const auto& basis = std::get<Quantized>(moved.bases[0].matrix);
    CHECK(has_one_step(basis));
    check_same_image(moved, columns);
    check_int8_weights_are_levels(basis);
}

TEST_CASE("Steps stay where int8 does not hold the levels, or where a step would leave the grid") {
    Random random{2};
    Product large = row_product(random, 127);
    large.kernel.levels[7] = 128;
    Product moved = large;
    equalize_inner_steps(moved);
    CHECK_FALSE(has_one_step(moved.kernel));

    Product small = row_product(random, 127);
    small.kernel.blocks[0].step = grid_step(100);
    small.kernel.blocks[1].step = grid_step(200);
    std::get<Quantized>(small.bases[0].matrix).blocks[0].step = grid_step(99);
    moved = small;
    equalize_inner_steps(moved);
    CHECK_FALSE(has_one_step(moved.kernel));
    check_same_image(moved, small);

    Product coarse = row_product(random, 127);
    coarse.kernel.blocks[0].step = 0.3F;  // not of the grid
    moved = coarse;
    equalize_inner_steps(moved);
    CHECK_FALSE(has_one_step(moved.kernel));
}

TEST_CASE("Blocks of zeros keep neither side from having one step") {
    Random random{3};
    Product product = row_product(random, 100);
    auto& basis = std::get<Quantized>(product.bases[0].matrix);
    basis.blocks[1].bit_depth = 0;
    for (std::size_t i = 0; i < basis.levels.size(); ++i) {
        if (i % 6 / 2 == 1) basis.levels[i] = 0;
    }
    Product moved = product;
    equalize_inner_steps(moved);
    CHECK(has_one_step(moved.kernel));
    check_same_image(moved, product);
}

}  // namespace eigenbit::internal
