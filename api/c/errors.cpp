#include "api/c/errors.h"

#include <exception>
#include <new>
#include <string>

namespace eigenbit::internal {
namespace {

constexpr const char* kNoMemory = "There is not enough memory.";

thread_local std::string own_sentence;
thread_local const char* last_error = "";

/// Keeps a sentence, or that there is no memory for it either.
void keep(const char* sentence) noexcept {
    try {
        own_sentence = sentence;
        last_error = own_sentence.c_str();
    } catch (...) {
        last_error = kNoMemory;
    }
}

}  // namespace

eigenbit_status keep_caught() noexcept {
    try {
        throw;
    } catch (const Cancelled&) {
        last_error = "The run was cancelled.";
        return EIGENBIT_CANCELLED;
    } catch (const std::bad_alloc&) {
        last_error = kNoMemory;
    } catch (const std::exception& error) {
        keep(error.what());
    } catch (...) {
        last_error = "A callback threw what is no std::exception.";
    }
    return EIGENBIT_ERROR;
}

}  // namespace eigenbit::internal

const char* eigenbit_last_error(void) { return eigenbit::internal::last_error; }
