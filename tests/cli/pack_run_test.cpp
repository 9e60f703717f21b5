#include "engine/formats/ebit/ebit.h"
#include "engine/formats/image.h"
#include "tests/cli/command.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

namespace {

bool fails_with(const TemporaryFolder& folder, const std::string& arguments, const std::string& sentence) {
    const Outcome outcome = run_command(folder, arguments);
    CAPTURE(outcome.errors);
    CHECK(outcome.errors.find(sentence) != std::string::npos);
    return outcome.exit_code == 1;
}

/// A network that outputs the grey image it is given, halved.
Model dimmer() {
    Model model;
    const ValueId image = model.graph.add_input("image", Shape{0, 0, 0, 1});
    const ValueId half = model.graph.add_parameter("half", Tensor(Shape{1, 1, 1, 1}, std::vector{0.5F}));
    model.graph.add_output(model.graph.add_node("dim", Conv{}, {image, half}));
    model.preprocessing = Preprocessing{.channels = 1};
    return model;
}

}  // namespace

TEST_CASE("a packed network knows what it needs to name what images show") {
    const TemporaryFolder folder;
    write_digits(folder);
    REQUIRE(run_command(folder,
                        "train --model resnet8 --data mnist:. --epochs 3 --batch 16 --lr 0.05 --out net.onnx --quiet")
                .exit_code
            == 0);
    folder.write("names.txt", "level\r\nupright\n2\n3\n4\n5\n6\n7\n8\n9\n");
    const Outcome pack =
        run_command(folder, "pack net.onnx --data mnist:. --classes names.txt --storage fixed --out net.ebit");
    CHECK(pack.errors.empty());
    REQUIRE(pack.exit_code == 0);
    CHECK(pack.output.find("got one from 64 images") != std::string::npos);

    write_line(folder);
    for (const std::string execution : {"simulated", "float", "int8"}) {
        CAPTURE(execution);
        const Outcome run =
            run_command(folder, "run net.ebit line.png --top 10 --json run.json --execution " + execution);
        CHECK(run.errors.empty());
        REQUIRE(run.exit_code == 0);
        const nlohmann::json results = json_of(folder / "run.json");
        CHECK(results.contains("weight_bytes") == (execution != "simulated"));
        CHECK(results.contains("activation_bytes") == (execution != "simulated"));
        const nlohmann::json classes = results["images"][0]["classes"];
        REQUIRE(classes.size() == 10);
        CHECK(classes[0]["name"] == "level");
        CHECK(run.output.find("level") < run.output.find("upright"));
        double sum = 0.0;
        for (const nlohmann::json& one : classes) sum += one["share"].get<double>();
        CHECK(sum == doctest::Approx(1.0));
    }
}

TEST_CASE("packing again changes how levels lie and nothing else") {
    const TemporaryFolder folder;
    write_digits(folder);
    REQUIRE(run_command(folder, "new resnet8 --size 12 --channels 1 --classes 2 --out net.onnx").exit_code == 0);
    REQUIRE(run_command(folder, "compress net.onnx --data mnist:. --images 16 --rate 3 --curves second-order --quiet "
                                "--out net.ebit")
                .exit_code
            == 0);
    REQUIRE(run_command(folder, "pack net.ebit --storage fixed --out fixed.ebit").exit_code == 0);
    REQUIRE(run_command(folder, "pack fixed.ebit --storage entropy --out again.ebit").exit_code == 0);
    CHECK(text_of(folder / "again.ebit") == text_of(folder / "net.ebit"));
    CHECK(text_of(folder / "fixed.ebit").size() > text_of(folder / "net.ebit").size());
}

TEST_CASE("a network that restores images writes them") {
    const TemporaryFolder folder;
    write_ebit(dimmer(), folder / "dim.ebit", LevelStorage::fixed);
    write_png(folder / "grey.png", {2, 3, 1, {0, 50, 100, 150, 200, 250}});
    const Outcome run = run_command(folder, "run dim.ebit grey.png");
    CHECK(run.errors.empty());
    REQUIRE(run.exit_code == 0);
    CHECK(read_image(folder / "grey.restored.png") == Image{2, 3, 1, {0, 25, 50, 75, 100, 125}});
}

TEST_CASE("a network that outputs noise subtracts it once, however often that is asked for") {
    const TemporaryFolder folder;
    write_ebit(dimmer(), folder / "noise.ebit", LevelStorage::fixed);
    write_png(folder / "grey.png", {2, 3, 1, {0, 50, 100, 150, 200, 250}});
    REQUIRE(run_command(folder, "pack noise.ebit --residual --out clean.ebit").exit_code == 0);
    REQUIRE(run_command(folder, "run clean.ebit grey.png").exit_code == 0);
    CHECK(read_image(folder / "grey.restored.png") == Image{2, 3, 1, {0, 25, 50, 75, 100, 125}});
    for (const char* arguments :
         {"run clean.ebit grey.png --residual", "pack clean.ebit --residual --out again.onnx"}) {
        const Outcome refused = run_command(folder, arguments);
        CHECK(refused.exit_code == 1);
        CHECK(refused.errors == "eigenbit: 'clean.ebit' subtracts from its input already: leave --residual out.\n");
    }
}

TEST_CASE("run and pack refuse what they cannot do in one sentence") {
    const TemporaryFolder folder;
    write_ebit(dimmer(), folder / "dim.ebit", LevelStorage::fixed);
    write_png(folder / "grey.png", {2, 2, 1, {0, 50, 100, 150}});
    std::filesystem::create_directory(folder / "other");
    write_png(folder / "other/grey.png", {2, 2, 1, {0, 50, 100, 150}});
    folder.write("names.txt", "one\n");
    REQUIRE(run_command(folder, "new resnet8 --size 12 --channels 1 --classes 2 --out net.onnx").exit_code == 0);
    CHECK(fails_with(folder, "run net.onnx grey.png", "does not say how to prepare images"));
    CHECK(fails_with(folder, "run dim.ebit missing.png", "missing.png"));
    CHECK(fails_with(folder, "run dim.ebit names.txt", "names.txt"));
    CHECK(fails_with(folder, "run dim.ebit grey.png --execution int8", "how to round"));
    CHECK(fails_with(folder, "run dim.ebit grey.png other/grey.png", "grey.restored.png"));
    CHECK_FALSE(std::filesystem::exists(folder / "grey.restored.png"));
    CHECK(fails_with(folder, "pack net.onnx --classes names.txt --out x.ebit", "names 1 classes, the network tells 2"));
    CHECK(fails_with(folder, "pack net.onnx --classes none.txt --out x.ebit", "none.txt"));
    CHECK(fails_with(folder, "pack names.txt --out x.ebit", "names.txt"));
    CHECK_FALSE(std::filesystem::exists(folder / "x.ebit"));
}

TEST_CASE("weights go out of a network and into another by name, and what does not match is said") {
    const TemporaryFolder folder;
    REQUIRE(run_command(folder, "new resnet8 --size 12 --channels 1 --classes 3 --out net.onnx").exit_code == 0);
    for (const std::string file : {"weights.npz", "weights.safetensors"}) {
        CAPTURE(file);
        REQUIRE(run_command(folder, "pack net.onnx --out " + file).exit_code == 0);
        const Outcome whole = run_command(
            folder, "new resnet8 --size 12 --channels 1 --classes 3 --seed 5 --json new.json --out other.onnx "
                    "--weights "
                        + file);
        CHECK(whole.errors.empty());
        REQUIRE(whole.exit_code == 0);
        CHECK(json_of(folder / "new.json")["weights"]["kept"].empty());
        CHECK(text_of(folder / "other.onnx") == text_of(folder / "net.onnx"));

        // Another head: all else is taken.
        const Outcome part = run_command(
            folder, "new resnet8 --size 12 --channels 1 --classes 4 --json new.json --out part.onnx --weights " + file);
        CHECK(part.exit_code == 0);
        CHECK(part.errors.find("since their shapes differ: '") != std::string::npos);
        CHECK(json_of(folder / "new.json")["weights"]["unfit"].size() == 2);
        REQUIRE(run_command(folder, "pack part.onnx --weights " + file + " --out packed.ebit").exit_code == 0);
    }
    CHECK(fails_with(folder, "new alexnet --size 64 --weights weights.npz --out a.onnx", "no array fits a parameter"));
    CHECK(fails_with(folder, "new resnet8 --weights net.onnx --out a.onnx", "expected .npz or .safetensors"));
    CHECK(fails_with(folder, "pack net.onnx --opset 21 --out packed.ebit", "is no ONNX file"));
    CHECK(fails_with(folder, "new resnet8 --weights weights.npz --out weights.npz", "is read too"));
}
