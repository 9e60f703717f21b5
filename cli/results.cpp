#include "cli/results.h"

#include "engine/formats/file.h"

#include <sys/resource.h>

namespace eigenbit::internal {
namespace {

std::int64_t peak_memory_bytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return std::int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace

void write_results(Results results, const RunOptions& options, double seconds) {
    results["seconds"] = seconds;
    results["peak_memory_bytes"] = peak_memory_bytes();
    results["threads"] = options.threads;
    results["seed"] = options.seed;
    results["version"] = EIGENBIT_VERSION;
    const std::string text = results.dump(2) + "\n";
    write_file(options.json, std::vector<std::uint8_t>(text.begin(), text.end()));
}

}  // namespace eigenbit::internal
