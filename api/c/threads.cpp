#include "api/c/threads.h"

#include "engine/base/error.h"

#include <tbb/info.h>
#include <tbb/task_group.h>

#include <algorithm>
#include <exception>
#include <list>
#include <mutex>

namespace eigenbit::internal {
namespace {

int concurrency_of(std::int32_t count) {
    if (count < 0) fail("The session is to have {} threads, expected 0 or more.", count);
    const int processors = tbb::info::default_concurrency();
    return count == 0 ? processors : std::min(count, processors);
}

/// Threads that come to work on one body: the first runs it, the others take part in its loops until it has ended. So
/// it does not matter whether they come at the same time, or one after the other.
class Gathering {
  public:
    Gathering(tbb::task_arena& arena, const std::function<void()>& body) : arena_(arena), body_(body) {}

    /// What each thread does.
    void join() noexcept {
        try {
            if (is_first()) {
                try {
                    arena_.execute(body_);
                } catch (...) {
                    error_ = std::current_exception();
                }
                release_helpers();
            } else {
                help();
            }
        } catch (...) {
            // A helper that has no memory to help does not.
        }
    }

    void throw_error() const {
        if (!has_begun_) fail("The callback for the caller's threads called no work.");
        if (error_) std::rethrow_exception(error_);
    }

  private:
    /// A thread that waits for a task that nobody runs works on others meanwhile.
    struct Helper {
        tbb::task_group group;
        tbb::task_handle end = group.defer([] {});
    };

    bool is_first() {
        const std::lock_guard lock(mutex_);
        return !std::exchange(has_begun_, true);
    }

    void help() {
        Helper* helper = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (has_ended_) return;
            helper = &helpers_.emplace_back();
        }
        arena_.execute([helper] { helper->group.wait(); });
    }

    void release_helpers() {
        const std::lock_guard lock(mutex_);
        has_ended_ = true;
        for (Helper& helper : helpers_) helper.end = {};
    }

    tbb::task_arena& arena_;
    const std::function<void()>& body_;
    std::mutex mutex_;
    std::list<Helper> helpers_;
    bool has_begun_ = false, has_ended_ = false;
    std::exception_ptr error_;
};

}  // namespace

Threads::Threads(std::int32_t count, eigenbit_parallel parallel, void* user) : parallel_(parallel), user_(user) {
    const int concurrency = concurrency_of(count);
    if (parallel_ == nullptr) {
        own_.emplace(concurrency);
    } else {
        // All places are reserved for the caller's threads, so that oneTBB sends none of its own.
        callers_.emplace(concurrency, static_cast<unsigned>(concurrency));
    }
}

void Threads::run(const std::function<void()>& body) {
    if (own_) {
        (*own_)->execute(body);
        return;
    }
    Gathering gathering(*callers_, body);
    parallel_(
        user_, callers_->max_concurrency(),
        [](void* argument, std::int32_t) { static_cast<Gathering*>(argument)->join(); }, &gathering);
    gathering.throw_error();
}

}  // namespace eigenbit::internal
