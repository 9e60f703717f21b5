#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <vector>

// What all of Eigenbit's C++ interfaces share.

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// What every function throws that cannot do what it is asked for: a sentence that names the file, layer or option.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// What Session::run throws when it was cancelled.
class Cancelled : public Error {
  public:
    using Error::Error;
};

/// Hears a sentence about what is doubtful but goes on.
using Log = std::function<void(std::string_view sentence)>;

/// Calls work(i) for 0 … count-1, in any order, all at the same time or fewer, and returns when all have returned.
using Parallel = std::function<void(int count, const std::function<void(int)>& work)>;

/// Extents, outermost first; images are (N, H, W, C).
using Extents = std::vector<std::int64_t>;

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
