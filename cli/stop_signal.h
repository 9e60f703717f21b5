#pragma once

#include <exception>
#include <string>

namespace eigenbit::cli {

/// While it lives, the first SIGINT (Ctrl-C) or SIGTERM asks work to stop where it can go on another time; the next one
/// ends the process as usual. There is one at a time.
class StopSignal {
  public:
    StopSignal();
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;
    ~StopSignal();

    /// The signal that asked; 0 before.
    int received() const;

  private:
    bool listens_to_interrupt_;
    bool listens_to_termination_;
};

/// Work that stopped because a signal asked it to.
class Stopped : public std::exception {
  public:
    /// `advice` says how to go on, for people.
    Stopped(int signal, std::string advice) : signal_(signal), advice_(std::move(advice)) {}

    const char* what() const noexcept override { return advice_.c_str(); }
    /// As a shell has it for a process that a signal ended: 130 for Ctrl-C.
    int exit_code() const { return 128 + signal_; }

  private:
    int signal_;
    std::string advice_;
};

}  // namespace eigenbit::cli
