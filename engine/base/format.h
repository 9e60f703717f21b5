#pragma once

#include <fmt/core.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace eigenbit::internal {

/// What stands for a {} of a text. A view must outlive the call that formats it.
using FormatArgument =
    std::variant<bool, char, int, unsigned, long long, unsigned long long, float, double, std::string_view>;

/// The text with the arguments in place of its {}, as fmt::vformat makes it.
std::string format_arguments(std::string_view text, std::span<const FormatArgument> arguments);

/// The text with the arguments in place of its {}, checked by the compiler. The engine formats with this and not with
/// fmt::format, so that libeigenbit links no libfmt.
template <typename... Arguments>
std::string formatted(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    const fmt::string_view unchecked = text;
    const std::array<FormatArgument, sizeof...(Arguments)> list{FormatArgument(arguments)...};
    return format_arguments({unchecked.data(), unchecked.size()}, list);
}

/// The values with ", " between them.
template <typename Values>
std::string joined(const Values& values) {
    std::string text;
    for (const auto& value : values) text += formatted("{}{}", text.empty() ? "" : ", ", value);
    return text;
}

}  // namespace eigenbit::internal
