#pragma once

#include "engine/base/format.h"

#include <stdexcept>
#include <utility>

namespace eigenbit::internal {

/// The one exception type: a sentence that names the file, layer or flag, what was found and what was expected.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Throws an Error with a formatted sentence.
template <typename... Arguments>
[[noreturn]] void fail(fmt::format_string<Arguments...> sentence, Arguments&&... arguments) {
    throw Error(formatted(sentence, std::forward<Arguments>(arguments)...));
}

}  // namespace eigenbit::internal
