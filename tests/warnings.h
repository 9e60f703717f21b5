#pragma once

#include "engine/base/warning.h"

#include <string>
#include <string_view>
#include <utility>

namespace eigenbit::internal {

/// Collects the warnings of its scope.
class Warnings {
  public:
    /// What was said since the last call, sentence after sentence.
    std::string take() { return std::exchange(text_, {}); }

  private:
    std::string text_;
    WarningListener listener_{[this](std::string_view, std::string_view sentence) { (text_ += sentence) += "\n"; }};
};

}  // namespace eigenbit::internal
