#pragma once

#include "engine/base/error.h"
#include "include/eigenbit/eigenbit.h"

#include <cstddef>
#include <string_view>

namespace eigenbit::internal {

/// Thrown where a run ends because it was cancelled.
struct Cancelled {};

/// To be called where an exception is caught: it becomes the thread's last error, and its status is returned.
eigenbit_status keep_caught() noexcept;

/// The status of a call, the error of which is kept.
template <typename Call>
eigenbit_status status_of(const Call& call) noexcept {
    try {
        call();
        return EIGENBIT_OK;
    } catch (...) {
        return keep_caught();
    }
}

/// The pointer that `find` returns, or null with the error kept.
template <typename Find>
auto pointer_or_null(const Find& find) noexcept -> decltype(find()) {
    try {
        return find();
    } catch (...) {
        keep_caught();
        return nullptr;
    }
}

/// What a pointer of the caller's points to. Throws Error when it is NULL.
template <typename Value>
Value& given(Value* pointer, std::string_view what) {
    if (pointer == nullptr) fail("The {} is NULL.", what);
    return *pointer;
}

/// The item of this index. Throws Error when there is none.
auto& item(auto& items, std::size_t index, std::string_view what) {
    if (index >= items.size()) fail("There is no {} {}; there are {}.", what, index, items.size());
    return items[index];
}

}  // namespace eigenbit::internal
