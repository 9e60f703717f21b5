#include "engine/base/warning.h"

#include <atomic>
#include <utility>

namespace eigenbit::internal {
namespace {

std::atomic<WarningListener> current_listener{nullptr};
thread_local const ScopedWarningListener* innermost = nullptr;

}  // namespace

void listen_to_warnings(WarningListener listener) { current_listener = listener; }

ScopedWarningListener::ScopedWarningListener(Hear hear) : hear_(std::move(hear)), outer_(innermost) {
    innermost = this;
}

ScopedWarningListener::~ScopedWarningListener() { innermost = outer_; }

void tell_warning(std::string_view kind, std::string_view sentence) {
    if (innermost != nullptr) return innermost->hear()(kind, sentence);
    if (const WarningListener listener = current_listener) listener(kind, sentence);
}

}  // namespace eigenbit::internal
