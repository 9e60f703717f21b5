#include "engine/base/warning.h"

#include <atomic>

namespace eigenbit::internal {
namespace {

std::atomic<WarningListener> current_listener{nullptr};

}  // namespace

void listen_to_warnings(WarningListener listener) { current_listener = listener; }

void tell_warning(std::string_view kind, std::string_view sentence) {
    if (const WarningListener listener = current_listener) listener(kind, sentence);
}

}  // namespace eigenbit::internal
