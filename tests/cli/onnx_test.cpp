#include "tests/cli/command.h"
#include "tests/engine/formats/onnx/model.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

namespace {

void write(const TemporaryFolder& folder, const std::string& name, const OnnxModel& model) {
    folder.write(name, model.proto.SerializeAsString());
}

/// Ten classes of grey images, from a convolution of 4 channels that `images` takes, and a layer that reads `columns`.
OnnxModel classifier(const Integers& images, std::int64_t columns) {
    OnnxModel model;
    model.input("x", images)
        .constant("w", random_tensor({4, 1, 3, 3}, 1))
        .constant("v", random_tensor({columns, 10}, 2));
    model.node("Conv", {"x", "w"}, {"c"}, {{"pads", Integers(4, 1)}}).node("Relu", {"c"}, {"r"});
    return model.node("Flatten", {"r"}, {"f"}).node("MatMul", {"f", "v"}, {"y"}).output("y");
}

}  // namespace

TEST_CASE("--until ends a network where it says, and names what there is instead of what there is not") {
    const TemporaryFolder folder;
    write(folder, "net.onnx", classifier({0, 1, 8, 8}, 256).node("LSTM", {"y"}, {"z"}).output("z"));
    const Outcome refused = run_command(folder, "inspect net.onnx");
    CHECK(refused.exit_code == 1);
    CHECK(refused.errors.find("LSTM (1: 'LSTM_z'); with --until, the network can be imported up to 'y'")
          != std::string::npos);
    CHECK(run_command(folder, "inspect net.onnx --until y --json all.json").exit_code == 0);
    CHECK(json_of(folder / "all.json")["layers"].size() == 2);
    CHECK(run_command(folder, "bench net.onnx --until Relu_r --seconds 0").exit_code == 0);
    CHECK(run_command(folder, "pack net.onnx --until y --out net.ebit").exit_code == 0);
    const Outcome unknown = run_command(folder, "inspect net.onnx --until Conv_d");
    CHECK(unknown.errors.find("'Conv_c'") != std::string::npos);
    const Outcome packed = run_command(folder, "inspect net.ebit --until y");
    CHECK(packed.errors.find("'net.ebit' is no ONNX file, which --until is for") != std::string::npos);
}

TEST_CASE("--size is the size of images where a network leaves it open, for every verb that reads one") {
    const TemporaryFolder folder;
    write_digits(folder);
    write(folder, "net.onnx", classifier({0, 1, 0, 0}, 4 * 12 * 10));
    const std::string data = " --data 'mnist:.?split=test'";
    for (const std::string& line : std::vector<std::string>{
             "inspect net.onnx", "bench net.onnx --seconds 0", "stats net.onnx --images 8" + data,
             "eval net.onnx" + data, "pack net.onnx --out net.ebit" + data,
             "compress net.onnx --rate 6 --images 8 --curves second-order --out small.ebit" + data,
             "compress net.onnx --size 1500 --images 8 --curves second-order --out small.ebit" + data}) {
        CAPTURE(line);
        const Outcome outcome = run_command(folder, line + " --quiet --size 10x12");
        CAPTURE(outcome.errors);
        CHECK(outcome.exit_code == 0);
    }
    write_line(folder);
    CHECK(run_command(folder, "run net.ebit line.png").exit_code == 0);
    CHECK(run_command(folder, "inspect net.onnx --size 10x12").output.find("(1, 10, 12, 1)") != std::string::npos);
    // What the data say holds as well.
    CHECK(run_command(folder, "eval net.onnx --data 'mnist:.?size=10x12'").exit_code == 0);
    const Outcome wrong = run_command(folder, "inspect net.onnx --size 11x12");
    CHECK(wrong.exit_code == 1);
    CHECK(wrong.errors.find("(10, 480)") != std::string::npos);
    CHECK(run_command(folder, "inspect net.onnx --size 11y12").exit_code == 2);
    CHECK(run_command(folder, "compress net.onnx --rate 2 --size 1x1 --size 2x2 --out s.ebit" + data)
              .errors.find("--size is given twice")
          != std::string::npos);
}
