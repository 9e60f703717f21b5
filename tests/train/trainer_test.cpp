#include "engine/zoo/zoo.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"
#include "tests/train/quarters.h"
#include "train/trainer.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace eigenbit::internal;

namespace {

struct Killed {};

/// With its output through one more node.
Graph with_output(Graph graph, Operator op) {
    const ValueId scores = graph.outputs().front();
    const ValueId output = graph.add_node("through", std::move(op), {scores});
    graph.replace_uses(scores, output);
    graph.node(graph.nodes().size() - 1).inputs = {scores};
    return graph;
}

}  // namespace

TEST_CASE("a network that outputs probabilities, or their logarithms, learns as one that outputs scores, from labels "
          "and from teachers") {
    const Graph scores = build_network("resnet8", Shape{8, 8, 1}, 4, 1);
    const Graph teacher = build_network("resnet8", Shape{8, 8, 1}, 4, 5);
    const Graph probabilities = with_output(scores, Softmax{.axis = 1});
    const Graph sure_teacher = with_output(teacher, Softmax{.axis = 1});
    const Graph logarithms = with_output(scores, Softmax{.axis = 1, .logarithm = true});
    const Graph logarithmic_teacher = with_output(teacher, Softmax{.axis = 1, .logarithm = true});
    TrainingOptions options = options_for(1);
    options.distillation.label_share = 0.5;
    options.distillation.temperature = 3.0;
    const auto trained = [&](Graph graph, const Graph& taught_by) {
        options.distillation.teacher = &taught_by;
        train(graph, quarters(options.batch), nullptr, options);
        return all_weights(graph);
    };
    const std::vector<float> expected = trained(scores, teacher);
    for (const std::vector<float>& found :
         {trained(probabilities, teacher), trained(probabilities, sure_teacher), trained(scores, sure_teacher),
          trained(logarithms, teacher), trained(logarithms, logarithmic_teacher)}) {
        REQUIRE(found.size() == expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) CHECK(std::abs(found[i] - expected[i]) < 1e-5F);
    }
}

TEST_CASE("a network of which no class has a score is not trained by labels") {
    Graph graph =
        with_output(build_network("resnet8", Shape{8, 8, 1}, 4, 1), Activation{.kind = Activation::Kind::sigmoid});
    CHECK(error_of([&] {
              train(graph, quarters(32), nullptr, options_for(1));
          }).find("The network outputs one probability for each label; one score")
          != std::string::npos);
}

TEST_CASE("a ResNet learns a small set by heart") {
    Graph graph = build_network("resnet8", Shape{8, 8, 1}, 4, 1);
    const Dataset data = quarters(64);
    std::vector<double> losses;
    const TrainingObserver observer{.epoch = [&](const EpochReport& report) { losses.push_back(report.loss); }};
    train(graph, data, nullptr, options_for(12), observer);
    CHECK(losses.size() == 12);
    CHECK(losses.back() < 0.1 * losses.front());
    CHECK(evaluate(graph, data).classification->top1 > 0.98);
}

TEST_CASE("labels and a teacher pull at the weights by their shares") {
    const Graph teacher = build_network("resnet8", Shape{8, 8, 1}, 4, 5);
    const Graph start = build_network("resnet8", Shape{8, 8, 1}, 4, 1);
    TrainingOptions options = options_for(1);
    options.schedule.kind = Schedule::Kind::constant;
    options.sgd = {.momentum = 0.0, .weight_decay = 0.0};
    options.distillation.teacher = &teacher;
    const auto weights_after_a_step = [&](double label_share) {
        options.distillation.label_share = label_share;
        Graph graph = start;
        train(graph, quarters(options.batch), nullptr, options);
        return all_weights(graph);
    };
    const std::vector<float> taught = weights_after_a_step(0.0);
    const std::vector<float> told = weights_after_a_step(1.0);
    const std::vector<float> both = weights_after_a_step(0.25);
    double difference = 0.0;
    for (std::size_t i = 0; i < both.size(); ++i) {
        CHECK(both[i] == doctest::Approx(0.75F * taught[i] + 0.25F * told[i]).epsilon(1e-4));
        difference = std::max(difference, std::abs(static_cast<double>(taught[i]) - told[i]));
    }
    CHECK(difference > 0.01);

    options.distillation.teacher = nullptr;
    CHECK(weights_after_a_step(0.0) == told);
}

TEST_CASE("a teacher that cannot see the images is named as what is wrong") {
    const Graph teacher = build_network("resnet8", Shape{8, 8, 3}, 4, 5);
    Graph graph = build_network("resnet8", Shape{8, 8, 1}, 4, 1);
    TrainingOptions options = options_for(1);
    options.distillation.teacher = &teacher;
    const std::string error = error_of([&] { train(graph, quarters(options.batch), nullptr, options); });
    CHECK(error.starts_with("The teacher cannot be run on these images: Input "));
}

TEST_CASE("a killed run that is resumed ends with the very weights of one that was not") {
    const TemporaryFolder folder;
    const Dataset data = quarters(100);
    const Dataset validation = quarters(24);
    TrainingOptions options = options_for(5);

    Graph whole = small_network();
    const TrainingResult whole_result = train(whole, data, &validation, options);

    options.checkpoint = folder / "run.checkpoint";
    options.resume = true;
    for (const int killed_after : {1, 4}) {
        Graph killed = small_network();
        const TrainingObserver killer{.step = [&](int epoch, std::int64_t, double) {
            if (epoch > killed_after) throw Killed{};
        }};
        CHECK_THROWS_AS(train(killed, data, &validation, options, killer), Killed);
    }
    Graph resumed = small_network();
    int epochs_done = 0;
    const TrainingObserver watcher{.start = [&](int epochs, std::int64_t, std::int64_t) { epochs_done = epochs; }};
    const TrainingResult result = train(resumed, data, &validation, options, watcher);
    CHECK(epochs_done == 4);
    CHECK(all_weights(resumed) == all_weights(whole));
    CHECK(result.best_epoch == whole_result.best_epoch);
    CHECK(result.validation->score() == whole_result.validation->score());

    Graph finished = small_network();
    CHECK(train(finished, data, &validation, options).validation->score() == result.validation->score());
    CHECK(all_weights(finished) == all_weights(whole));
}

TEST_CASE("a run that is asked to stop anywhere, again and again, ends with the very weights of one that was not") {
    const TemporaryFolder folder;
    const Dataset data = quarters(100);
    const Dataset validation = quarters(24);
    TrainingOptions options = options_for(4);
    Graph whole = small_network();
    const TrainingResult whole_result = train(whole, data, &validation, options);

    options.checkpoint = folder / "run.checkpoint";
    options.resume = true;
    int stops = 0;
    while (true) {
        int steps = 0;
        Graph graph = small_network();
        // Six steps and one batch of validation an epoch: each is the last one at some time.
        const TrainingResult result = train(graph, data, &validation, options, {.stop = [&] { return ++steps == 4; }});
        if (!result.stopped) {
            CHECK(all_weights(graph) == all_weights(whole));
            CHECK(result.best_epoch == whole_result.best_epoch);
            break;
        }
        CHECK(result.stopped->steps_per_epoch == 6);
        REQUIRE(++stops < 20);
    }
    CHECK(stops == 7);
}

TEST_CASE("a run goes on with more epochs than it was begun for, and not with fewer than it has had") {
    const TemporaryFolder folder;
    TrainingOptions options = options_for(5);
    options.schedule.kind = Schedule::Kind::constant;
    Graph whole = small_network();
    train(whole, quarters(64), nullptr, options);

    options.checkpoint = folder / "run.checkpoint";
    options.resume = true;
    options.epochs = 2;
    Graph part = small_network();
    train(part, quarters(64), nullptr, options);
    options.epochs = 5;
    Graph resumed = small_network();
    train(resumed, quarters(64), nullptr, options);
    CHECK(all_weights(resumed) == all_weights(whole));
    options.epochs = 4;
    CHECK(error_of([&] { train(part, quarters(64), nullptr, options); }).find("has 5 epochs behind it")
          != std::string::npos);
}

TEST_CASE("the number of threads does not change a single weight") {
    const auto train_with = [](std::size_t threads) {
        const tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
        Graph graph = build_network("resnet8", Shape{8, 8, 1}, 4, 1);
        train(graph, quarters(64), nullptr, options_for(2));
        return all_weights(graph);
    };
    CHECK(train_with(1) == train_with(2));
}

TEST_CASE("the seed decides about the weights") {
    const auto train_with = [](std::uint64_t seed) {
        Graph graph = small_network();
        TrainingOptions options = options_for(1);
        options.seed = seed;
        train(graph, quarters(64), nullptr, options);
        return all_weights(graph);
    };
    CHECK(train_with(1) == train_with(1));
    CHECK(train_with(1) != train_with(2));
}

TEST_CASE("the network is left with the weights of the epoch that validated best") {
    Graph graph = small_network();
    const Dataset validation = quarters(40);
    TrainingOptions options = options_for(8);
    options.schedule = {.kind = Schedule::Kind::constant, .peak = 0.3};  // too high to settle
    std::vector<double> scores;
    const TrainingObserver observer{
        .epoch = [&](const EpochReport& report) { scores.push_back(report.validation->score()); }};
    const TrainingResult result = train(graph, quarters(64), &validation, options, observer);
    const auto best = std::ranges::max_element(scores);
    REQUIRE(*best > scores.back());
    CHECK(result.best_epoch == best - scores.begin() + 1);
    CHECK(result.validation->score() == *best);
    CHECK(evaluate(graph, validation).score() == *best);
}

TEST_CASE("a restoration network learns to remove noise") {
    Dataset data = quarters(64);
    data.labels.clear();
    data.restoration = Restoration{.noise = 0.2F};
    data.augmentation = {};
    data.preprocessing = {.channels = 1, .height = 16, .width = 16};
    data.read = [](std::int64_t index, Example& example) {
        example.image = {16, 16, 1, std::vector<std::uint8_t>(256, static_cast<std::uint8_t>(80 + index))};
    };
    NetworkBuilder net(Shape{16, 16, 1}, 3);
    const ValueId x = net.relu("relu", net.conv("conv1", net.input(), {.outputs = 8, .kernel = 5, .padding = 2}));
    Graph graph = std::move(net).finish(net.conv("conv2", x, {.outputs = 1, .kernel = 5, .padding = 2, .bias = true}));
    const double before = evaluate(graph, data).restoration->psnr;
    train(graph, data, nullptr, options_for(10));
    const double after = evaluate(graph, data).restoration->psnr;
    CHECK(after > before);
    CHECK(after > 17.0);  // of the noise alone: 14 dB
}

TEST_CASE("a run that diverges stops with a sentence") {
    Graph graph = small_network();
    TrainingOptions options = options_for(3);
    options.schedule = {.kind = Schedule::Kind::constant, .peak = 1e20};
    const std::string message = error_of([&] { train(graph, quarters(64), nullptr, options); });
    CHECK(message.find("training diverged; try a learning rate below 1e+20.") != std::string::npos);
}

TEST_CASE("a checkpoint of a run with other settings is refused, naming the first that differs") {
    const TemporaryFolder folder;
    Graph graph = small_network();
    TrainingOptions options = options_for(2);
    options.checkpoint = folder / "run.checkpoint";
    train(graph, quarters(64), nullptr, options);
    options.resume = true;
    options.sgd.weight_decay = 0.5;
    CHECK(error_of([&] { train(graph, quarters(64), nullptr, options); })
          == "Checkpoint '" + options.checkpoint.string()
                 + "' is of another run: it has \"weight decay: 0.0001\", this run \"weight decay: 0.5\".");
    options = options_for(2);
    options.checkpoint = folder / "run.checkpoint";
    options.resume = true;
    Graph other = build_network("resnet8", Shape{8, 8, 1}, 4, 1);
    CHECK(error_of([&] { train(other, quarters(64), nullptr, options); }).find("the network has") != std::string::npos);
}

TEST_CASE("a data set smaller than a batch is refused") {
    Graph graph = small_network();
    CHECK(error_of([&] { train(graph, quarters(8), nullptr, options_for(1)); })
          == "The data set quarters has 8 examples, fewer than the batch size 16.");
}
