#include "tests/cli/command.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace eigenbit::internal;

namespace {

constexpr const char* kTrain = "train --model resnet8 --data mnist:. --val mnist:. --epochs 6 --batch 16 --lr 0.05";

}  // namespace

TEST_CASE("a trained network is written, evaluated and inspected with what it needs inside") {
    const TemporaryFolder folder;
    write_digits(folder);
    const Outcome trained =
        run_command(folder, std::string(kTrain) + " --out net.onnx --json train.json --seed 5 --threads 2");
    REQUIRE(trained.exit_code == 0);
    CHECK(trained.output.starts_with("top-1 "));
    const nlohmann::json train = json_of(folder / "train.json");
    for (const char* key : {"images", "top1", "top1_standard_error", "top5", "images_per_second", "parameters",
                            "best_epoch", "file_bytes", "seconds", "peak_memory_bytes", "version"}) {
        CAPTURE(key);
        CHECK(train.contains(key));
    }
    CHECK(train["images"] == 32);
    CHECK(train["seed"] == 5);
    CHECK(train["threads"] == 2);
    CHECK(train["top1"] > 80.0);
    CHECK(train["file_bytes"] == std::filesystem::file_size(folder / "net.onnx"));

    REQUIRE(run_command(folder, "eval net.onnx --data mnist:. --json eval.json").exit_code == 0);
    CHECK(json_of(folder / "eval.json")["top1"] == train["top1"]);
    REQUIRE(run_command(folder, "eval net.onnx --data mnist:. --limit 7 --json eval.json").exit_code == 0);
    CHECK(json_of(folder / "eval.json")["images"] == 7);

    const Outcome inspected = run_command(folder, "inspect net.onnx --json inspect.json");
    REQUIRE(inspected.exit_code == 0);
    CHECK(inspected.output.find("preprocessing: grey, mean 0.1307, std 0.3081") != std::string::npos);
    const nlohmann::json inspect = json_of(folder / "inspect.json");
    CHECK(inspect["parameters"] == train["parameters"]);
    CHECK(inspect["layers"].size() == 15);  // seven convolutions with their normalizations, one fully-connected layer
    const nlohmann::json& first = inspect["layers"][0]["attributes"];
    CHECK(first["stride"] == std::vector{1, 1});
    CHECK(first["padding"] == std::vector{1, 1, 1, 1});
    CHECK(first["groups"] == 1);
}

TEST_CASE(
    "layers whose weights are products count and are listed like any others, with the bits of all their factors") {
    const TemporaryFolder folder;
    write_digits(folder);
    REQUIRE(run_command(folder, "new resnet8 --size 12 --channels 1 --classes 2 --out net.onnx").exit_code == 0);
    REQUIRE(run_command(folder, "compress net.onnx --data mnist:. --images 16 --rate 4 --curves second-order "
                                "--transform intra-elt --quiet --out net.ebit")
                .exit_code
            == 0);
    REQUIRE(run_command(folder, "inspect net.onnx --json float.json").exit_code == 0);
    const Outcome inspected = run_command(folder, "inspect net.ebit --json packed.json");
    REQUIRE(inspected.exit_code == 0);
    const nlohmann::json packed = json_of(folder / "packed.json");
    const nlohmann::json original = json_of(folder / "float.json");
    CHECK(packed["multiply_accumulates"] == original["multiply_accumulates"]);
    REQUIRE(packed["layers"].size() == original["layers"].size());
    double bits = 0.0;
    double weights = 0.0;
    for (std::size_t i = 0; i < packed["layers"].size(); ++i) {
        CHECK(packed["layers"][i]["name"] == original["layers"][i]["name"]);
        CHECK(packed["layers"][i]["weight"] == original["layers"][i]["weight"]);
        if (!packed["layers"][i].contains("rate_bits_per_weight")) continue;
        const double elements = packed["layers"][i]["weights"];
        bits += elements * packed["layers"][i]["rate_bits_per_weight"].get<double>();
        weights += elements;
    }
    // But for the few bytes that all streams share, the layers' bits are the network's.
    CHECK(bits / weights == doctest::Approx(packed["rate_bits_per_weight"].get<double>()).epsilon(0.02));
}

TEST_CASE("a compressed network shows its rate, its bit-depths and what its bytes are spent on") {
    const TemporaryFolder folder;
    write_digits(folder);
    REQUIRE(run_command(folder, std::string(kTrain) + " --out net.onnx").exit_code == 0);
    REQUIRE(run_command(folder, "compress net.onnx --data mnist:. --rate 4 --out net.ebit").exit_code == 0);
    REQUIRE(run_command(folder, "inspect net.ebit --json inspect.json").exit_code == 0);
    const nlohmann::json inspect = json_of(folder / "inspect.json");
    CHECK(inspect["rate_bits_per_weight"] <= 4.0);
    CHECK(inspect["compression_ratio"] >= 8.0);
    std::int64_t bytes = 0;
    for (const nlohmann::json& category : inspect["bytes"]) bytes += category.get<std::int64_t>();
    CHECK(bytes == inspect["file_bytes"]);
    std::size_t packed = 0;
    for (const nlohmann::json& layer : inspect["layers"]) {
        if (!layer.contains("rate_bits_per_weight")) continue;
        ++packed;
        CHECK(layer["highest_bit_depth"] >= layer["lowest_bit_depth"]);
        CHECK(layer["zero_channels"] <= layer["channels"]);
    }
    CHECK(packed >= 8);  // seven convolutions and the fully-connected layer, or more where a transform splits them
}

TEST_CASE("quiet runs write nothing to standard error, others plain lines where it is no terminal") {
    const TemporaryFolder folder;
    write_digits(folder);
    const std::string arguments = std::string(kTrain) + " --out net.onnx";
    CHECK(run_command(folder, arguments + " --quiet").errors.empty());
    const Outcome talking = run_command(folder, arguments);
    CHECK(talking.errors.find("epoch 6/6  loss ") != std::string::npos);
    CHECK(talking.errors.find('\r') == std::string::npos);
}

TEST_CASE("a killed run leaves its last checkpoint, from which another goes on to the same file") {
    const TemporaryFolder folder;
    write_digits(folder);
    const std::string run = "train --model resnet8 --data mnist:. --epochs 100 --batch 16 --lr 0.05 --quiet";
    REQUIRE(run_command(folder, run + " --out whole.onnx").exit_code == 0);
    const std::string until_checkpoint =
        "for i in $(seq 6000); do test -e part.onnx.checkpoint && break; sleep 0.01; done";
    run_command(folder, run + " --out part.onnx & " + until_checkpoint + "; kill -KILL $!; wait");
    REQUIRE(std::filesystem::exists(folder / "part.onnx.checkpoint"));
    REQUIRE_FALSE(std::filesystem::exists(folder / "part.onnx"));
    const Outcome resumed = run_command(folder, run + " --out part.onnx --resume");
    CHECK(resumed.exit_code == 0);
    CHECK(text_of(folder / "part.onnx") == text_of(folder / "whole.onnx"));
    CHECK(text_of(folder / "part.onnx.checkpoint") == text_of(folder / "whole.onnx.checkpoint"));
}

namespace {

/// Writes digits, and net.onnx, a network trained on them, to the folder.
void write_trained_digits(const TemporaryFolder& folder) {
    write_digits(folder);
    REQUIRE(run_command(folder,
                        "train --model resnet8 --data mnist:. --epochs 6 --batch 16 --lr 0.05 --out net.onnx --quiet")
                .exit_code
            == 0);
}

}  // namespace

TEST_CASE("one calibration image compresses as well as without feedback and correction, and a warning says why") {
    const TemporaryFolder folder;
    write_trained_digits(folder);
    const std::string compress = "compress net.onnx --data mnist:. --val mnist:. --rate 8 --images 1 --quiet ";
    const Outcome alone = run_command(folder, compress + "--out alone.ebit --json alone.json");
    REQUIRE(alone.exit_code == 0);
    CHECK(alone.errors.find("warning: Too few different calibration images, 1, to feed") != std::string::npos);
    const Outcome plain =
        run_command(folder, compress + "--no-feedback --no-correction --out plain.ebit --json plain.json");
    REQUIRE(plain.exit_code == 0);
    CHECK(plain.errors.empty());
    CHECK(text_of(folder / "alone.ebit") == text_of(folder / "plain.ebit"));
    const nlohmann::json results = json_of(folder / "alone.json");
    CHECK(std::abs(results["drop"].get<double>()) < 5.0);
}

TEST_CASE("a network that compression destroys is written with a warning that names layers") {
    const TemporaryFolder folder;
    write_trained_digits(folder);
    const std::string compress =
        "compress net.onnx --data mnist:. --images 32 --transform none --quiet --out net.ebit ";
    const Outcome fine = run_command(folder, compress + "--rate 6");
    CHECK(fine.exit_code == 0);
    CHECK(fine.errors.empty());
    const Outcome coarse = run_command(folder, compress + "--lambda 1e9");
    CHECK(coarse.exit_code == 0);
    CAPTURE(coarse.errors);
    CHECK(coarse.errors.find("of their variance. The layers that cost most: 'linear'") != std::string::npos);
}

TEST_CASE("a compressed network is retrained at its rate, with labels, a teacher, and both") {
    const TemporaryFolder folder;
    write_digits(folder);
    REQUIRE(run_command(folder,
                        "train --model resnet8 --data mnist:. --epochs 3 --batch 16 --lr 0.05 --out net.onnx --quiet")
                .exit_code
            == 0);
    REQUIRE(run_command(folder, "compress net.onnx --data mnist:. --images 32 --rate 1 --curves second-order --quiet "
                                "--out net.ebit")
                .exit_code
            == 0);
    const auto bytes = text_of(folder / "net.ebit").size();
    for (const std::string teacher : {"", " --teacher net.onnx", " --teacher net.onnx --label-share 0.5"}) {
        CAPTURE(teacher);
        const Outcome run = run_command(folder, "retrain net.ebit --data mnist:. --val mnist:. --epochs 2 --batch 16 "
                                                "--out better.ebit --json retrain.json"
                                                    + teacher);
        CAPTURE(run.errors);
        REQUIRE(run.exit_code == 0);
        CHECK(run.output.find("better.ebit written") != std::string::npos);
        CHECK(text_of(folder / "better.ebit").size() < 1.02 * static_cast<double>(bytes));
        const nlohmann::json results = json_of(folder / "retrain.json");
        const Outcome eval = run_command(folder, "eval better.ebit --data mnist:. --json eval.json");
        REQUIRE(eval.exit_code == 0);
        CHECK(json_of(folder / "eval.json")["top1"] == results["top1"]);
    }
    const Outcome untaught =
        run_command(folder, "retrain net.ebit --data mnist:. --epochs 1 --out x.ebit --label-share 1");
    CHECK(untaught.exit_code == 2);
    CHECK(untaught.errors.find("--label-share requires --teacher") != std::string::npos);

    const std::string lower = "retrain net.ebit --data mnist:. --batch 16 --rate 0.9 --step-rate 0.02 --out small.ebit";
    const Outcome lowered = run_command(folder, lower + " --epochs 100 --json lower.json");
    CAPTURE(lowered.errors);
    CHECK(lowered.exit_code == 0);
    CHECK(json_of(folder / "lower.json")["rate_bits_per_weight"] < 0.91);
    CHECK(text_of(folder / "small.ebit").size() < bytes);
    const Outcome short_of = run_command(folder, lower + " --epochs 1 --index-rate 1e-6");
    CHECK(short_of.exit_code == 1);
    CHECK(short_of.errors.find("bits a weight instead of 0.9: train for more epochs") != std::string::npos);

    REQUIRE(run_command(folder, "pack net.ebit --storage fixed --out fixed.ebit").exit_code == 0);
    const auto refusal = [&](const std::string& arguments) {
        const Outcome run = run_command(folder, "retrain " + arguments + " --data mnist:. --epochs 1 --out x.ebit");
        CHECK(run.exit_code == 1);
        CHECK_FALSE(std::filesystem::exists(folder / "x.ebit"));
        return run.errors;
    };
    CHECK(refusal("missing.ebit").find("missing.ebit") != std::string::npos);
    CHECK(refusal("net.onnx").find("'net.onnx' is not compressed") != std::string::npos);
    CHECK(refusal("net.ebit --rate 3").find("can lower the rate, not raise it") != std::string::npos);
    CHECK(refusal("fixed.ebit --rate 0.5").find("levels of fixed depths") != std::string::npos);
}
