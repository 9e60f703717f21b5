#include "compress/quantization/inner_steps.h"

#include "engine/weights/step_grid.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

bool int8_holds_levels(const Quantized& factor) {
    const auto [lowest, highest] = level_range(factor.levels);
    return lowest >= -127 && highest <= 127;
}

/// Whether both cut the channels of the inner value into the same blocks, with steps of the grid.
bool correspond(const std::vector<QuantizedBlock>& producer, const std::vector<QuantizedBlock>& reader) {
    return std::ranges::equal(producer, reader, [](const QuantizedBlock& first, const QuantizedBlock& second) {
        const auto on_grid = [](const QuantizedBlock& block) {
            return block.bit_depth == 0 || step_grid_position(block.step);
        };
        return first.begin == second.begin && first.end == second.end && on_grid(first) && on_grid(second);
    });
}

void move_steps(std::vector<QuantizedBlock>& reader, std::vector<QuantizedBlock>& producer) {
    if (!correspond(producer, reader)) return;
    const auto used = [](const QuantizedBlock& block) { return block.bit_depth > 0; };
    const auto largest = std::ranges::max_element(
        reader, {}, [&](const QuantizedBlock& block) { return used(block) ? block.step : 0.0F; });
    if (largest == reader.end() || !used(*largest)) return;
    const int common = step_grid_position(largest->step).value();
    std::vector<int> positions;
    for (std::size_t i = 0; i < reader.size(); ++i) {
        const int moved = used(reader[i]) ? step_grid_position(reader[i].step).value() - common : 0;
        positions.push_back(used(producer[i]) ? step_grid_position(producer[i].step).value() + moved : 0);
    }
    if (std::ranges::any_of(positions, [](int position) { return position < 0 || position > kLastStepPosition; })) {
        return;
    }
    for (std::size_t i = 0; i < reader.size(); ++i) {
        if (used(reader[i])) reader[i].step = grid_step(common);
        if (used(producer[i])) producer[i].step = grid_step(positions[i]);
    }
}

}  // namespace

void equalize_inner_steps(Product& product) {
    Quantized& kernel = product.kernel;
    for (Basis& basis : product.bases) {
        auto* const matrix = std::get_if<Quantized>(&basis.matrix);
        if (!matrix || matrix->axis != 1) continue;
        if (basis.axis == Axis::row && kernel.axis == kernel.shape.rank() - 1 && int8_holds_levels(kernel)) {
            move_steps(kernel.blocks, matrix->blocks);
        }
        if (basis.axis == Axis::column && kernel.axis == 0 && int8_holds_levels(*matrix)) {
            move_steps(matrix->blocks, kernel.blocks);
        }
    }
}

}  // namespace eigenbit::internal
