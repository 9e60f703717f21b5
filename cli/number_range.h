#pragma once

#include <CLI/CLI.hpp>

namespace eigenbit::internal {

/// Checks of an option's number; the error says what it must be. Infinities and NaN are refused.
CLI::Validator above_zero();
CLI::Validator at_least_zero();
CLI::Validator between(double lowest, double highest);

}  // namespace eigenbit::internal
