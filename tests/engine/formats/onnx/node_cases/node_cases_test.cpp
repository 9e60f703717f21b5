#include "engine/base/error.h"
#include "engine/formats/onnx/onnx.h"
#include "tests/engine/formats/onnx/recorded_run.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

// The ONNX standard's own tests of single operators, made from the installed onnx package by make.py.

using namespace eigenbit::internal;

namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(EIGENBIT_SOURCE_ROOT) / "tests/engine/formats/onnx/node_cases";
const fs::path kPage = fs::path(EIGENBIT_SOURCE_ROOT) / "docs/onnx-node-tests.md";
// Debian's, which sees Debian's packages.
const std::string kPython = "/usr/bin/python3";

bool has_no_onnx_package() {
    const std::string command = kPython + " -c 'import numpy, onnx.backend.test.case.node' > /dev/null 2>&1";
    if (std::system(command.c_str()) == 0) return false;
    std::cout << "skipped: there is no python3-onnx\n";
    return true;
}

enum class Outcome { passed, refused, wrong };

/// What became of a case, and the sentence that says why where it did not pass.
struct Result {
    Outcome outcome;
    std::string sentence;
};

/// The values of a case for a graph whose inputs are what is not constant.
RecordedRun run_of(const fs::path& folder, const Graph& graph) {
    RecordedRun run;
    for (const Graph::Input& input : graph.inputs()) run.inputs.push_back(folder / (graph.name(input.value) + ".npy"));
    for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
        run.outputs.push_back(folder / formatted("output.{}.npy", i));
    }
    return run;
}

Result result_of(const fs::path& folder, float tolerance) {
    Result result{Outcome::refused, "has values that are no tensors"};
    for (const char* file : {"model.onnx", "constant.onnx", "folded.onnx"}) {
        if (!fs::exists(folder / file)) continue;
        Graph graph;
        try {
            graph = read_onnx(folder / file).graph;
        } catch (const Error& error) {
            if (result.outcome == Outcome::refused) result.sentence = error.what();
            continue;
        }
        if (!fs::exists(folder / "output.0.npy")) return {Outcome::wrong, "was read, though its values are no tensors"};
        const std::string wrong = difference(graph, run_of(folder, graph), {.absolute = 1e-6F, .relative = tolerance});
        if (!wrong.empty()) {
            return {Outcome::wrong, formatted("{}: {}", file, wrong)};
        }
        result = {Outcome::passed, {}};
    }
    return result;
}

struct Counts {
    int passed = 0;
    int refused = 0;
};

std::string page_of(const std::string& version, const std::map<std::string, Counts>& operators) {
    Counts all;
    std::string rows;
    for (const auto& [name, counts] : operators) {
        all.passed += counts.passed;
        all.refused += counts.refused;
        rows += formatted("| {} | {} | {} |\n", name, counts.passed, counts.refused);
    }
    return formatted("# The ONNX standard's node tests\n\nOf the cases in onnx {} for operators that networks of "
                     "convolutions are made of, {} "
                     "pass, {} are refused with\na sentence, and none is wrong. A case passes where every form of it "
                     "that is read, with "
                     "its inputs of integers, all inputs\nbut the first or all as constants, gives the outputs of the "
                     "standard, operator by operator "
                     "and as a program.\n`EIGENBIT_WRITE_TABLES=1 build/tests/engine/onnx-tests -tc=\"*node tests*\"` "
                     "writes this page; "
                     "a test compares it.\n\n| operator | passed | refused |\n|---|---|---|\n{}",
                     version, all.passed, all.refused, rows);
}

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("of the standard's node tests none is wrong, and docs/onnx-node-tests.md counts those that pass"
          * doctest::skip(has_no_onnx_package())) {
    const TemporaryFolder folder;
    const std::string make =
        kPython + " '" + (kFolder / "make.py").string() + "' '" + (folder / "cases").string() + "'";
    REQUIRE(std::system(make.c_str()) == 0);

    const char* listed = std::getenv("EIGENBIT_LIST_NODE_TESTS");  // prints what was refused, and why
    std::map<std::string, Counts> operators;
    std::ifstream cases(folder / "cases/cases.csv");
    for (std::string line; std::getline(cases, line);) {
        std::istringstream fields(line);
        std::string name;
        std::string operator_name;
        std::getline(fields, name, ',');
        std::getline(fields, operator_name, ',');
        float tolerance = 0.0F;
        fields >> tolerance;
        CAPTURE(name);
        Result result{};
        REQUIRE_NOTHROW(result = result_of(folder / ("cases/" + name), tolerance));
        CHECK_MESSAGE(result.outcome != Outcome::wrong, result.sentence);
        Counts& counts = operators[operator_name];
        ++(result.outcome == Outcome::passed ? counts.passed : counts.refused);
        if (listed != nullptr && result.outcome == Outcome::refused)
            std::cout << name << ": " << result.sentence << '\n';
    }
    REQUIRE(operators.size() > 50);

    const std::string version = text_of(folder / "cases/version");
    const std::string page = page_of(version, operators);
    if (std::getenv("EIGENBIT_WRITE_TABLES") != nullptr) std::ofstream(kPage) << page;
    // Other versions of the package have other cases.
    const std::string written = text_of(kPage);
    if (written.find("in onnx " + version + " ") != std::string::npos) CHECK(page == written);
}
