#pragma once

#include "engine/base/error.h"

#include <string>

namespace eigenbit::internal {

/// What the Error says that this action throws; empty when it throws none.
template <typename Action>
std::string error_of(const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

}  // namespace eigenbit::internal
