#include "engine/base/warning.h"

#include <algorithm>
#include <utility>

namespace eigenbit::internal {
namespace {

thread_local const WarningListener* innermost = nullptr;

}  // namespace

WarningListener::WarningListener(Hear hear) : hear_(std::move(hear)), outer_(innermost) { innermost = this; }

WarningListener::~WarningListener() { innermost = outer_; }

void tell_warning(std::string_view kind, std::string_view sentence) {
    if (innermost != nullptr) innermost->hear()(kind, sentence);
}

WarningListener KeptWarnings::listener() {
    return WarningListener([this](std::string_view kind, std::string_view sentence) {
        const std::lock_guard lock(mutex_);
        kept_.emplace_back(kind, sentence);
    });
}

void KeptWarnings::tell() {
    std::ranges::sort(kept_);
    for (const auto& [kind, sentence] : std::exchange(kept_, {})) tell_warning(kind, sentence);
}

void KeptWarnings::forget() { kept_.clear(); }

}  // namespace eigenbit::internal
