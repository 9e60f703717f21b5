#include "engine/base/arena.h"

#include <algorithm>
#include <mutex>

namespace eigenbit::internal {

/// The arenas that nobody uses.
class Arena::Idle {
  public:
    /// One, of this concurrency.
    std::list<tbb::task_arena> take(int concurrency) {
        std::list<tbb::task_arena> taken;
        {
            const std::lock_guard lock(mutex_);
            const auto found = std::ranges::find_if(
                idle_, [&](const tbb::task_arena& arena) { return arena.max_concurrency() == concurrency; });
            if (found != idle_.end()) taken.splice(taken.end(), idle_, found);
        }
        if (taken.empty()) taken.emplace_back(concurrency);
        return taken;
    }
    void give_back(std::list<tbb::task_arena>& arena) {
        const std::lock_guard lock(mutex_);
        idle_.splice(idle_.end(), arena);
    }

    static const std::shared_ptr<Idle>& of_process() {
        static const auto arenas = std::make_shared<Idle>();
        return arenas;
    }

  private:
    std::mutex mutex_;
    std::list<tbb::task_arena> idle_;
};

Arena::Arena(int concurrency) : idle_(Idle::of_process()), arena_(idle_->take(concurrency)) {}

Arena::~Arena() { idle_->give_back(arena_); }

}  // namespace eigenbit::internal
