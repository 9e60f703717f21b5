#pragma once

#include <optional>

namespace eigenbit::internal {

constexpr int kLastStepPosition = 255;

/// The steps that files store in one byte: 2^((position − 208) / 8), eighths of octaves from 2⁻²⁶ to 2⁵·⁸⁷⁵, for
/// positions 0 … kLastStepPosition.
float grid_step(int position);
/// The position of exactly this step, if it is one of them.
std::optional<int> step_grid_position(float step);

}  // namespace eigenbit::internal
