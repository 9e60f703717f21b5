#include "cli/verbs.h"
#include "include/eigenbit/benchmark.hpp"

#include <fmt/format.h>

namespace eigenbit::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit cpu
  EIGENBIT_CPU=avx2 eigenbit bench resnet18.onnx      forces one of them, for any verb)";

Results list_implementations() {
    Results results;
    for (const CpuImplementation& one : cpu_implementations()) {
        const char* const state = one.is_active ? "active" : one.is_supported ? "" : "not on this CPU";
        fmt::print("{:<1} {:<11} {:<16} {}; needs {}\n", one.is_active ? "*" : "", one.name, state, one.description,
                   one.required_features);
        results["implementations"].push_back(
            {{"name", one.name}, {"supported", one.is_supported}, {"active", one.is_active}});
    }
    return results;
}

}  // namespace

Verb cpu_verb(CLI::App& command) {
    CLI::App* const app = add_verb(command, "cpu", "List the kernels there are, and which this CPU runs", kExamples);
    return {app, [] { return Files{}; }, [](const RunOptions&, Results& results) { results = list_implementations(); }};
}

}  // namespace eigenbit::cli
