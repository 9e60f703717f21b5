// fmt is compiled into this file alone, in a namespace of its own: a program that links the engine needs no libfmt, and
// may have any.
#define FMT_HEADER_ONLY
#define FMT_BEGIN_NAMESPACE namespace fmt::inline eigenbit {
#define FMT_END_NAMESPACE }
#include "engine/base/format.h"

#include <fmt/args.h>

#include <optional>
#include <type_traits>

namespace eigenbit::internal {
namespace {

/// Appends an argument as {} prints it. Returns whether it is a text or an integer.
bool append_plainly(const FormatArgument& argument, std::string& to) {
    return std::visit(
        [&]<typename Value>(Value value) {
            if constexpr (std::is_same_v<Value, std::string_view>) {
                to += value;
                return true;
            } else if constexpr (std::is_integral_v<Value> && sizeof(Value) >= sizeof(int)) {
                to += std::to_string(value);
                return true;
            } else {
                return false;
            }
        },
        argument);
}

/// The text where {}, for texts and integers, are its only braces: such are the names that opening a network makes.
/// They are made without fmt, whose functions stay out of memory until there is an error to tell.
std::optional<std::string> formatted_plainly(std::string_view text, std::span<const FormatArgument> arguments) {
    std::string result;
    for (std::size_t brace = text.find_first_of("{}"); brace != text.npos; brace = text.find_first_of("{}")) {
        result += text.substr(0, brace);
        if (text.substr(brace, 2) != "{}" || arguments.empty()) return std::nullopt;
        if (!append_plainly(arguments.front(), result)) return std::nullopt;
        arguments = arguments.subspan(1);
        text.remove_prefix(brace + 2);
    }
    result += text;
    return result;
}

}  // namespace

std::string format_arguments(std::string_view text, std::span<const FormatArgument> arguments) {
    if (std::optional<std::string> plain = formatted_plainly(text, arguments)) return *std::move(plain);
    fmt::dynamic_format_arg_store<fmt::format_context> list;
    for (const FormatArgument& argument : arguments) {
        std::visit([&](auto value) { list.push_back(value); }, argument);
    }
    return fmt::vformat(text, list);
}

}  // namespace eigenbit::internal
