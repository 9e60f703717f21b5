#include "api/cpp/state.h"
#include "engine/formats/file.h"
#include "include/eigenbit/files.hpp"
#include "include/eigenbit/warnings.hpp"

namespace eigenbit {
inline namespace v1 {

void write_file(const std::string& file, std::string_view bytes) {
    translated([&] { internal::write_text_file(file, bytes); });
}

bool is_stream(const std::string& file) {
    return translated([&] { return internal::is_stream(file); });
}

void check_writable(const std::string& file) {
    translated([&] { internal::check_writable(file); });
}

void listen_to_warnings(WarningListener listener) { internal::listen_to_warnings(listener); }

}  // namespace v1
}  // namespace eigenbit
