#include "tests/cli/command.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>

using namespace eigenbit;

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
        const nlohmann::json results = nlohmann::json::parse(text_of(folder / "bench.json"));
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
        top1[index++] = nlohmann::json::parse(text_of(folder / "eval.json"))["top1"];
    }
    CHECK(top1[0] == top1[1]);
    CHECK(std::abs(top1[2] - top1[0]) < 10.0);
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
    const nlohmann::json results = nlohmann::json::parse(text_of(folder / "cpu.json"));
    for (const nlohmann::json& implementation : results["implementations"]) {
        CHECK(implementation["active"] == (implementation["name"] == "generic"));
    }
    CHECK(run.output.find("* generic") != std::string::npos);
    CHECK(run.output.find("avx512vnni") != std::string::npos);
}
