// fmt is compiled into this file alone, in a namespace of its own: a program that links the engine needs no libfmt, and
// may have any.
#define FMT_HEADER_ONLY
#define FMT_BEGIN_NAMESPACE namespace fmt::inline eigenbit {
#define FMT_END_NAMESPACE }
#include "engine/base/format.h"

#include <fmt/args.h>

namespace eigenbit::internal {

std::string format_arguments(std::string_view text, std::span<const FormatArgument> arguments) {
    fmt::dynamic_format_arg_store<fmt::format_context> list;
    for (const FormatArgument& argument : arguments) {
        std::visit([&](auto value) { list.push_back(value); }, argument);
    }
    return fmt::vformat(text, list);
}

}  // namespace eigenbit::internal
