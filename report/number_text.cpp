#include "report/number_text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kUnknownText = "–";
constexpr std::string_view kMinus = "−";

bool is_zero(std::string_view digits) { return digits.find_first_not_of("0.") == std::string_view::npos; }

}  // namespace

std::string fixed_text(double value, int decimals) {
    if (!std::isfinite(value)) return std::string(kUnknownText);
    const std::string digits = fmt::format("{:.{}f}", std::abs(value), decimals);
    return value < 0.0 && !is_zero(digits) ? fmt::format("{}{}", kMinus, digits) : digits;
}

std::string change_text(double value, int decimals) {
    const std::string text = fixed_text(value, decimals);
    return value > 0.0 && text != kUnknownText && !is_zero(text) ? fmt::format("+{}", text) : text;
}

std::string significant_text(double value) {
    if (!std::isfinite(value) || value == 0.0) return fixed_text(value, 0);
    // Rounded first: 9.996 has the exponent of 10.0.
    const std::string scientific = fmt::format("{:.2e}", std::abs(value));
    const int exponent = std::atoi(scientific.c_str() + scientific.find('e') + 1);
    if (exponent >= -4 && exponent < 6) return fixed_text(value, exponent >= 2 ? 0 : 2 - exponent);
    return fmt::format("{}{}·{}", value < 0.0 ? kMinus : "", scientific.substr(0, scientific.find('e')),
                       power_of_ten_text(exponent));
}

std::string count_text(std::int64_t count) {
    std::string text = fmt::format("{}", count);
    for (std::size_t end = text.size(); end > 3;) {
        end -= 3;
        text.insert(end, 1, ',');
    }
    return text;
}

std::string bytes_text(std::int64_t bytes) {
    constexpr std::array<std::string_view, 4> units = {"bytes", "kB", "MB", "GB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 999.5 && unit + 1 < units.size(); ++unit) value /= 1000.0;
    const int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return fmt::format("{} {}", fixed_text(value, decimals), units[unit]);
}

std::string power_of_ten_text(int exponent) {
    constexpr std::array<std::string_view, 10> superscripts = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    std::string text = "10";
    for (const char c : std::to_string(exponent)) {
        text += c == '-' ? "⁻" : superscripts[static_cast<std::size_t>(c - '0')];
    }
    return text;
}

}  // namespace eigenbit::internal
