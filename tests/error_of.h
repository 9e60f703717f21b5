#pragma once

#include "engine/base/error.h"

#include <string>

namespace eigenbit::internal {

/// What the Error, or another kind of exception, says that this action throws; empty when it throws none.
template <typename Thrown = Error, typename Action>
std::string error_of(const Action& action) {
    try {
        action();
    } catch (const Thrown& error) {
        return error.what();
    }
    return "";
}

}  // namespace eigenbit::internal
