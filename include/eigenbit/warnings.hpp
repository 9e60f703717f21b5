#pragma once

#include "error.hpp"

#include <functional>
#include <memory>
#include <string_view>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// While it lives, hears what the thread that made it warns of in calls that were given no log: sentences about what is
/// doubtful but goes on; of those of one kind it may show the first alone. It is called on that thread, also where
/// others work for the call, and destroyed there. The one made last hears alone; without any, nobody does.
class WarningListener {
  public:
    /// Is given the sentence and its kind, valid while the call lasts.
    using Hear = std::function<void(std::string_view kind, std::string_view sentence)>;

    /// `hear` is not empty.
    explicit WarningListener(Hear hear);
    WarningListener(const WarningListener&) = delete;
    WarningListener& operator=(const WarningListener&) = delete;
    ~WarningListener();

  private:
    struct State;
    std::unique_ptr<const State> state_;
};

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
