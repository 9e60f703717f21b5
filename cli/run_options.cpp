#include "cli/run_options.h"

#include <tbb/info.h>

namespace eigenbit::internal {

void add_run_options(CLI::App& verb, RunOptions& options) {
    options.threads = tbb::info::default_concurrency();
    verb.add_option("--json", options.json, "Also write the results to this file, as JSON")->type_name("FILE");
    verb.add_flag("--quiet", options.quiet, "Show no progress");
    verb.add_option("--threads", options.threads, "Threads to compute with; the result does not depend on it")
        ->type_name("N")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    verb.add_option("--seed", options.seed, "Seed of all that is drawn at random")
        ->type_name("N")
        ->capture_default_str();
}

}  // namespace eigenbit::internal
