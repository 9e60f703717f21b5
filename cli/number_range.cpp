#include "cli/number_range.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

namespace eigenbit::internal {
namespace {

std::optional<double> finite_number(const std::string& text) {
    double number = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return {};
    return number;
}

/// `name` is what --help says, and `what` completes "is not a number …".
template <class Accepts>
CLI::Validator number_check(const std::string& name, const std::string& what, Accepts accepts) {
    const auto check = [what, accepts](const std::string& text) -> std::string {
        const std::optional<double> number = finite_number(text);
        return number && accepts(*number) ? "" : fmt::format("{} is not a number {}", text, what);
    };
    return {check, name};
}

}  // namespace

CLI::Validator above_zero() {
    return number_check("POSITIVE", "above 0", [](double number) { return number > 0.0; });
}

CLI::Validator at_least_zero() {
    return number_check("NONNEGATIVE", "of at least 0", [](double number) { return number >= 0.0; });
}

CLI::Validator between(double lowest, double highest) {
    return number_check(fmt::format("FLOAT in [{} - {}]", lowest, highest),
                        fmt::format("from {} to {}", lowest, highest),
                        [=](double number) { return lowest <= number && number <= highest; });
}

}  // namespace eigenbit::internal
