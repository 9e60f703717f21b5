#include "engine/weights/step_grid.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"
#include "tests/train/quarters.h"
#include "train/latent_weights.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cmath>

using namespace eigenbit::internal;

namespace {

struct Killed {};

/// Every layer's weights rounded to so many bits, one step for each output channel.
void quantize_weights(Graph& graph, int bits) {
    for (const auto& [id, parameter] : std::map(graph.parameters())) {
        const Shape shape = parameter.shape();
        if (shape.rank() < 2) continue;
        const Tensor& values = parameter.values();
        const std::int64_t size = shape.elements(1, shape.rank());
        const auto half = static_cast<float>(1 << (bits - 1));
        Quantized quantized{.shape = shape, .axis = 0, .blocks = {}, .levels = {}};
        for (std::int64_t channel = 0; channel < shape[0]; ++channel) {
            float largest = 1e-3F;
            for (std::int64_t i = channel * size; i < (channel + 1) * size; ++i) {
                largest = std::max(largest, std::abs(values[i]));
            }
            const float step = largest / half;
            quantized.blocks.push_back({channel, channel + 1, bits, step, 0.0F});
            for (std::int64_t i = channel * size; i < (channel + 1) * size; ++i) {
                const float index = std::clamp(std::nearbyint(values[i] / step), -half, half - 1.0F);
                quantized.levels.push_back(static_cast<std::int16_t>(index));
            }
        }
        graph.parameter(id) = std::move(quantized);
    }
}

TrainingOptions retraining_options(int epochs) {
    TrainingOptions options = options_for(epochs);
    options.quantized.level_learning_rate = 0.005;
    return options;
}

/// A network that has learned the quarters, and what rounding its weights to 2 bits leaves of it.
struct Rounded {
    Graph original = small_network();
    Graph graph;

    Rounded() {
        train(original, quarters(64), nullptr, options_for(10));
        graph = original;
        quantize_weights(graph, 2);
    }
};

}  // namespace

TEST_CASE("retraining regains what rounding lost, with the same depths and steps and no more bits") {
    Rounded rounded;
    const Dataset data = quarters(2048);
    const double before = evaluate(rounded.graph, data).score();
    REQUIRE(before < evaluate(rounded.original, data).score() - 0.03);
    const Graph start = rounded.graph;
    double relative_bits = 0.0;
    const TrainingObserver observer{.epoch = [&](const EpochReport& report) { relative_bits = report.relative_bits; }};
    train(rounded.graph, data, nullptr, retraining_options(3), observer);
    CHECK(evaluate(rounded.graph, data).score() > before + 0.03);
    CHECK(std::abs(relative_bits - 1.0) < 0.05);
    int moved = 0;
    for (const auto& [id, parameter] : rounded.graph.parameters()) {
        if (!parameter.quantized()) continue;
        const Quantized& now = *parameter.quantized();
        const Quantized& then = *start.parameter(id).quantized();
        for (std::size_t i = 0; i < now.blocks.size(); ++i) {
            CHECK(now.blocks[i].bit_depth == then.blocks[i].bit_depth);
            CHECK(now.blocks[i].step == then.blocks[i].step);
        }
        validate(now);
        for (std::size_t i = 0; i < now.levels.size(); ++i) moved += now.levels[i] != then.levels[i];
    }
    CHECK(moved > 10);
}

TEST_CASE("a killed retraining that is resumed ends with the very levels of one that was not") {
    const TemporaryFolder folder;
    const Rounded rounded;
    const Dataset data = quarters(100);
    const Dataset validation = quarters(24);
    TrainingOptions options = retraining_options(4);
    options.quantized.step_learning_rate = 0.05;
    options.bits_share = 0.9;
    Graph whole = rounded.graph;
    train(whole, data, &validation, options);

    options.checkpoint = folder / "run.checkpoint";
    options.resume = true;
    Graph killed = rounded.graph;
    const TrainingObserver killer{.step = [](int epoch, std::int64_t, double) {
        if (epoch > 2) throw Killed{};
    }};
    CHECK_THROWS_AS(train(killed, data, &validation, options, killer), Killed);
    Graph resumed = rounded.graph;
    train(resumed, data, &validation, options);
    CHECK(all_weights(resumed) == all_weights(whole));
    CHECK(all_weights(resumed) != all_weights(rounded.graph));
}

TEST_CASE("a network that training only spoils stays as it came, unless it is to shrink") {
    const Rounded rounded;
    const Dataset validation = quarters(64);
    TrainingOptions options = retraining_options(2);
    options.schedule = {.kind = Schedule::Kind::constant, .peak = 3.0};
    options.quantized.level_learning_rate = 1.0;
    for (const double bits_share : {1.0, 0.9}) {
        options.bits_share = bits_share;
        Graph graph = rounded.graph;
        std::vector<double> scores;
        const TrainingObserver observer{
            .epoch = [&](const EpochReport& report) { scores.push_back(report.validation->score()); }};
        const TrainingResult result = train(graph, quarters(64), &validation, options, observer);
        REQUIRE(*std::ranges::max_element(scores) < evaluate(rounded.graph, validation).score());
        CHECK((result.best_epoch == 0) == (bits_share == 1.0));
        CHECK((all_weights(graph) == all_weights(rounded.graph)) == (bits_share == 1.0));
        CHECK(result.validation->score() == evaluate(graph, validation).score());
    }
}

TEST_CASE("the number of threads does not change a retrained network") {
    const Rounded rounded;
    const auto retrain_with = [&](std::size_t threads) {
        const tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
        Graph graph = rounded.graph;
        train(graph, quarters(64), nullptr, retraining_options(2));
        return all_weights(graph);
    };
    CHECK(retrain_with(1) == retrain_with(2));
}

TEST_CASE("a network learns from a teacher alone: labels make no difference") {
    const Rounded rounded;
    const auto learn = [&](int shift) {
        Graph graph = rounded.graph;
        Dataset data = quarters(64);
        for (int& label : data.labels) label = (label + shift) % 4;
        TrainingOptions options = retraining_options(20);
        options.distillation.teacher = &rounded.original;
        train(graph, data, nullptr, options);
        return graph;
    };
    const Graph graph = learn(0);
    CHECK(all_weights(graph) == all_weights(learn(1)));
    CHECK(evaluate(graph, quarters(64)).score() > evaluate(rounded.graph, quarters(64)).score() + 0.03);
}

TEST_CASE("the rate comes down to a share of what it was, and stays there") {
    Rounded rounded;
    std::vector<double> bits;
    const TrainingObserver observer{.epoch = [&](const EpochReport& report) { bits.push_back(report.relative_bits); }};
    TrainingOptions options = retraining_options(8);
    options.bits_share = 0.75;
    train(rounded.graph, quarters(4096), nullptr, options, observer);
    CHECK(bits[1] > 0.8);
    CHECK(std::abs(bits[5] - 0.75) < 0.05);
    CHECK(std::abs(bits[7] - 0.75) < 0.01);
}

TEST_CASE("learned steps move along the grid that files store, and help") {
    const Rounded rounded;
    const Dataset data = quarters(64);
    Graph graph = rounded.graph;
    TrainingOptions options = retraining_options(20);
    options.quantized.level_learning_rate = 0.0;
    options.quantized.step_learning_rate = 0.2;
    train(graph, data, nullptr, options);
    int moved = 0;
    for (const auto& [id, parameter] : graph.parameters()) {
        if (!parameter.quantized()) continue;
        const std::vector<QuantizedBlock>& before = rounded.graph.parameter(id).quantized()->blocks;
        for (std::size_t i = 0; i < before.size(); ++i) {
            const float step = parameter.quantized()->blocks[i].step;
            CHECK(step_grid_position(step).has_value());
            moved += std::abs(std::log2(step / before[i].step)) > 1.0F / 8.0F;
        }
        CHECK(parameter.quantized()->levels == rounded.graph.parameter(id).quantized()->levels);
    }
    CHECK(moved > 0);
    CHECK(evaluate(graph, data).score() > evaluate(rounded.graph, data).score() + 0.01);
}
