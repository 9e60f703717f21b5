#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace eigenbit::cli {

/// Shows on standard error how far long work has come, its rate and the time left: one line that is written over on a
/// terminal, a plain line now and then otherwise.
class Progress {
  public:
    /// Work of `total` units; `done` of them were done before.
    Progress(bool quiet, std::string unit, std::int64_t total, std::int64_t done = 0);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    /// Leaves an empty line on a terminal.
    ~Progress();

    /// `done` counts from the work's beginning; the note says what is going on.
    void update(std::int64_t done, std::string_view note);
    /// A line that stays.
    void line(std::string_view text);

  private:
    using Clock = std::chrono::steady_clock;

    void clear() const;

    bool quiet_;
    bool terminal_;
    std::string unit_;
    std::int64_t total_;
    std::int64_t done_before_;
    Clock::time_point start_ = Clock::now();
    Clock::time_point shown_ = start_;
};

}  // namespace eigenbit::cli
