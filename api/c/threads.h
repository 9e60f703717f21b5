#pragma once

#include "engine/base/arena.h"
#include "include/eigenbit/eigenbit.h"

#include <tbb/task_arena.h>

#include <cstdint>
#include <functional>
#include <optional>

namespace eigenbit::internal {

/// The threads of a session: oneTBB's, or the caller's, which then do all the work that oneTBB hands out.
class Threads {
  public:
    /// `count` threads, where 0 or more than there are processors stands for these; those of `parallel`, called with
    /// `user`, unless it is null.
    Threads(std::int32_t count, eigenbit_parallel parallel, void* user);
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

    /// Runs a body whose loops all the threads share: on the calling thread, or on the first of the caller's that
    /// comes. Throws what body throws.
    void run(const std::function<void()>& body);

  private:
    eigenbit_parallel parallel_;
    void* user_;
    std::optional<Arena> own_;
    std::optional<tbb::task_arena> callers_;  // where there is `parallel_`
};

}  // namespace eigenbit::internal
