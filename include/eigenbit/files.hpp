#pragma once

#include "error.hpp"

#include <string>
#include <string_view>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// Writes a file that appears whole or not at all; devices and pipes are written as they are. Throws Error naming the
/// file.
void write_file(const std::string& file, std::string_view bytes);
/// Whether a file is a device or a pipe.
bool is_stream(const std::string& file);
/// Throws Error naming the file where write_file could not write it now, were it small. Changes nothing.
void check_writable(const std::string& file);

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
