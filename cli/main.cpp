#include "cli/standard_streams.h"
#include "cli/stop_signal.h"
#include "cli/verbs.h"
#include "include/eigenbit/warnings.hpp"

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <new>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <unistd.h>

namespace {

using namespace eigenbit::cli;

constexpr int kFailure = 1;
constexpr int kUsageError = 2;

void run(const Verb& verb, const RunOptions& options) {
    const tbb::global_control threads(tbb::global_control::max_allowed_parallelism,
                                      static_cast<std::size_t>(options.threads));
    const auto start = std::chrono::steady_clock::now();
    const auto write = [&](Results results) {
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        if (!options.json.empty()) write_results(std::move(results), options, elapsed.count());
    };
    Results results;
    try {
        verb.run(options, results);
        finish_standard_output();
    } catch (const std::exception& error) {
        if (results.empty()) throw;
        results["error"] = error.what();
        write(std::move(results));
        throw;
    }
    write(std::move(results));
}

/// Of the verb, and what every verb writes.
Files files_of(const Verb& verb, const RunOptions& options) {
    Files files = verb.files();
    if (!options.json.empty()) files.outputs.push_back({"--json", options.json, FileFormat::json});
    return files;
}

void print_error(const std::string& sentence) { std::fputs(("eigenbit: " + sentence + "\n").c_str(), stderr); }

/// 0, or the exit code of an exception that it has printed.
template <typename Work>
int exit_code_of(const Work& work) {
    try {
        work();
        finish_standard_output();
        return 0;
    } catch (const CLI::ParseError& error) {
        print_error(error.what());
        return kUsageError;
    } catch (const Stopped& stopped) {
        print_error(stopped.what());
        return stopped.exit_code();
    } catch (const std::bad_alloc&) {
        print_error("There is not enough memory.");
    } catch (const std::system_error& error) {
        const bool is_output = std::ferror(stdout) != 0;
        print_error(is_output ? "cannot write to standard output: " + error.code().message() : error.what());
    } catch (const std::exception& error) {
        print_error(error.what());
    }
    return kFailure;
}

/// Shows a warning, whether there is progress or not.
void show_warning(std::string_view sentence) {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    std::fputs(fmt::format("{}eigenbit: warning: {}\n", terminal ? "\r\x1b[K" : "", sentence).c_str(), stderr);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App command("Trains convolutional networks, compresses them to a few bits a weight, and runs them.",
                     "eigenbit");
    command.set_version_flag("--version", "eigenbit " EIGENBIT_VERSION);
    command.require_subcommand(1);
    command.footer("eigenbit VERB --help tells more, with examples.");

    std::set<std::string, std::less<>> shown;
    const eigenbit::WarningListener listener([&](std::string_view kind, std::string_view sentence) {
        if (shown.emplace(kind).second) show_warning(sentence);
    });
    RunOptions options;
    options.program = quoted(argv[0]);
    for (int i = 0; i < argc; ++i) options.command_line += (i == 0 ? "" : " ") + quoted(argv[i]);
    const std::array verbs{new_verb(command),      train_verb(command), retrain_verb(command), eval_verb(command),
                           compress_verb(command), stats_verb(command), inspect_verb(command), pack_verb(command),
                           run_verb(command),      bench_verb(command), cpu_verb(command)};
    for (const Verb& verb : verbs) add_run_options(*verb.app, options);
    return exit_code_of([&] {
        prepare_standard_streams();
        try {
            command.parse(argc, argv);
        } catch (const CLI::Success& help) {
            std::ostringstream text;
            command.exit(help, text, text);
            fmt::print("{}", text.str());
            return;
        }
        const Verb& verb = *std::ranges::find_if(verbs, [](const Verb& one) { return one.app->parsed(); });
        check_files(files_of(verb, options));
        run(verb, options);
    });
}
