#pragma once

#include "engine/base/warning.h"
#include "include/eigenbit/eigenbit.h"

#include <optional>

namespace eigenbit::internal {

/// Who hears the warnings of a call: nobody where the callback is null.
struct Log {
    eigenbit_log hear = nullptr;
    void* user = nullptr;
};

/// While it lives, the log hears what the calling thread warns of.
class LogScope {
  public:
    explicit LogScope(const Log& log)
        : listener_([log](std::string_view, std::string_view sentence) {
              if (log.hear != nullptr) log.hear(log.user, std::string(sentence).c_str());
          }) {}

  private:
    WarningListener listener_;
};

}  // namespace eigenbit::internal
