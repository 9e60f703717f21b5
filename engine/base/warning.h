#pragma once

#include "engine/base/format.h"

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace eigenbit::internal {

/// Hears sentences about what is doubtful but goes on; of those of one kind it may show the first alone. Called from
/// any thread.
using WarningListener = void (*)(std::string_view kind, std::string_view sentence);

/// Who hears warnings from now on; null for nobody, as in the beginning.
void listen_to_warnings(WarningListener listener);

/// While it lives, what the thread that made it warns of is heard by it alone. Such listeners lie in one another.
class ScopedWarningListener {
  public:
    using Hear = std::function<void(std::string_view kind, std::string_view sentence)>;

    explicit ScopedWarningListener(Hear hear);
    ScopedWarningListener(const ScopedWarningListener&) = delete;
    ScopedWarningListener& operator=(const ScopedWarningListener&) = delete;
    ~ScopedWarningListener();

    const Hear& hear() const { return hear_; }

  private:
    Hear hear_;
    const ScopedWarningListener* outer_;
};

/// Tells the thread's innermost listener, or, where it has none, the listener of all.
void tell_warning(std::string_view kind, std::string_view sentence);

/// Warns with a formatted sentence, which is a kind of its own.
template <typename... Arguments>
void warn(fmt::format_string<Arguments...> sentence, Arguments&&... arguments) {
    const std::string text = formatted(sentence, std::forward<Arguments>(arguments)...);
    tell_warning(text, text);
}

/// Warns with a formatted sentence of this kind.
template <typename... Arguments>
void warn_of(std::string_view kind, fmt::format_string<Arguments...> sentence, Arguments&&... arguments) {
    tell_warning(kind, formatted(sentence, std::forward<Arguments>(arguments)...));
}

}  // namespace eigenbit::internal
