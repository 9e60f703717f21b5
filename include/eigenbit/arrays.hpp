#pragma once

#include "error.hpp"

#include <string>
#include <vector>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// Values in C's order, the last axis fastest.
struct Array {
    Extents shape{};              ///< outermost first
    std::vector<float> values{};  ///< as many as the product of the extents
    std::string name{};           ///< of the output that it is, or the file that it came from, for messages
};

/// Reads a file of NumPy's: reals, integers and booleans become float32. Throws Error naming the file.
Array read_npy(const std::string& file);
/// Writes one, whole or not at all. Throws Error naming the file.
void write_npy(const std::string& file, const Array& array);

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
