#pragma once

#include "error.hpp"

#include <string_view>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// Hears sentences about what is doubtful but goes on; of those of one kind it may show the first alone. Any thread may
/// call it, several at once.
using WarningListener = void (*)(std::string_view kind, std::string_view sentence);

/// Who hears, in the whole process, the warnings of calls that were given no log and of threads that work for others;
/// null for nobody, as in the beginning.
void listen_to_warnings(WarningListener listener);

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
