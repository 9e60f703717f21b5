#include "tests/api/bright_halves.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

using eigenbit::internal::error_of;

namespace {

eigenbit::Array random_batch(std::int64_t images, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    eigenbit::Array batch{{images, kSide, kSide, 1},
                          std::vector<float>(static_cast<std::size_t>(images * kSide * kSide))};
    std::ranges::generate(batch.values, [&] { return normal(random); });
    return batch;
}

/// A loss of the test's own: ⟨outputs, direction⟩.
std::vector<float> direction(std::size_t elements) {
    std::vector<float> values(elements);
    for (std::size_t i = 0; i < elements; ++i) values[i] = 0.1F * static_cast<float>(i % 7) - 0.3F;
    return values;
}

double loss_of(eigenbit::Trainer& trainer, const eigenbit::Array& batch) {
    const eigenbit::Array output = trainer.forward(batch);
    const std::vector<float> along = direction(output.values.size());
    return std::inner_product(along.begin(), along.end(), output.values.begin(), 0.0);
}

/// Gradient of the mean squared distance from one for the label and zero for the others, which is returned.
double squared_error(const eigenbit::Array& output, const std::vector<int>& labels, std::vector<float>& gradient) {
    gradient = output.values;
    const auto classes = static_cast<std::size_t>(output.shape.back());
    for (std::size_t i = 0; i < labels.size(); ++i) gradient[i * classes + static_cast<std::size_t>(labels[i])] -= 1.0F;
    const double sum = std::inner_product(gradient.begin(), gradient.end(), gradient.begin(), 0.0);
    for (float& value : gradient) value *= 2.0F / static_cast<float>(gradient.size());
    return sum / static_cast<double>(gradient.size());
}

/// A network without kinks, whose gradients finite differences find.
eigenbit::Model smooth_network() {
    eigenbit::NetworkBuilder b({kSide, kSide, 1}, 3);
    const auto x = b.batch_norm(b.conv(b.input(), {.filters = 4, .size = 3, .stride = 2, .bias = true}));
    return b.build(b.linear(b.global_average_pool(b.conv(x, {.filters = 6, .size = 3})), 3));
}

}  // namespace

TEST_CASE("gradients are those that finite differences find") {
    eigenbit::Trainer trainer(smooth_network());
    const eigenbit::Array batch = random_batch(5, 1);
    const eigenbit::Array output = trainer.forward(batch);
    CHECK(output.shape == eigenbit::Extents{5, 3});
    trainer.backward(direction(output.values.size()));
    const std::vector<std::string> parameters = trainer.parameters();
    CHECK(parameters.size() == 7);
    for (const std::string& name : parameters) {
        CAPTURE(name);
        const eigenbit::Array gradient = trainer.gradient(name);
        const std::span<float> values = trainer.values(name);
        REQUIRE(gradient.values.size() == values.size());
        const double largest =
            std::abs(*std::ranges::max_element(gradient.values, {}, [](float value) { return std::abs(value); }));
        for (const std::size_t i : {std::size_t{0}, values.size() / 2, values.size() - 1}) {
            constexpr float kStep = 1e-2F;
            const float before = values[i];
            values[i] = before + kStep;
            const double above = loss_of(trainer, batch);
            values[i] = before - kStep;
            const double below = loss_of(trainer, batch);
            values[i] = before;
            CHECK(std::abs((above - below) / (2.0 * kStep) - gradient.values[i]) <= 2e-2 * largest + 2e-4);
        }
        trainer.forward(batch);
        trainer.backward(direction(output.values.size()));
    }
}

TEST_CASE("a network learns by a loop and a loss of one's own, from floats and through quantizers") {
    const eigenbit::Dataset data = bright_halves(300, 1);
    const eigenbit::Dataset unseen = bright_halves(90, 2);
    eigenbit::Model network = small_network(data);
    network.describe_by(data);
    const auto learn = [&](const eigenbit::Model& from, double rate) {
        eigenbit::Trainer trainer(from, {.learning_rate = rate});
        eigenbit::Batches batches(data, from, {.batch = 20});
        CHECK(batches.count() == 15);
        double first = 0.0;
        double last = 0.0;
        for (int epoch = 1; epoch <= 4; ++epoch) {
            batches.start(epoch);
            last = 0.0;
            while (const std::optional<eigenbit::Batch> batch = batches.next()) {
                std::vector<float> gradient;
                last += squared_error(trainer.forward(batch->images), batch->labels, gradient);
                trainer.backward(gradient);
                trainer.step(rate);
            }
            if (epoch == 1) first = last;
        }
        CHECK(last < first);
        return trainer.model();
    };
    network = learn(network, 0.01);
    CHECK(*eigenbit::evaluate(network, unseen).top1 > 0.9);
    const eigenbit::Model small = eigenbit::compress(network, data, {.rate = 2});
    const eigenbit::Model trained = learn(small, 0.01);
    CHECK(trained.is_compressed());
    CHECK(trained.bits_per_weight() < 1.1 * small.bits_per_weight());
    CHECK(*eigenbit::evaluate(trained, unseen).top1 > 0.9);
}

TEST_CASE("frozen layers stay as they are, whoever trains") {
    const eigenbit::Dataset data = bright_halves(60, 1);
    const eigenbit::Model before = small_network(data);
    const auto weights_of = [&](const eigenbit::Model& model, const std::string& parameter) {
        eigenbit::Trainer trainer(model);
        const std::span<float> values = trainer.values(parameter);
        return std::vector(values.begin(), values.end());
    };
    eigenbit::Model after = before;
    eigenbit::train(after, data, {.epochs = 1, .batch = 20, .frozen = {"conv1", "linear1"}});
    CHECK(weights_of(after, "conv1.weight") == weights_of(before, "conv1.weight"));
    CHECK(weights_of(after, "linear1.bias") == weights_of(before, "linear1.bias"));
    CHECK(weights_of(after, "conv2.weight") != weights_of(before, "conv2.weight"));
    const eigenbit::Trainer trainer(before, {.frozen = {"conv1"}});
    CHECK(std::ranges::count(trainer.parameters(), "conv1.weight") == 0);
    CHECK(std::ranges::count(trainer.parameters(), "conv2.weight") == 1);
    CHECK(error_of<eigenbit::Error>([&] { eigenbit::Trainer(before, {.frozen = {"conv7"}}); }).find("'conv7'")
          != std::string::npos);
}

TEST_CASE("a network is cut, gets another head, and is built on") {
    const eigenbit::Dataset data = bright_halves(60, 1);
    eigenbit::Model network = small_network(data);
    network.describe_by(data);
    CHECK(network.layers().front() == "conv1");

    eigenbit::Model body = network;
    body.cut("relu2");
    CHECK(body.output_name() == "relu2");
    CHECK(body.layers().back() == "relu2");
    CHECK(body.classes().empty());
    const eigenbit::Array image = random_batch(1, 1);
    CHECK(eigenbit::Predictor(body).run({&image, 1}).front().shape == eigenbit::Extents{1, 6, 6, 8});
    CHECK(error_of<eigenbit::Error>([&] { body.cut("linear1"); }).find("no layer 'linear1'") != std::string::npos);

    eigenbit::Model other = network;
    other.replace_head(7);
    CHECK(other.class_count() == 7);
    CHECK(other.preprocessing().has_value());
    const std::int64_t head = 6 * 6 * 8 * 3 + 3;
    CHECK(other.parameter_count() == network.parameter_count() - head + 6 * 6 * 8 * 7 + 7);

    eigenbit::NetworkBuilder b(body, 5);
    CHECK(b.shape(b.base()) == eigenbit::Extents{1, 6, 6, 8});
    const eigenbit::Model grown = b.build(b.linear(b.global_average_pool(b.relu(b.conv(b.base(), {.filters = 4}))), 2));
    const std::vector<std::string> layers = grown.layers();
    CHECK(std::set(layers.begin(), layers.end()).size() == layers.size());
    CHECK(grown.class_count() == 2);
    CHECK(grown.preprocessing().has_value());
}

TEST_CASE("what goes before what is said in a sentence") {
    eigenbit::Trainer trainer(smooth_network());
    const eigenbit::Array batch = random_batch(2, 1);
    const auto error = [&](const auto& call) { return error_of<eigenbit::Error>(call); };
    CHECK(error([&] { trainer.step(0.1); }).find("no gradients") != std::string::npos);
    CHECK(error([&] { trainer.backward(std::vector<float>(6)); }).find("no forward") != std::string::npos);
    trainer.forward(batch);
    CHECK(error([&] { trainer.gradient("conv1.weight"); }).find("no gradients") != std::string::npos);
    CHECK(error([&] { trainer.backward(std::vector<float>(5)); }).find("5 elements") != std::string::npos);
    trainer.backward(std::vector<float>(6));
    CHECK(error([&] { trainer.gradient("nothing"); }).find("nothing") != std::string::npos);
    CHECK(error([&] { trainer.gradient("batch_norm1.running_mean"); }).find("not trained") != std::string::npos);
}
