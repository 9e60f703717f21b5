#include "api/cpp/state.h"
#include "engine/formats/file.h"
#include "include/eigenbit/files.hpp"
#include "include/eigenbit/warnings.hpp"

#include <utility>

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

struct WarningListener::State {
    internal::WarningListener listener;
};

WarningListener::WarningListener(Hear hear) : state_(new State{internal::WarningListener(std::move(hear))}) {}
WarningListener::~WarningListener() = default;

}  // namespace v1
}  // namespace eigenbit
