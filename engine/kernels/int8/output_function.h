#pragma once

#include "engine/kernels/int8/kernels.h"

namespace eigenbit::internal {

/// Of a normal number between 2⁻¹⁰⁰ and 2¹⁰⁰.
Int8Divisor int8_divisor(float value);

/// Whether levels of a step can be made by Int8Function. Quotients that are made with fma are rounded to the integer
/// that the exact quotient is rounded to, up to ±255.5: tried for all 2²³ mantissas of steps at all places between two
/// integers.
bool can_divide_by(float step);

/// What int8 layers store of an output y, before it is clamped: a float or, of bytes, an integer. `slope` is that of
/// the output channel, 0 where the function has none.
float output_of(const Int8Function& function, float slope, float y, bool is_bytes);

}  // namespace eigenbit::internal
