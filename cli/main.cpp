#include "cli/verbs.h"
#include "engine/base/error.h"
#include "engine/base/warning.h"

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <unistd.h>

namespace {

using namespace eigenbit::internal;

constexpr int kFailure = 1;
constexpr int kUsageError = 2;

void run(const Verb& verb, const RunOptions& options) {
    const tbb::global_control threads(tbb::global_control::max_allowed_parallelism,
                                      static_cast<std::size_t>(options.threads));
    const auto start = std::chrono::steady_clock::now();
    Results results = verb.run(options);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (!options.json.empty()) write_results(std::move(results), options, elapsed.count());
}

/// Shows the first warning of each kind, whether there is progress or not.
void show_warning(std::string_view kind, std::string_view sentence) {
    static std::mutex mutex;
    static std::set<std::string, std::less<>> shown;
    const std::lock_guard lock(mutex);
    if (!shown.emplace(kind).second) return;
    fmt::print(stderr, "{}eigenbit: warning: {}\n", ::isatty(STDERR_FILENO) == 1 ? "\r\x1b[K" : "", sentence);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App command("Trains convolutional networks, compresses them to a few bits a weight, and runs them.",
                     "eigenbit");
    command.set_version_flag("--version", "eigenbit " EIGENBIT_VERSION);
    command.require_subcommand(1);
    command.footer("eigenbit VERB --help tells more, with examples.");

    listen_to_warnings(show_warning);
    RunOptions options;
    const std::array verbs{new_verb(command),      train_verb(command), retrain_verb(command), eval_verb(command),
                           compress_verb(command), stats_verb(command), inspect_verb(command), pack_verb(command),
                           run_verb(command),      bench_verb(command), cpu_verb(command)};
    for (const Verb& verb : verbs) add_run_options(*verb.app, options);
    try {
        command.parse(argc, argv);
        run(*std::ranges::find_if(verbs, [](const Verb& verb) { return verb.app->parsed(); }), options);
        return 0;
    } catch (const CLI::Success& help) {
        return command.exit(help);
    } catch (const CLI::ParseError& error) {
        fmt::print(stderr, "eigenbit: {}\n", error.what());
        return kUsageError;
    } catch (const std::bad_alloc&) {
        fmt::print(stderr, "eigenbit: There is not enough memory.\n");
        return kFailure;
    } catch (const std::exception& error) {
        fmt::print(stderr, "eigenbit: {}\n", error.what());
        return kFailure;
    }
}
