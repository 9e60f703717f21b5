#pragma once

#include <tbb/task_arena.h>

#include <list>
#include <memory>

namespace eigenbit::internal {

/// An arena of oneTBB's threads, lent for as long as this lives. oneTBB (2021.8) frees an arena that it was to send
/// threads to only when one comes by after it has been given up: where arenas are made faster than that, they stay for
/// ever. So one that nobody uses is kept for whoever wants the next.
class Arena {
  public:
    /// For this many threads, the caller's among them.
    explicit Arena(int concurrency);
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    /// All work in it must have ended.
    ~Arena();

    tbb::task_arena& operator*() { return arena_.front(); }
    tbb::task_arena* operator->() { return &arena_.front(); }

  private:
    class Idle;

    std::shared_ptr<Idle> idle_;
    std::list<tbb::task_arena> arena_;  // one
};

}  // namespace eigenbit::internal
