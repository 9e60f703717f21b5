#pragma once

#include <CLI/CLI.hpp>

namespace eigenbit::internal {

/// What the number of an option must be; the sentence that refuses another one says it. Infinities and NaN never are.
CLI::Validator above_zero();
CLI::Validator at_least_zero();
CLI::Validator between(double lowest, double highest);

}  // namespace eigenbit::internal
