#include "engine/formats/arrays/npy.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/formats/file.h"
#include "engine/formats/image.h"
#include "tests/cli/command.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <vector>

using namespace eigenbit::internal;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Appends what makes an output of the mean grey of an image, (N, 1).
using Ending = std::function<ValueId(Graph&, ValueId mean)>;

/// A network that says of a grey image of any size what `end` makes of its mean.
Model of_mean(const Ending& end, std::vector<std::string> classes = {}) {
    Model model;
    Graph& graph = model.graph;
    const ValueId image = graph.add_input("image", Shape{0, 0, 0, 1});
    const ValueId mean = graph.add_node("mean", Reduce{.axes = {1, 2}}, {image});
    graph.add_output(end(graph, mean));
    model.preprocessing = Preprocessing{.channels = 1};
    model.classes = std::move(classes);
    return model;
}

/// A layer at 1 × 1 pixels: its weights, one for each output channel, times the mean.
ValueId times(Graph& graph, ValueId mean, const std::vector<float>& weights) {
    const auto channels = static_cast<std::int64_t>(weights.size());
    const ValueId weight = graph.add_parameter("weights", Tensor(Shape{channels, 1, 1, 1}, weights));
    return graph.add_node("layer", Conv{}, {mean, weight});
}

ValueId sigmoid(Graph& graph, ValueId x) {
    return graph.add_node("sigmoid", Activation{.kind = Activation::Kind::sigmoid}, {x});
}

ValueId flat(Graph& graph, ValueId x) { return graph.add_node("flat", Reshape{{0, -1}}, {x}); }

double logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// What run says of an image of this grey, at this size.
struct Run {
    Outcome outcome;
    nlohmann::json image;
};

Run run_on(const Model& model, std::uint8_t grey, int height = 4, int width = 6) {
    const TemporaryFolder folder;
    write_ebit(model, folder / "net.ebit", LevelStorage::fixed);
    write_png(folder / "grey.png", {height, width, 1, std::vector<std::uint8_t>(height * width, grey)});
    Run run{run_command(folder, "run net.ebit grey.png --top 10 --json run.json"), {}};
    CAPTURE(run.outcome.errors);
    REQUIRE(run.outcome.exit_code == 0);
    run.image = json_of(folder / "run.json")["images"][0];
    CHECK(run.image.contains("restored") == std::filesystem::exists(folder / "grey.restored.png"));
    return run;
}

}  // namespace

TEST_CASE("one sigmoid is a probability, whatever shape it has") {
    for (const bool flattened : {false, true}) {
        const Model model = of_mean(
            [&](Graph& graph, ValueId mean) {
                const ValueId y = sigmoid(graph, times(graph, mean, {-2.0F}));
                return flattened ? flat(graph, y) : y;
            },
            {"off", "on"});
        const Run run = run_on(model, 255);
        CHECK(run.image["probability"].get<double>() == doctest::Approx(logistic(-2.0)));
        CHECK(contains(run.outcome.output, "  11.92 %  on\n"));
        CHECK_FALSE(run.image.contains("classes"));
    }
}

TEST_CASE("several sigmoids are labels, each with its probability") {
    const Model model = of_mean(
        [](Graph& graph, ValueId mean) {
            return flat(graph, sigmoid(graph, times(graph, mean, {1.0F, 3.0F, -1.0F})));
        },
        {"grass", "sky", "sea"});
    const nlohmann::json labels = run_on(model, 255).image["labels"];
    REQUIRE(labels.size() == 3);
    CHECK(labels[0]["name"] == "sky");
    CHECK(labels[0]["probability"].get<double>() == doctest::Approx(logistic(3.0)));
    CHECK(labels[1]["probability"].get<double>() == doctest::Approx(logistic(1.0)));
    CHECK(labels[2]["name"] == "sea");
}

TEST_CASE(
    "the network's own softmax is not made again, whatever moves its values afterwards, and its logarithm is undone") {
    const std::vector<Ending> endings{
        [](Graph&, ValueId y) { return y; },
        [](Graph& graph, ValueId y) { return flat(graph, y); },
        [](Graph& graph, ValueId y) {
            return graph.add_node("moved", Transpose{{0, 3, 1, 2}}, {y});
        },
        [](Graph& graph, ValueId y) { return graph.add_node("out", Dropout{}, {flat(graph, y)}); },
    };
    for (const Ending& ending : endings) {
        for (const bool logarithm : {false, true}) {
            const Model model = of_mean([&](Graph& graph, ValueId mean) {
                const Softmax softmax{.axis = 3, .logarithm = logarithm};
                return ending(graph, graph.add_node("softmax", softmax, {times(graph, mean, {0.0F, 1.0F})}));
            });
            const nlohmann::json classes = run_on(model, 255).image["classes"];
            REQUIRE(classes.size() == 2);
            CHECK(classes[0]["class"] == 1);
            CHECK(classes[0]["share"].get<double>() == doctest::Approx(logistic(1.0)));
            CHECK(classes[1]["share"].get<double>() == doctest::Approx(logistic(-1.0)));
        }
    }
}

TEST_CASE("scores of 1 × 1 pixels are scores, be they as many as the image has channels or not") {
    for (const bool flattened : {false, true}) {
        const Model model = of_mean([&](Graph& graph, ValueId mean) {
            const ValueId y = times(graph, mean, {0.0F, 1.0F, -1.0F});
            return flattened ? flat(graph, y) : y;
        });
        const nlohmann::json classes = run_on(model, 255).image["classes"];
        REQUIRE(classes.size() == 3);
        CHECK(classes[0]["class"] == 1);
        const double e = std::numbers::e;
        CHECK(classes[0]["share"].get<double>() == doctest::Approx(e / (1.0 + e + 1.0 / e)));
    }
}

TEST_CASE("one number and a map of other size are shown as the values that they are") {
    const Model one = of_mean([](Graph& graph, ValueId mean) { return flat(graph, times(graph, mean, {7.0F})); });
    const Run run = run_on(one, 255);
    CHECK(run.image["outputs"][0]["values"] == std::vector{7.0F});
    CHECK(contains(run.outcome.output, "(1, 1): 7\n"));

    Model map;
    const ValueId image = map.graph.add_input("image", Shape{0, 0, 0, 1});
    const ValueId weight = map.graph.add_parameter("weight", Tensor(Shape{2, 1, 1, 1}, std::vector{1.0F, 0.5F}));
    map.graph.add_output(map.graph.add_node("map", Conv{}, {image, weight}));
    map.preprocessing = Preprocessing{.channels = 1};
    const nlohmann::json output = run_on(map, 255).image["outputs"][0];
    CHECK(output["shape"] == std::vector{1, 4, 6, 2});
    CHECK(output["least"] == 0.5);
    CHECK(output["greatest"] == 1.0);
    CHECK(output["values"].size() == 48);
}

TEST_CASE("a restored image is one of the input's size or a multiple of it") {
    Model enlarging;
    const ValueId image = enlarging.graph.add_input("image", Shape{0, 0, 0, 1});
    const ValueId weight = enlarging.graph.add_parameter("w", Tensor(Shape{4, 1, 1, 1}, std::vector<float>(4, 1.0F)));
    const ValueId pixels = enlarging.graph.add_node("pixels", Conv{}, {image, weight});
    enlarging.graph.add_output(enlarging.graph.add_node("shuffle", DepthToSpace{.block = 2}, {pixels}));
    enlarging.preprocessing = Preprocessing{.channels = 1};
    CHECK(run_on(enlarging, 100).image["restored"] == "./grey.restored.png");
}

TEST_CASE("of a network of several outputs all are told, and with --out those that are no images are written") {
    const TemporaryFolder folder;
    write_png(folder / "grey.png", {4, 6, 1, std::vector<std::uint8_t>(24, 51)});
    Model scoring = of_mean([&](Graph& graph, ValueId mean) {
        const ValueId scores = times(graph, mean, {0.0F, 5.0F});
        graph.add_output(flat(graph, scores));
        return scores;
    });
    write_ebit(scoring, folder / "scores.ebit", LevelStorage::fixed);
    Model same;
    const ValueId image = same.graph.add_input("image", Shape{0, 0, 0, 1});
    same.graph.add_output(same.graph.add_node("same", Activation{}, {image}));
    same.graph.add_output(same.graph.add_node("mean", Reduce{.axes = {1, 2}}, {image}));
    same.preprocessing = Preprocessing{.channels = 1};
    write_ebit(same, folder / "same.ebit", LevelStorage::fixed);
    std::filesystem::create_directory(folder / "out");

    for (const std::string execution : {"float", "simulated"}) {
        const auto run = [&](const std::string& net) {
            const Outcome ran =
                run_command(folder, "run " + net + ".ebit grey.png --out out --json run.json --execution " + execution);
            CAPTURE(ran.errors);
            REQUIRE(ran.exit_code == 0);
            return json_of(folder / "run.json")["images"][0];
        };
        const auto written = [&](const std::string& name) {
            return decode_npy(read_file(folder / name), name).values()[0];
        };
        nlohmann::json told = run("scores");
        CHECK(told["classes"].size() == 2);
        CHECK(told["file"] == "grey.png");
        CHECK(told["outputs"].size() == 2);
        CHECK(told["outputs"][0]["file"] == "out/grey.flat.npy");
        CHECK_FALSE(told["outputs"][0].contains("values"));
        CHECK(told["outputs"][1]["values"][1] == doctest::Approx(1.0));
        CHECK(told["outputs"][1]["file"] == "out/grey.layer.npy");
        CHECK(decode_npy(read_file(folder / "out/grey.flat.npy"), "flat").values()[1] == doctest::Approx(1.0F));
        CHECK(decode_npy(read_file(folder / "out/grey.layer.npy"), "layer").values()[1] == doctest::Approx(1.0F));

        told = run("same");
        CHECK(told["restored"] == "out/grey.restored.png");
        CHECK(told["file"] == "grey.png");
        CHECK(!std::filesystem::exists(folder / "out/grey.same.npy"));
        CHECK(written("out/grey.mean.npy") == doctest::Approx(0.2F));
    }
    folder.write("out/grey.mean.npy", "no array");
    const Outcome refused = run_command(folder, "run same.ebit grey.png --out out");
    CHECK(refused.exit_code == 1);
    CHECK(refused.errors.find("holds something else than an array") != std::string::npos);
    CHECK(run_command(folder, "run same.ebit grey.png").exit_code == 0);
}

TEST_CASE("what is no number is an error that names the layer where it appears first") {
    const TemporaryFolder folder;
    const float infinity = std::numeric_limits<float>::infinity();
    // 0 · ∞ for a black image alone; then layers that pass it on.
    const Model model = of_mean([&](Graph& graph, ValueId mean) {
        return flat(graph, sigmoid(graph, times(graph, mean, {1.0F, infinity})));
    });
    write_ebit(model, folder / "net.ebit", LevelStorage::fixed);
    write_png(folder / "black.png", {2, 2, 1, std::vector<std::uint8_t>(4, 0)});
    write_png(folder / "white.png", {2, 2, 1, std::vector<std::uint8_t>(4, 255)});
    for (const std::string option : {"", " --execution simulated", " --skip-bad"}) {
        const Outcome run = run_command(folder, "run net.ebit white.png black.png --json run.json" + option);
        CHECK(run.exit_code == 1);
        CHECK(run.errors
              == "eigenbit: black.png: The network outputs not-a-number: not-a-number appears first in the output of "
                 "'layer', Conv.\n");
        CHECK_FALSE(contains(run.output, "nan"));
        CHECK(json_of(folder / "run.json")["images"].size() == 1);
    }
}

TEST_CASE("eval tells nothing of outputs that are no scores of classes") {
    const TemporaryFolder folder;
    write_digits(folder);
    const auto refusal = [&](const Model& model) {
        write_ebit(model, folder / "net.ebit", LevelStorage::fixed);
        const Outcome outcome = run_command(folder, "eval net.ebit --data mnist:. --quiet");
        CHECK(outcome.exit_code == 1);
        CHECK(outcome.output.empty());
        return outcome.errors;
    };
    const std::vector<float> ten{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    Model image;
    const ValueId x = image.graph.add_input("image", Shape{0, 0, 0, 1});
    image.graph.add_output(image.graph.add_node("same", Reshape{{0, 0, 0, 0}}, {x}));
    image.preprocessing = Preprocessing{.channels = 1};
    CHECK(contains(refusal(image), "an image, but"));
    const auto one = [](Graph& graph, ValueId mean) { return sigmoid(graph, times(graph, mean, {1.0F})); };
    CHECK(contains(refusal(of_mean(one)), "the network knows 1"));
    const auto softmax_of_ones = [&](Graph& graph, ValueId mean) {
        return graph.add_node("softmax", Softmax{.axis = 1}, {times(graph, mean, ten)});
    };
    CHECK(contains(refusal(of_mean(softmax_of_ones)), "values that are no scores of classes, but"));
    for (const bool has_sigmoids : {false, true}) {
        const Model classifier = of_mean([&](Graph& graph, ValueId mean) {
            const ValueId y = times(graph, mean, ten);
            return has_sigmoids ? sigmoid(graph, y) : y;
        });
        write_ebit(classifier, folder / "net.ebit", LevelStorage::fixed);
        const Outcome outcome = run_command(folder, "eval net.ebit --data mnist:. --quiet");
        CAPTURE(outcome.errors);
        CHECK(outcome.exit_code == 0);
        CHECK(contains(outcome.output, "top-1 0.00 %"));  // always the last class, of which there is no image
    }
}

TEST_CASE("one image that cannot be read does not lose the others") {
    const TemporaryFolder folder;
    const Model model = of_mean([](Graph& graph, ValueId mean) { return times(graph, mean, {0.0F, 1.0F}); });
    write_ebit(model, folder / "net.ebit", LevelStorage::fixed);
    for (const std::string name : {"a.png", "c.png"}) {
        write_png(folder / name, {2, 2, 1, std::vector<std::uint8_t>(4, 200)});
    }
    folder.write("b.png", "This is no image.");
    std::filesystem::create_directory(folder / "d.png");
    const std::string run = "run net.ebit a.png b.png missing.png d.png c.png --json run.json";

    const Outcome stopped = run_command(folder, run);
    CHECK(stopped.exit_code == 1);
    CHECK(contains(stopped.errors, "b.png"));
    nlohmann::json results = json_of(folder / "run.json");
    REQUIRE(results["images"].size() == 1);
    CHECK(results["images"][0]["file"] == "a.png");
    CHECK(contains(stopped.errors, results["error"].get<std::string>()));

    const Outcome skipping = run_command(folder, run + " --skip-bad");
    CHECK(skipping.exit_code == 0);
    CHECK(contains(skipping.output, "3 of 5 images skipped\n"));
    results = json_of(folder / "run.json");
    REQUIRE(results["images"].size() == 2);
    CHECK(results["images"][1]["file"] == "c.png");
    REQUIRE(results["skipped"].size() == 3);
    CHECK(results["skipped"][0]["file"] == "b.png");
    CHECK(contains(skipping.output, "b.png\n  skipped: " + results["skipped"][0]["error"].get<std::string>()));

    const Outcome nothing = run_command(folder, "run net.ebit b.png --skip-bad --json run.json");
    CHECK(nothing.exit_code == 1);
    CHECK(contains(nothing.errors, "All 1 images were skipped"));
    CHECK(json_of(folder / "run.json")["images"].empty());
}

TEST_CASE("restored images never replace those they are made of") {
    const TemporaryFolder folder;
    Model same;
    const ValueId x = same.graph.add_input("image", Shape{0, 0, 0, 1});
    same.graph.add_output(same.graph.add_node("same", Reshape{{0, 0, 0, 0}}, {x}));
    same.preprocessing = Preprocessing{.channels = 1};
    write_ebit(same, folder / "net.ebit", LevelStorage::fixed);
    for (const std::string name : {"a.png", "a.restored.png"}) {
        write_png(folder / name, {2, 2, 1, std::vector<std::uint8_t>(4, 200)});
    }
    const std::string before = text_of(folder / "a.restored.png");
    const Outcome run = run_command(folder, "run net.ebit a.png a.restored.png");
    CHECK(run.exit_code == 1);
    CHECK(contains(run.errors, "'./a.restored.png', which is read too"));
    CHECK(text_of(folder / "a.restored.png") == before);
}
