#include "engine/formats/arrays/npy.h"
#include "engine/formats/file.h"
#include "tests/cli/command.h"
#include "tests/engine/formats/onnx/model.h"

#include <doctest/doctest.h>

#include <cmath>

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

/// Ten classes of digits, with PRelu where networks for faces have it: behind a normalization, a depthwise convolution,
/// an addition and a fully-connected layer.
OnnxModel sloped_classifier() {
    const Integers pads(4, 1);
    std::uint64_t seed = 1;
    OnnxModel model;
    const auto constant = [&](const std::string& name, const Shape& shape, float low, float high) {
        model.constant(name, random_tensor(shape, ++seed, low, high));
    };
    const auto prelu = [&](const std::string& x, const std::string& y, const Shape& slopes) {
        constant(y + ".slope", slopes, 0.0F, 0.5F);
        model.node("PRelu", {x, y + ".slope"}, {y});
    };
    constant("w", {12, 1, 3, 3}, -0.5F, 0.5F);
    constant("mean", {12}, -0.5F, 0.5F);
    constant("variance", {12}, 0.5F, 1.5F);
    constant("v", {12, 1, 3, 3}, -0.5F, 0.5F);
    constant("p", {12, 12, 1, 1}, -0.4F, 0.4F);
    constant("g", {12, 1, 6, 6}, -0.3F, 0.3F);
    constant("f", {12, 16}, -0.4F, 0.4F);
    constant("h", {16, 10}, -0.4F, 0.4F);
    model.input("x", {0, 1, 12, 12}).output("y");
    model.node("Conv", {"x", "w"}, {"c"}, {{"pads", pads}, {"strides", Integers{2, 2}}});
    model.node("BatchNormalization", {"c", "variance", "mean", "mean", "variance"}, {"n"});
    prelu("n", "first", {12, 1, 1});
    model.node("Conv", {"first", "v"}, {"d"}, {{"pads", pads}, {"group", std::int64_t{12}}});
    prelu("d", "depthwise", {12, 1, 1});
    model.node("Conv", {"depthwise", "p"}, {"q"}).node("Add", {"q", "first"}, {"s"});
    prelu("s", "sum", {1});
    model.node("Conv", {"sum", "g"}, {"e"}, {{"group", std::int64_t{12}}}).node("Flatten", {"e"}, {"flat"});
    model.node("MatMul", {"flat", "f"}, {"m"});
    prelu("m", "connected", {16});
    return model.node("MatMul", {"connected", "h"}, {"y"});
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

TEST_CASE("an output keeps its name in every file, also where what computes it last becomes part of a layer") {
    const TemporaryFolder folder;
    OnnxModel model;
    model.input("x", {0, 3, 8, 8}).constant("w", random_tensor({4, 3, 3, 3}, 1)).constant("v", random_tensor({4}, 2));
    model.constant("variance", random_tensor({4}, 3, 0.5F, 1.5F));
    model.node("Conv", {"x", "w"}, {"c"}).node("BatchNormalization", {"c", "v", "v", "v", "variance"}, {"normal"});
    model.node("Relu", {"normal"}, {"r"}).node("Dropout", {"r"}, {"kept"}).output("kept");
    model.node("Conv", {"x", "w"}, {"d"}).node("BatchNormalization", {"d", "v", "v", "v", "variance"}, {"scaled"});
    write(folder, "net.onnx", model.output("scaled"));
    CHECK(run_command(folder, "pack net.onnx --out net.ebit").exit_code == 0);
    CHECK(run_command(folder, "pack net.ebit --out again.onnx").exit_code == 0);
    onnx::ModelProto again;
    REQUIRE(again.ParseFromString(text_of(folder / "again.onnx")));
    REQUIRE(again.graph().output_size() == 2);
    CHECK(again.graph().output(0).name() == "kept");
    CHECK(again.graph().output(1).name() == "scaled");
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

TEST_CASE("a network with PRelu behind its layers is compressed and retrained, and has no step in floats") {
    const TemporaryFolder folder;
    write_digits(folder);
    write(folder, "net.onnx", sloped_classifier());
    const auto run = [&](const std::string& line) {
        const Outcome outcome = run_command(folder, line + " --quiet");
        CAPTURE(line);
        CAPTURE(outcome.errors);
        REQUIRE(outcome.exit_code == 0);
    };
    run("compress net.onnx --data mnist:. --rate 4 --activation-bits 8 --out net.ebit");
    run("retrain net.ebit --data mnist:. --val mnist:. --batch 8 --epochs 60 --lr 0.003 --no-augment --out "
        "better.ebit");
    for (const std::string net : {"net.ebit", "better.ebit"}) {
        CAPTURE(net);
        double top1[2] = {};
        for (const bool int8 : {false, true}) {
            run("eval " + net + " --data mnist:. --json e.json --execution " + (int8 ? "int8" : "simulated"));
            top1[int8] = json_of(folder / "e.json")["top1"];
        }
        if (net == "better.ebit") CHECK(top1[0] > 90.0);
        CHECK(std::abs(top1[1] - top1[0]) <= 100.0 / 32);  // one image
        run("bench " + net + " --seconds 0 --profile --execution int8 --json b.json");
        const nlohmann::json results = json_of(folder / "b.json");
        std::vector<std::string> others;
        for (const nlohmann::json& step : results["steps"]) {
            if (step["weights"] == 0) others.push_back(step["kind"]);
        }
        CHECK(others == std::vector<std::string>{"quantize", "Reshape int8"});
        run("inspect " + net + " --json i.json");
        CHECK(json_of(folder / "i.json")["memory_weight_bytes"] == results["weight_bytes"]);
    }
}

TEST_CASE("networks of inputs that are no images are inspected, compressed and run on arrays") {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / "examples");
    const auto write_array = [&](const std::string& name, const Tensor& array) {
        write_file(folder / name, encode_npy(array));
    };
    const auto array_in = [&](const std::string& name) { return decode_npy(read_file(folder / name), name); };

    OnnxModel flat;  // of 12 numbers
    flat.input("x", {0, 12})
        .constant("w", random_tensor({12, 6}, 1))
        .constant("v", random_tensor({6, 3}, 2))
        .output("y");
    flat.node("MatMul", {"x", "w"}, {"h"}).node("Relu", {"h"}, {"r"}).node("MatMul", {"r", "v"}, {"y"});
    OnnxModel four;  // images of four channels
    four.input("x", {0, 4, 6, 5}).constant("w", random_tensor({3, 4, 3, 3}, 1)).output("y");
    four.node("Conv", {"x", "w"}, {"c"}, {{"pads", Integers(4, 1)}}).node("Relu", {"c"}, {"y"});
    for (const auto& [name, model, shape] : {std::tuple{std::string("flat"), &flat, Shape{16, 12}},
                                             std::tuple{std::string("four"), &four, Shape{16, 4, 6, 5}}}) {
        CAPTURE(name);
        const std::string net = name + ".onnx";
        write(folder, net, *model);
        for (const int file : {0, 1}) {
            write_array(formatted("examples/{}.npy", file), random_tensor(shape, 3 + static_cast<std::uint64_t>(file)));
        }
        CHECK(run_command(folder, "inspect " + net).exit_code == 0);
        CHECK(run_command(folder, "stats " + net + " --data npy:examples --images 20").exit_code == 0);
        const Outcome compressed =
            run_command(folder, "compress " + net
                                    + " --data npy:examples --images 24 --rate 12 --activation-bits 8 --out net.ebit "
                                      "--quiet --json r.json");
        CAPTURE(compressed.errors);
        CHECK(compressed.exit_code == 0);
        CHECK(json_of(folder / "r.json")["images"] == 24);
        CHECK(run_command(folder, "run net.ebit examples/1.npy --execution int8").exit_code == 0);
        CHECK(run_command(folder, "pack " + net + " --data npy:examples/0.npy --out packed.ebit").exit_code == 0);
        const Outcome ran = run_command(folder, "run " + net + " examples/1.npy --out . --json run.json");
        CAPTURE(ran.errors);
        REQUIRE(ran.exit_code == 0);
        const Graph graph = model->read().graph;
        CHECK(relative_error(array_in("1.y.npy"), run_onnx(graph, random_tensor(shape, 4))) < 1e-5F);
        CHECK(json_of(folder / "run.json")["runs"][0]["outputs"].size() == 1);
        const Outcome simulated = run_command(folder, "run packed.ebit examples/0.npy --execution simulated --out .");
        CHECK(simulated.exit_code == 0);
    }
    write_array("other.npy", random_tensor({2, 5}, 1));
    const Outcome misfit = run_command(folder, "run four.onnx other.npy");
    CHECK(misfit.exit_code == 1);
    CHECK(misfit.errors.find("other.npy has shape (2, 5), input 'x' takes (any, 4, 6, 5)") != std::string::npos);
    CHECK(run_command(folder, "compress flat.onnx --data npy:none --rate 2 --out n.ebit").exit_code == 1);
}

TEST_CASE("networks of several inputs are inspected, and run on an array for each") {
    const TemporaryFolder folder;
    OnnxModel model;
    model.input("left", {0, 4, 6, 5})
        .input("right", {0, 3})
        .constant("w", random_tensor({4, 3}, 1))
        .output("y")
        .output("z");
    model.node("GlobalAveragePool", {"left"}, {"p"}).node("Flatten", {"p"}, {"f"}).node("MatMul", {"f", "w"}, {"m"});
    write(folder, "net.onnx", model.node("Add", {"m", "right"}, {"y"}).node("Neg", {"right"}, {"z"}));
    CHECK(run_command(folder, "inspect net.onnx").output.find("for inputs left (1, 6, 5, 4), right (1, 3)")
          != std::string::npos);
    const Tensor left = random_tensor({2, 4, 6, 5}, 2);
    const Tensor right = random_tensor({2, 3}, 3);
    write_file(folder / "l.npy", encode_npy(left));
    write_file(folder / "r.npy", encode_npy(right));
    const Outcome ran = run_command(folder, "run net.onnx right=r.npy left=l.npy --out .");
    CAPTURE(ran.errors);
    REQUIRE(ran.exit_code == 0);
    const Tensor z = decode_npy(read_file(folder / "r.z.npy"), "z");
    for (std::int64_t i = 0; i < 6; ++i) CHECK(z[i] == -right[i]);
    const Tensor y = decode_npy(read_file(folder / "r.y.npy"), "y");
    CHECK(y.shape() == Shape{2, 3});
    const auto refuses = [&](const std::string& arguments, const std::string& sentence) {
        const Outcome refused = run_command(folder, "run net.onnx " + arguments);
        CHECK(refused.exit_code == 1);
        CHECK(refused.errors.find(sentence) != std::string::npos);
    };
    std::filesystem::rename(folder / "r.z.npy", folder / "z.npy");
    std::filesystem::copy(folder / "l.npy", folder / "r.z.npy");
    refuses("right=r.npy left=r.z.npy --out .", "'./r.z.npy', which is read too: an output never replaces an input");
    CHECK(same_bits(decode_npy(read_file(folder / "r.z.npy"), "l"), left));
    folder.write("r.z.npy", "no array");
    refuses("right=r.npy left=l.npy --out .", "holds something else than an array");
    refuses("right=r.npy left=l.npy --out nowhere", "--out is 'nowhere', but there is no such folder");
    const Outcome missing = run_command(folder, "run net.onnx left=l.npy");
    CHECK(missing.errors.find("Input 'right' is not given: say right=FILE.npy") != std::string::npos);
}

TEST_CASE("networks of several inputs are compressed for a folder with an array for each") {
    const TemporaryFolder folder;
    OnnxModel model;
    model.input("left", {0, 4, 6, 5}).input("right", {0, 3}).output("scores");
    model.constant("w", random_tensor({3, 4, 3, 3}, 1)).constant("v", random_tensor({3, 3}, 2));
    model.node("Conv", {"left", "w"}, {"c"}).node("Relu", {"c"}, {"r"}).node("GlobalAveragePool", {"r"}, {"p"});
    model.node("Flatten", {"p"}, {"f"}).node("MatMul", {"right", "v"}, {"m"}).node("Add", {"f", "m"}, {"scores"});
    write(folder, "net.onnx", model);
    std::filesystem::create_directory(folder / "examples");
    write_file(folder / "examples/left.npy", encode_npy(random_tensor({24, 4, 6, 5}, 3)));
    write_file(folder / "examples/right.npy", encode_npy(random_tensor({24, 3}, 4)));

    CHECK(run_command(folder, "stats net.onnx --data npy:examples").exit_code == 0);
    CHECK(run_command(folder, "pack net.onnx --data npy:examples --out packed.ebit").exit_code == 0);
    const Outcome compressed = run_command(
        folder, "compress net.onnx --data npy:examples --rate 12 --activation-bits 8 --out net.ebit --json r.json");
    CAPTURE(compressed.errors);
    REQUIRE(compressed.exit_code == 0);
    CHECK(json_of(folder / "r.json")["images"] == 24);
    CHECK(run_command(folder, "inspect net.ebit").output.find("for inputs left (1, 6, 5, 4), right (1, 3)")
          != std::string::npos);
    const std::string arrays = " left=examples/left.npy right=examples/right.npy --out . --execution ";
    const auto scores = [&](const std::string& net, const std::string& execution) {
        const Outcome ran = run_command(folder, "run " + net + arrays + execution);
        CAPTURE(ran.errors);
        REQUIRE(ran.exit_code == 0);
        return decode_npy(read_file(folder / "left.scores.npy"), "scores");
    };
    const Tensor expected = scores("net.onnx", "float");
    CHECK(relative_error(scores("net.ebit", "float"), expected) < 0.01F);
    CHECK(relative_error(scores("net.ebit", "int8"), expected) < 0.03F);
    CHECK(relative_error(scores("packed.ebit", "int8"), expected) < 0.03F);

    CHECK(run_command(folder, "compress net.onnx --data npy:examples/left.npy --rate 3 --out n.ebit")
              .errors.find("has no file left.npy for one of them")
          != std::string::npos);
    write_file(folder / "examples/right.npy", encode_npy(random_tensor({9, 3}, 4)));
    CHECK(run_command(folder, "compress net.onnx --data npy:examples --rate 3 --out n.ebit")
              .errors.find("holds 9 examples for input 'right' and 24 for input 'left'")
          != std::string::npos);
}

TEST_CASE("networks for a fixed number of images at a time say so") {
    const TemporaryFolder folder;
    OnnxModel model;
    model.input("x", {1, 3, 4, 5}).integers("s", {1, 3, 4, 5}).output("y");
    model.node("Transpose", {"x"}, {"t"}, {{"perm", Integers{1, 0, 2, 3}}}).node("Reshape", {"t", "s"}, {"r"});
    model.constant("w", random_tensor({2, 3, 1, 1}, 1)).node("Conv", {"r", "w"}, {"y"});
    write(folder, "net.onnx", model);
    CHECK(run_command(folder, "inspect net.onnx").output.find("takes batches of 1 only") != std::string::npos);
    CHECK(run_command(folder, "bench net.onnx --batch 8 --seconds 0").exit_code == 0);
    write_file(folder / "x.npy", encode_npy(random_tensor({16, 3, 4, 5}, 1)));
    CHECK(run_command(folder, "compress net.onnx --data npy:x.npy --rate 3 --out net.ebit")
              .errors.find("batches of 1 only")
          != std::string::npos);
}
