#include "tests/cli/command.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

using namespace eigenbit::internal;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A folder with digits, and net.ebit: a network trained on them, compressed with the default options and activations
/// of 8 bits.
const TemporaryFolder& folder_for_int8() {
    static const TemporaryFolder folder;
    static const bool written = [] {
        write_digits(folder);
        const std::string train = "train --model resnet8 --data mnist:. --val mnist:. --epochs 6 --batch 16 --lr 0.05";
        const std::string compress = "compress net.onnx --data mnist:. --rate 3 --activation-bits 8";
        return run_command(folder, train + " --out net.onnx --quiet").exit_code == 0
               && run_command(folder, compress + " --out net.ebit --quiet").exit_code == 0;
    }();
    REQUIRE(written);
    return folder;
}

}  // namespace

TEST_CASE("bench reports latencies, memory and the time of each layer in both executions") {
    const TemporaryFolder folder;
    REQUIRE(run_command(folder, "new resnet8 --size 32 --classes 10 --out net.onnx").exit_code == 0);
    double weight_bytes[2] = {};
    for (const std::string execution : {"float", "int8"}) {
        const Outcome run =
            run_command(folder, "bench net.onnx --seconds 0 --profile --batch 2 --threads 1 --execution " + execution
                                    + " --json bench.json");
        CHECK(run.errors.empty());
        REQUIRE(run.exit_code == 0);
        CHECK(run.output.find("layer1.0.conv1") != std::string::npos);
        const nlohmann::json results = json_of(folder / "bench.json");
        CHECK(results["latency_ms"]["best"] <= results["latency_ms"]["p99"]);
        CHECK(results["images_per_second"] > 0.0);
        CHECK(results["loading_ms"] > 0.0);
        CHECK(results["preparation_ms"] > 0.0);
        CHECK(results["activation_bytes"] > 0);
        CHECK(results["steps"].size() >= 9);
        CHECK(results["multiply_accumulates"] == 2 * 12239488);
        weight_bytes[execution == "int8"] = results["weight_bytes"];
    }
    CHECK(weight_bytes[1] < 0.5 * weight_bytes[0]);
}

TEST_CASE("a trained network is evaluated alike in all executions") {
    const TemporaryFolder folder;
    write_digits(folder);
    REQUIRE(
        run_command(
            folder,
            "train --model resnet8 --data mnist:. --val mnist:. --epochs 3 --batch 16 --lr 0.05 --out net.onnx --quiet")
            .exit_code
        == 0);
    double top1[3] = {};
    int index = 0;
    for (const std::string execution : {"simulated", "float", "int8"}) {
        const Outcome run =
            run_command(folder, "eval net.onnx --data mnist:. --json eval.json --quiet --execution " + execution);
        REQUIRE(run.exit_code == 0);
        top1[index++] = json_of(folder / "eval.json")["top1"];
    }
    CHECK(top1[0] > 90.0);
    CHECK(top1[0] == top1[1]);
    CHECK(std::abs(top1[2] - top1[0]) <= 100.0 / 32);  // one image
}

TEST_CASE("a network compressed with activations of 8 bits is as good in int8 as simulated") {
    const TemporaryFolder& folder = folder_for_int8();
    write_line(folder);
    std::map<std::string, double> logits[2];  // but for a constant
    double top1[2] = {};
    for (const int int8 : {0, 1}) {
        const std::string execution = int8 == 1 ? "int8" : "simulated";
        CAPTURE(execution);
        const Outcome eval =
            run_command(folder, "eval net.ebit --data mnist:. --quiet --json eval.json --execution " + execution);
        REQUIRE(eval.exit_code == 0);
        CHECK_FALSE(contains(eval.output, "without a quantizer"));
        top1[int8] = json_of(folder / "eval.json")["top1"];
        REQUIRE(run_command(folder, "run net.ebit line.png --top 10 --json run.json --execution " + execution).exit_code
                == 0);
        const nlohmann::json results = json_of(folder / "run.json");
        for (const nlohmann::json& one : results["images"][0]["classes"]) {
            logits[int8][one["name"]] = std::log(one["share"].get<double>());
        }
    }
    CHECK(top1[0] > 90.0);
    CHECK(std::abs(top1[1] - top1[0]) <= 100.0 / 32);  // one image
    REQUIRE(logits[0].size() == 10);
    for (const auto& [name, logit] : logits[0]) {
        CAPTURE(name);
        CHECK(logits[1][name] == doctest::Approx(logit).epsilon(0.02));
    }
}

TEST_CASE("a network compressed with activations of 8 bits is computed in int8, layer by layer") {
    const TemporaryFolder& folder = folder_for_int8();
    REQUIRE(run_command(folder, "inspect net.ebit --json inspect.json").exit_code == 0);
    const nlohmann::json inspected = json_of(folder / "inspect.json");
    int layers = 0;
    for (const nlohmann::json& layer : inspected["layers"]) {
        if (layer["operator"] != "Conv" && layer["operator"] != "Gemm") continue;
        CAPTURE(layer["name"].get<std::string>());
        CHECK(layer.value("input_bit_depth", 32) == 8);
        ++layers;
    }
    CHECK(layers >= 8);

    const std::string bench = "bench net.ebit --seconds 0 --profile --json bench.json --execution ";
    REQUIRE(run_command(folder, bench + "float").exit_code == 0);
    const double float_weight_bytes = json_of(folder / "bench.json")["weight_bytes"];
    const Outcome int8 = run_command(folder, bench + "int8");
    REQUIRE(int8.exit_code == 0);
    CHECK_FALSE(contains(int8.output, "without a quantizer"));
    const nlohmann::json results = json_of(folder / "bench.json");
    CHECK(results["weight_bytes"] < 0.3 * float_weight_bytes);
    CHECK(inspected["memory_weight_bytes"] == results["weight_bytes"]);
    std::int64_t step_bytes = 0;
    for (const nlohmann::json& step : results["steps"]) {
        CAPTURE(step["name"].get<std::string>());
        if (step["multiply_accumulates"] > 0) CHECK(contains(step["kind"], "int8"));
        CHECK((step["weights"] > 0) == (step["multiply_accumulates"] > 0));
        step_bytes += step["weight_bytes"].get<std::int64_t>();
    }
    CHECK(results["weight_bytes"] == step_bytes);
}

TEST_CASE("a large first layer is pooled as it is computed, so that its outputs never lie in memory whole") {
    const TemporaryFolder folder;
    REQUIRE(run_command(folder, "new resnet18 --out net.onnx").exit_code == 0);
    REQUIRE(run_command(folder, "bench net.onnx --seconds 0 --profile --json bench.json --execution int8").exit_code
            == 0);
    const nlohmann::json results = json_of(folder / "bench.json");
    CHECK(results["activation_bytes"] < 64 * 112 * 112);
    int poolings = 0;
    for (const nlohmann::json& step : results["steps"]) {
        if (!contains(step["kind"], "MaxPool")) continue;
        CHECK(step["name"] == "conv1");
        ++poolings;
    }
    CHECK(poolings == 1);
}

TEST_CASE("an unknown execution is a usage error") {
    const TemporaryFolder folder;
    CHECK(run_command(folder, "bench net.onnx --execution int4").exit_code == 2);
}

TEST_CASE("cpu lists the implementations and marks the one that EIGENBIT_CPU forces") {
    const TemporaryFolder folder;
    REQUIRE(setenv("EIGENBIT_CPU", "generic", 1) == 0);
    const Outcome run = run_command(folder, "cpu --json cpu.json");
    unsetenv("EIGENBIT_CPU");
    REQUIRE(run.exit_code == 0);
    const nlohmann::json results = json_of(folder / "cpu.json");
    for (const nlohmann::json& implementation : results["implementations"]) {
        CHECK(implementation["active"] == (implementation["name"] == "generic"));
    }
    CHECK(run.output.find("* generic") != std::string::npos);
    CHECK(run.output.find("avx512vnni") != std::string::npos);
}
