#pragma once

#include "engine/base/format.h"

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenbit::internal {

/// While it lives, hears what the thread that made it warns of: sentences about what is doubtful but goes on; of those
/// of one kind it may show the first alone. The one made last hears alone.
class WarningListener {
  public:
    using Hear = std::function<void(std::string_view kind, std::string_view sentence)>;

    explicit WarningListener(Hear hear);
    WarningListener(const WarningListener&) = delete;
    WarningListener& operator=(const WarningListener&) = delete;
    ~WarningListener();

    const Hear& hear() const { return hear_; }

  private:
    Hear hear_;
    const WarningListener* outer_;
};

/// Tells the calling thread's listener, where it has one.
void tell_warning(std::string_view kind, std::string_view sentence);

/// Warnings of threads that work for another, kept until that one tells them. Any number of threads may keep at a time.
class KeptWarnings {
  public:
    /// Keeps what the calling thread warns of while the listener lives.
    WarningListener listener();
    /// Tells the calling thread's listener what was kept, in an order that does not depend on the threads, and forgets
    /// it.
    void tell();
    void forget();

  private:
    std::mutex mutex_;
    std::vector<std::pair<std::string, std::string>> kept_;  // kind and sentence
};

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
