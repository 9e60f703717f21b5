#pragma once

#include <cstdint>
#include <string>

namespace eigenbit::internal {

/// Numbers as people read them: with a true minus sign, and "–" for what is not finite.
std::string fixed_text(double value, int decimals);
/// With its sign, even a plus, unless it rounds to zero.
std::string change_text(double value, int decimals);
/// To three significant digits, very large and small ones like 1.2·10⁻⁵.
std::string significant_text(double value);
/// 1,234,567; counts are not negative.
std::string count_text(std::int64_t count);
/// "71.2 kB": thousands are 1000.
std::string bytes_text(std::int64_t bytes);
/// "10⁻⁵".
std::string power_of_ten_text(int exponent);

}  // namespace eigenbit::internal
