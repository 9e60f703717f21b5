#include "engine/formats/image.h"
#include "tests/cli/command.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <vector>

using namespace eigenbit::internal;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The verbs that the overview lists: lines of two spaces and a name below the title.
std::vector<std::string> listed_verbs(const std::string& overview) {
    std::istringstream lines(overview.substr(overview.find("Subcommands:")));
    std::vector<std::string> verbs;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("  ") && !line.starts_with("   ")) verbs.push_back(line.substr(2, line.find(' ', 2) - 2));
    }
    return verbs;
}

bool is_one_sentence(const std::string& errors) {
    return errors.starts_with("eigenbit: ") && std::ranges::count(errors, '\n') == 1 && errors.ends_with("\n");
}

}  // namespace

TEST_CASE("help and version are answered on standard output with exit code 0") {
    const TemporaryFolder folder;
    const std::vector<std::string> verbs = listed_verbs(run_command(folder, "--help").output);
    CHECK(verbs
          == std::vector<std::string>{"new", "train", "retrain", "eval", "compress", "stats", "inspect", "pack", "run",
                                      "bench", "cpu"});
    for (const std::string& verb : verbs) {
        CAPTURE(verb);
        const Outcome help = run_command(folder, verb + " --help");
        CHECK(help.exit_code == 0);
        CHECK(contains(help.output, "Examples:\n  eigenbit " + verb));
        for (const std::string option : {"--json", "--quiet", "--threads", "--seed"})
            CHECK(contains(help.output, option));
        CHECK(help.errors.empty());
    }
    const Outcome version = run_command(folder, "--version");
    CHECK(version.exit_code == 0);
    CHECK(version.output.starts_with("eigenbit 0."));
}

TEST_CASE("a wrong command line is one sentence on standard error and exit code 2") {
    const TemporaryFolder folder;
    for (const std::string arguments :
         {"", "fly", "eval", "eval net.onnx", "train --model resnet8 --data fashion --out x.onnx --epochs none",
          "train --model resnet8 --data fashion --out x.onnx --epochs 1 --schedule linear",
          "inspect net.onnx --threads 0", "eval net.onnx --data fashion --unknown 3"}) {
        CAPTURE(arguments);
        const Outcome outcome = run_command(folder, arguments);
        CHECK(outcome.exit_code == 2);
        CHECK(is_one_sentence(outcome.errors));
        CHECK(outcome.output.empty());
    }
}

TEST_CASE("a number out of range is refused by a sentence that says what it must be") {
    const TemporaryFolder folder;
    const auto refusal = [&](const std::string& option) {
        const Outcome outcome = run_command(folder, "retrain a.ebit --data fashion --out b.ebit --epochs 1 " + option);
        CHECK(outcome.exit_code == 2);
        return outcome.errors;
    };
    CHECK(refusal("--lr 0") == "eigenbit: --lr: 0 is not a number above 0\n");
    CHECK(refusal("--lr inf") == "eigenbit: --lr: inf is not a number above 0\n");
    CHECK(refusal("--index-rate -1e-3") == "eigenbit: --index-rate: -1e-3 is not a number of at least 0\n");
    CHECK(refusal("--index-rate 1x") == "eigenbit: --index-rate: 1x is not a number of at least 0\n");
    CHECK(refusal("--rate nan") == "eigenbit: --rate: nan is not a number from 0.05 to 16\n");
    CHECK(refusal("--rate 16.5") == "eigenbit: --rate: 16.5 is not a number from 0.05 to 16\n");
    CHECK(contains(refusal("--index-rate 0 --rate 16 --epochs 0"), "--epochs"));
}

TEST_CASE("what cannot be done is one sentence on standard error that names it, and exit code 1") {
    const TemporaryFolder folder;
    write_digits(folder);
    folder.write("text.onnx", "This is no network.");
    write_png(folder / "grey.png", {2, 2, 1, {0, 50, 100, 150}});
    const auto failure = [&](const std::string& arguments, const std::string& named) {
        CAPTURE(arguments);
        const Outcome outcome = run_command(folder, arguments);
        CAPTURE(outcome.errors);
        CHECK(outcome.exit_code == 1);
        CHECK(is_one_sentence(outcome.errors));
        CHECK(contains(outcome.errors, named));
    };
    failure("inspect missing.onnx", "missing.onnx");
    failure("inspect text.onnx", "text.onnx");
    failure("eval text.onnx --data mnist:.", "text.onnx");
    failure("train --model resnet9 --data mnist:. --epochs 1 --out x.onnx", "there are lenet5, resnet8");
    failure("train --model resnet8 --data denoise:. --epochs 1 --out x.onnx", "--data is denoise:.: resnet8");
    failure("train --model resnet8 --data mnits:. --epochs 1 --out x.onnx", "mnits");
    failure("train --model resnet8 --data mnist:nowhere --epochs 1 --out x.onnx", "nowhere");
    failure("train --model resnet8 --data mnist:. --epochs 1 --out nowhere/x.onnx", "there is no folder 'nowhere'");
    failure("train --model resnet8 --data mnist:. --epochs 1 --out x.onnx --batch 65", "fewer than the batch size 65");
    CHECK_FALSE(std::filesystem::exists(folder / "x.onnx"));
    REQUIRE(run_command(folder, "new resnet8 --size 12 --classes 10 --out net.onnx").exit_code == 0);
    const std::string compress = "compress net.onnx --quiet --data \"mnist:.?channels=3\" --out ";
    failure(compress + "x.ebit", "Give one of --rate, --size, --max-drop and --lambda");
    failure(compress + "x.ebit --size 10GBit", "--size is '10GBit'");
    failure(compress + "x.ebit --size 100", "A file of 100 bytes cannot be met: even at 0.05 bits a weight");
    failure(compress + "x.ebit --max-drop 1", "--max-drop needs --val");
    failure(compress + "x.ebit --rate 2 --transform none,dft", "There is no transform 'dft'");
    failure(compress + "nowhere/x.ebit --rate 2", "there is no folder 'nowhere'");
    CHECK_FALSE(std::filesystem::exists(folder / "x.ebit"));
}
