#pragma once

namespace eigenbit::cli {

/// Once, before anything is opened or written. Closed standard streams stay closed, instead of being what is opened
/// next; a closed pipe and a file that may not grow are errors of who writes, not the end of the process.
void prepare_standard_streams();

/// After the work. Throws Error when not all that was printed has reached standard output.
void finish_standard_output();

}  // namespace eigenbit::cli
