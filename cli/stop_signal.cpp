#include "cli/stop_signal.h"

#include <csignal>

namespace eigenbit::cli {
namespace {

volatile std::sig_atomic_t received_signal = 0;

void remember(int signal) {
    received_signal = signal;
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

/// False where whoever started the process has it ignore the signal.
bool listen(int signal) {
    if (std::signal(signal, remember) != SIG_IGN) return true;
    std::signal(signal, SIG_IGN);
    return false;
}

}  // namespace

StopSignal::StopSignal() : listens_to_interrupt_(listen(SIGINT)), listens_to_termination_(listen(SIGTERM)) {}

StopSignal::~StopSignal() {
    if (listens_to_interrupt_) std::signal(SIGINT, SIG_DFL);
    if (listens_to_termination_) std::signal(SIGTERM, SIG_DFL);
}

int StopSignal::received() const { return received_signal; }

}  // namespace eigenbit::cli
