#include "engine/kernels/cpu.h"

#include "cli/verbs.h"

#include <fmt/format.h>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  eigenbit cpu
  EIGENBIT_CPU=avx2 eigenbit bench resnet18.onnx      forces one of them, for any verb)";

Results list_implementations() {
    const CpuImplementation& active = active_cpu_implementation();
    Results results;
    for (const CpuImplementation& implementation : cpu_implementations()) {
        const bool is_active = &implementation == &active;
        const char* const state = is_active ? "active" : implementation.supported ? "" : "not on this CPU";
        fmt::print("{:<1} {:<11} {:<16} {}; needs {}\n", is_active ? "*" : "", implementation.name, state,
                   implementation.description, implementation.required_features);
        results["implementations"].push_back(
            {{"name", implementation.name}, {"supported", implementation.supported}, {"active", is_active}});
    }
    return results;
}

}  // namespace

Verb cpu_verb(CLI::App& command) {
    CLI::App* const app = add_verb(command, "cpu", "List the kernels there are, and which this CPU runs", kExamples);
    return {app, [] { return Files{}; }, [](const RunOptions&, Results& results) { results = list_implementations(); }};
}

}  // namespace eigenbit::internal
