#include "cli/progress.h"

#include <fmt/format.h>

#include <cstdio>
#include <unistd.h>

namespace eigenbit::cli {
namespace {

std::string hours_minutes_seconds(double seconds) {
    const auto whole = static_cast<std::int64_t>(seconds + 0.5);
    if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

/// Work goes on where nobody can see how far it has come.
void show(const std::string& text) { std::fputs(text.c_str(), stderr); }

}  // namespace

Progress::Progress(bool quiet, std::string unit, std::int64_t total, std::int64_t done)
    : quiet_(quiet),
      terminal_(::isatty(STDERR_FILENO) == 1),
      unit_(std::move(unit)),
      total_(total),
      done_before_(done) {}

Progress::~Progress() { clear(); }

void Progress::clear() const {
    if (!quiet_ && terminal_) show("\r\x1b[K");
}

void Progress::update(std::int64_t done, std::string_view note) {
    if (quiet_) return;
    const Clock::time_point now = Clock::now();
    if (now - shown_ < std::chrono::milliseconds(terminal_ ? 100 : 30000)) return;
    shown_ = now;
    const double rate = static_cast<double>(done - done_before_) / std::chrono::duration<double>(now - start_).count();
    const std::string left = rate > 0.0 ? hours_minutes_seconds(static_cast<double>(total_ - done) / rate) : "?";
    const std::string text =
        fmt::format("{}  {}/{} {}  {:.{}f}/s  {} left", note, done, total_, unit_, rate, rate < 10.0 ? 1 : 0, left);
    show(fmt::format("{}{}{}", terminal_ ? "\r" : "", text, terminal_ ? "\x1b[K" : "\n"));
}

void Progress::line(std::string_view text) {
    if (quiet_) return;
    clear();
    show(fmt::format("{}\n", text));
}

}  // namespace eigenbit::cli
