#include "tests/cli/command.h"

#include <doctest/doctest.h>

#include <sstream>
#include <vector>

using namespace eigenbit::internal;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

constexpr const char* kTrain = "train --model resnet8 --data mnist:. --batch 16 --lr 0.05 --quiet ";

/// The command lines in a text: those that are indented.
std::vector<std::string> command_lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream all(text);
    for (std::string line; std::getline(all, line);) {
        if (line.starts_with("  ")) lines.push_back(line.substr(2));
    }
    return lines;
}

/// Starts the command, and once there is a checkpoint sends it a signal.
Outcome interrupt(const TemporaryFolder& folder, const std::string& arguments, const std::string& checkpoint,
                  const std::string& signal) {
    // In front: what a shell runs in the background ignores SIGINT.
    const std::string interrupter = "for i in $(seq 6000); do test -e " + checkpoint
                                    + " && break; sleep 0.01; done; sleep 0.03; kill -" + signal + " $(cat pid)";
    return run_shell(folder,
                     "(" + interrupter + ") & sh -c 'echo $$ > pid; exec \"$0\" " + arguments + "' \"$eigenbit\"");
}

/// A folder with digits, net.onnx, trained on them, and net.ebit, compressed with 8-bit activations.
class Folder {
  public:
    Folder() {
        write_digits(folder_);
        run(std::string(kTrain) + "--epochs 2 --out net.onnx");
        run("compress net.onnx --data mnist:. --images 32 --rate 3 --transform klt --activation-bits 8 "
            "--curves second-order --quiet --out net.ebit");
    }

    const TemporaryFolder& folder() const { return folder_; }
    void run(const std::string& arguments) const {
        const Outcome outcome = run_command(folder_, arguments);
        CAPTURE(arguments);
        CAPTURE(outcome.errors);
        REQUIRE(outcome.exit_code == 0);
    }
    std::string text(const std::string& name) const { return text_of(folder_ / name); }

  private:
    TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("Ctrl-C stops training after a step, keeps all of it and says how to go on") {
    const Folder folder;
    struct Case {
        std::string arguments, extension, signal;
        int exit_code;
    };
    const std::string retrain = "retrain net.ebit --data mnist:. --val mnist:. --batch 16 --step-rate 0.02 --quiet ";
    for (const Case& one : {Case{std::string(kTrain) + "--val mnist:. --epochs 60 ", ".onnx", "INT", 130},
                            Case{std::string(kTrain) + "--epochs 60 ", ".onnx", "TERM", 143},
                            Case{retrain + "--epochs 60 ", ".ebit", "INT", 130}}) {
        CAPTURE(one.arguments);
        const std::string part = "part" + one.extension;
        const std::string checkpoint = part + ".checkpoint";
        std::filesystem::remove(folder.folder() / part);
        std::filesystem::remove(folder.folder() / checkpoint);
        folder.run(one.arguments + "--out whole" + one.extension);
        const Outcome stopped = interrupt(folder.folder(), one.arguments + "--out " + part, checkpoint, one.signal);
        CAPTURE(stopped.errors);
        CHECK(stopped.exit_code == one.exit_code);
        CHECK(contains(stopped.errors, checkpoint + " has all of it"));
        CHECK_FALSE(std::filesystem::exists(folder.folder() / part));
        const std::vector<std::string> advice = command_lines(stopped.errors);
        REQUIRE(advice.size() == 2);

        CHECK(run_shell(folder.folder(), advice[1]).exit_code == 0);
        CHECK(run_command(folder.folder(), "eval " + part + " --data mnist:. --quiet").exit_code == 0);
        CHECK(run_shell(folder.folder(), advice[0]).exit_code == 0);
        CHECK(folder.text(part) == folder.text("whole" + one.extension));
        CHECK(folder.text(checkpoint) == folder.text("whole" + one.extension + ".checkpoint"));
    }
}

TEST_CASE("the best network of a checkpoint is the one that training writes") {
    const Folder folder;
    folder.run(std::string(kTrain) + "--val mnist:. --epochs 4 --out best.onnx");
    folder.run("pack best.onnx.checkpoint --out packed.onnx");
    CHECK(folder.text("packed.onnx") == folder.text("best.onnx"));
    for (const std::string option : {"", "--step-rate 0.02"}) {
        folder.run("retrain net.ebit --data mnist:. --batch 16 --epochs 3 --index-rate 0.02 --quiet "
                   "--out best.ebit "
                   + option);
        folder.run("pack best.ebit.checkpoint --out packed.ebit");
        CHECK(folder.text("packed.ebit") == folder.text("best.ebit"));
        CHECK(folder.text("packed.ebit") != folder.text("net.ebit"));
    }
    folder.run("inspect best.ebit.checkpoint");
    folder.run("eval best.onnx.checkpoint --data mnist:.");

    folder.folder().write("cut.checkpoint", folder.text("best.onnx.checkpoint").substr(0, 5000));
    const Outcome cut = run_command(folder.folder(), "pack cut.checkpoint --out x.onnx");
    CHECK(cut.exit_code == 1);
    CHECK(contains(cut.errors, "Checkpoint 'cut.checkpoint' is damaged"));
}

TEST_CASE("a run goes on with more epochs than it was begun for") {
    const Folder folder;
    const std::string constant = std::string(kTrain) + "--val mnist:. --schedule constant ";
    folder.run(constant + "--epochs 6 --out whole.onnx");
    folder.run(constant + "--epochs 2 --out part.onnx");
    folder.run(constant + "--epochs 6 --out part.onnx --resume");
    CHECK(folder.text("part.onnx") == folder.text("whole.onnx"));
    folder.run(constant + "--epochs 6 --out part.onnx --resume");  // nothing left to do
    CHECK(folder.text("part.onnx") == folder.text("whole.onnx"));

    const Outcome fewer = run_command(folder.folder(), constant + "--epochs 3 --out part.onnx --resume");
    CHECK(fewer.exit_code == 1);
    CHECK(contains(fewer.errors, "has 6 epochs behind it, more than the 3 to train for"));

    const std::string retrain = "retrain net.ebit --data mnist:. --val mnist:. --batch 16 --quiet --out better.ebit ";
    folder.run(retrain + "--epochs 1");
    folder.run(retrain + "--epochs 3 --resume --json retrain.json");
    CHECK(json_of(folder.folder() / "retrain.json")["epochs"] == 3);
}
