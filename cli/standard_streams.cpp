#include "cli/standard_streams.h"

#include "cli/fail.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace eigenbit::cli {

void prepare_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
        // The lowest number that is free is the stream's. Writing to what is open for reading alone is an error.
        const int opened = ::open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY);
        if (opened != stream) fail("A standard stream is closed, and there is no /dev/null instead.");
    }
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

void finish_standard_output() {
    const bool failed_before = std::ferror(stdout) != 0;
    if (std::fflush(stdout) != 0) {
        fail("cannot write to standard output: {}", std::generic_category().message(errno));
    }
    if (failed_before) fail("cannot write all of it to standard output");
}

}  // namespace eigenbit::cli
