#pragma once

#include "include/eigenbit/error.hpp"

#include <fmt/format.h>

#include <utility>

namespace eigenbit::cli {

/// Throws Error with a formatted sentence.
template <typename... Arguments>
[[noreturn]] void fail(fmt::format_string<Arguments...> sentence, Arguments&&... arguments) {
    throw Error(fmt::format(sentence, std::forward<Arguments>(arguments)...));
}

}  // namespace eigenbit::cli
