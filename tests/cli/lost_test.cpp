#include "engine/formats/image.h"
#include "tests/cli/command.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <unistd.h>

using namespace eigenbit::internal;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

bool is_one_sentence(const std::string& errors) {
    return errors.starts_with("eigenbit: ") && std::ranges::count(errors, '\n') == 1 && errors.ends_with("\n");
}

/// With digits, net.onnx, net.ebit and line.png.
class Folder {
  public:
    Folder() {
        write_digits(folder_);
        write_line(folder_);
        run("new resnet8 --size 12 --channels 1 --classes 10 --out net.onnx");
        run("compress net.onnx --data mnist:. --images 16 --rate 3 --curves second-order --quiet --out net.ebit");
        network_ = text_of(folder_ / "net.onnx");
        packed_ = text_of(folder_ / "net.ebit");
    }

    const TemporaryFolder& folder() const { return folder_; }
    std::string text(const std::string& name) const { return text_of(folder_ / name); }

    /// Checks that the command is refused by one sentence that holds this, before anything is read or written.
    void refuses(const std::string& arguments, const std::string& sentence) const {
        CAPTURE(arguments);
        const std::ptrdiff_t files = count();
        const Outcome outcome = run_command(folder_, arguments);
        CAPTURE(outcome.errors);
        CHECK(outcome.exit_code == 1);
        CHECK(is_one_sentence(outcome.errors));
        CHECK(contains(outcome.errors, sentence));
        CHECK(outcome.output.empty());
        CHECK(count() == files);
        CHECK(text("net.onnx") == network_);
        CHECK(text("net.ebit") == packed_);
    }

    /// The entries of the folder, files of run_command among them.
    std::ptrdiff_t count() const {
        return std::distance(std::filesystem::directory_iterator(folder_.path()),
                             std::filesystem::directory_iterator());
    }

  private:
    void run(const std::string& arguments) const { REQUIRE(run_command(folder_, arguments).exit_code == 0); }

    TemporaryFolder folder_;
    std::string network_;
    std::string packed_;
};

constexpr const char* kTrain = "train --model resnet8 --data mnist:. --epochs 1 --batch 16 ";
constexpr const char* kRetrain = "retrain net.ebit --data mnist:. --epochs 1 --batch 16 ";
constexpr const char* kCompress = "compress net.onnx --data mnist:. --images 16 --curves second-order --quiet ";

}  // namespace

TEST_CASE("an output never replaces an input, by whatever name") {
    const Folder folder;
    std::filesystem::create_symlink("net.onnx", folder.folder() / "link.onnx");
    std::filesystem::create_symlink("net.onnx", folder.folder() / "link.ebit");
    std::filesystem::create_hard_link(folder.folder() / "net.ebit", folder.folder() / "hard.ebit");
    std::filesystem::create_directory(folder.folder() / "inner");
    folder.folder().write("names.ebit", "one\ntwo\n");
    const std::string sentence = "which is read too: an output never replaces an input";
    for (const std::string name : {"net.onnx", "./net.onnx", "inner/../net.onnx", "link.onnx", "link.ebit"}) {
        folder.refuses("pack net.onnx --out " + name, sentence);
        folder.refuses("pack link.onnx --out " + name, sentence);
        folder.refuses(std::string(kCompress) + "--rate 2 --out " + name, sentence);
    }
    folder.refuses("pack net.ebit --out hard.ebit", sentence);
    folder.refuses("pack net.onnx --classes names.ebit --out names.ebit", sentence);
    folder.refuses(std::string(kRetrain) + "--out net.ebit", sentence);
    folder.refuses(std::string(kRetrain) + "--out hard.ebit", sentence);
    folder.refuses(std::string(kRetrain) + "--out x.ebit --checkpoint net.ebit", sentence);
    folder.refuses(std::string(kRetrain) + "--out x.ebit --teacher net.onnx --json net.onnx", sentence);
    for (const std::string verb : {"inspect net.onnx", "eval net.onnx --data mnist:.", "bench net.onnx --seconds 0",
                                   "stats net.onnx --data mnist:.", "run net.onnx line.png"}) {
        folder.refuses(verb + " --json net.onnx", sentence);
    }
    folder.refuses("run net.ebit line.png --json line.png", sentence);
    std::filesystem::copy(folder.folder() / "net.ebit", folder.folder() / "net.none.2bit.ebit");
    folder.refuses("compress net.none.2bit.ebit --data mnist:. --rate 2,4 --transform none --out net.ebit", sentence);
}

TEST_CASE("a name that contradicts what goes to it is refused") {
    const Folder folder;
    folder.refuses("new resnet8 --out x.ebit", "files of ONNX end in .onnx");
    folder.refuses(std::string(kTrain) + "--out x.ebit", "files of ONNX end in .onnx");
    folder.refuses(std::string(kTrain) + "--out x", "files of ONNX end in .onnx");
    folder.refuses(std::string(kTrain) + "--out x.onnx --checkpoint y.onnx", "no extension of checkpoints");
    folder.refuses("pack net.onnx --out x.bin", "files of packed networks end in .ebit");
    folder.refuses(std::string(kRetrain) + "--out x.onnx", "end in .ebit");
    folder.refuses(std::string(kCompress) + "--rate 2 --out x.onnx", "end in .ebit");
    folder.refuses(std::string(kCompress) + "--rate 2 --out x.ebit --report x.svg", "end in .html");
    folder.refuses(std::string(kCompress) + "--rate 2 --val mnist:. --out x.ebit --plot x.html", "end in .svg");
    folder.refuses("inspect net.ebit --json x.ebit", "no extension of JSON");
    folder.refuses("inspect net.ebit --json t10k-images-idx3-ubyte", "holds something else than JSON");
    folder.refuses(std::string(kTrain) + "--out x.onnx --checkpoint train-labels-idx1-ubyte", "else than checkpoints");
}

TEST_CASE("two outputs are never one file") {
    const Folder folder;
    folder.refuses(std::string(kTrain) + "--out x.onnx --json x.onnx.checkpoint", "where --checkpoint goes already");
    folder.refuses(std::string(kCompress) + "--rate 2,2.00001 --out x.ebit", "where another goes already");
}

TEST_CASE("paths that cannot be written are refused before the work") {
    const Folder folder;
    std::filesystem::create_directory(folder.folder() / "taken.onnx");
    std::filesystem::create_directory(folder.folder() / "taken.ebit");
    std::filesystem::create_symlink("nowhere/x.ebit", folder.folder() / "dangling.ebit");
    folder.refuses(std::string(kTrain) + "--out taken.onnx", "that is a folder");
    folder.refuses(std::string(kTrain) + "--out x.onnx --checkpoint taken.onnx", "that is a folder");
    folder.refuses("new resnet8 --out nowhere/x.onnx", "there is no folder 'nowhere'");
    for (const std::string& verb :
         {std::string("pack net.onnx "), std::string(kRetrain), std::string(kCompress) + "--rate 2 "}) {
        folder.refuses(verb + "--out taken.ebit", "that is a folder");
        folder.refuses(verb + "--out nowhere/x.ebit", "there is no folder 'nowhere'");
        folder.refuses(verb + "--out net.onnx/x.ebit", "there is no folder 'net.onnx'");
        folder.refuses(verb + "--out ''", "--out names no file");
        folder.refuses(verb + "--out dangling.ebit", "cannot write");
        folder.refuses(verb + "--out /proc/x.ebit", "cannot write");
        folder.refuses(verb + "--out " + std::string(300, 'x') + ".ebit", "File name too long");
        folder.refuses(verb + "--out x.ebit --json nowhere/x.json", "there is no folder 'nowhere'");
    }
    folder.refuses(std::string(kCompress) + "--rate 2 --out x.ebit --report nowhere/x.html", "'nowhere'");
    folder.refuses("inspect net.onnx --json inner/", "there is no folder 'inner'");
    if (::geteuid() == 0) return;  // who may write everywhere
    std::filesystem::create_directory(folder.folder() / "locked");
    std::filesystem::permissions(folder.folder() / "locked", std::filesystem::perms::owner_read);
    folder.refuses("pack net.onnx --out locked/x.ebit", "Permission denied");
}

TEST_CASE("an output goes where its name links to, and devices are written as they are") {
    const Folder folder;
    std::filesystem::create_directory(folder.folder() / "inner");
    std::filesystem::create_symlink("inner/x.ebit", folder.folder() / "link.ebit");
    REQUIRE(run_command(folder.folder(), "pack net.ebit --out link.ebit").exit_code == 0);
    CHECK(std::filesystem::is_symlink(folder.folder() / "link.ebit"));
    CHECK(folder.text("inner/x.ebit") == folder.text("net.ebit"));
    CHECK(run_command(folder.folder(), "inspect net.ebit --json /dev/null").exit_code == 0);
    CHECK(std::filesystem::is_character_file("/dev/null"));
    folder.refuses("pack net.ebit --out /dev/null", "end in .ebit");
    CHECK(run_command(folder.folder(), "inspect net.ebit --json /dev/stdout | tail -n 1").output.ends_with("}\n"));
}

TEST_CASE("a disk that fills up is one sentence and leaves what was there") {
    const Folder folder;
    const TemporaryFolder& files = folder.folder();
    // Of files that may not grow beyond 16 blocks, 8 or 16 KiB.
    const auto on_small_disk = [&](const std::string& arguments) {
        const std::ptrdiff_t before = folder.count();
        const Outcome outcome = run_shell(files, "ulimit -f 16; \"$eigenbit\" " + arguments);
        CAPTURE(outcome.errors);
        CHECK(outcome.exit_code == 1);
        CHECK(is_one_sentence(outcome.errors));
        CHECK(contains(outcome.errors, "cannot write"));
        CHECK(contains(outcome.errors, "File too large"));
        CHECK(folder.count() == before);
    };
    std::filesystem::copy(files / "net.ebit", files / "old.ebit");
    on_small_disk("new resnet8 --out x.onnx");
    on_small_disk("pack net.onnx --out old.ebit");
    on_small_disk("retrain net.ebit --data mnist:. --epochs 1 --batch 16 --quiet --out old.ebit");
    on_small_disk("train --model resnet8 --data mnist:. --epochs 1 --batch 16 --quiet --out x.onnx");
    CHECK(folder.text("old.ebit") == folder.text("net.ebit"));
    CHECK_FALSE(std::filesystem::exists(files / "x.onnx"));
    const Outcome full = run_command(files, "inspect net.onnx --json /dev/full");
    CHECK(full.exit_code == 1);
    CHECK(full.errors == "eigenbit: cannot write \"/dev/full\": No space left on device\n");
}

TEST_CASE("standard output that cannot be written is an error") {
    const Folder folder;
    const auto fails = [&](const std::string& arguments, const std::string& reason) {
        const Outcome outcome = run_shell(folder.folder(), arguments);
        CAPTURE(outcome.errors);
        CHECK(is_one_sentence(outcome.errors));
        return outcome.exit_code == 1 && contains(outcome.errors, "cannot write to standard output: " + reason);
    };
    for (const std::string verb : {"--help", "--version", "run --help", "inspect net.onnx", "inspect net.ebit",
                                   "stats net.onnx --data mnist:. --quiet", "cpu"}) {
        const std::string command = "\"$eigenbit\" " + verb;
        CAPTURE(command);
        CHECK(fails(command + " > /dev/full", "No space left on device"));
        CHECK(fails(command + " >&-", "Bad file descriptor"));
        // Who reads the pipe is gone before anything is written.
        CHECK(fails("(sleep 0.2; " + command + "; echo $? > code) | true; exit $(cat code)", "Broken pipe"));
    }
    const std::string train =
        "\"$eigenbit\" train --model resnet8 --data mnist:. --val mnist:. --epochs 1 --batch 16 --quiet ";
    CHECK(fails(train + "--out kept.onnx > /dev/full", "No space left on device"));
    CHECK(run_command(folder.folder(), "inspect kept.onnx").exit_code == 0);
    CHECK(fails("\"$eigenbit\" pack net.ebit --out kept.ebit >&-", "Bad file descriptor"));
    CHECK(folder.text("kept.ebit") == folder.text("net.ebit"));
}
