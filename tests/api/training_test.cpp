#include "tests/api/bright_halves.h"
#include "tests/api/resident_memory.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

using eigenbit::internal::error_of;
using eigenbit::internal::TemporaryFolder;

TEST_CASE("A network is built, trained, compressed, trained on, saved and run, with the interface alone") {
    const TemporaryFolder folder;
    const eigenbit::Dataset data = bright_halves(300, 1);
    const eigenbit::Dataset unseen = bright_halves(90, 2);
    eigenbit::Model net = small_network(data);
    CHECK(eigenbit::evaluate(net, unseen).images == 90);

    int steps = 0;
    std::vector<double> validated;
    const eigenbit::TrainingResult trained = eigenbit::train(
        net, data,
        {.epochs = 4, .batch = 20, .validation = &unseen, .on_progress = [&](const eigenbit::TrainingProgress& now) {
             if (now.finished) {
                 validated.push_back(*now.finished->validation->top1);
                 return;
             }
             ++steps;
             CHECK(now.epochs == 4);
             CHECK(now.images_per_epoch == 300);
         }});
    CHECK(steps == 4 * 15);
    REQUIRE(validated.size() == 4);
    REQUIRE(trained.validation.has_value());
    CHECK(*trained.validation->top1 == *std::ranges::max_element(validated));
    CHECK_FALSE(trained.stopped.has_value());
    const double accuracy = *eigenbit::evaluate(net, unseen).top1;
    CHECK(accuracy > 0.95);
    CHECK(net.classes() == kClasses);

    eigenbit::Model small = eigenbit::compress(net, data, {.rate = 2, .activation_bits = 8});
    CHECK_FALSE(net.is_compressed());
    CHECK(small.is_compressed());
    CHECK(small.bits_per_weight() <= 2.0);
    eigenbit::retrain(small, data, {.epochs = 1, .batch = 20, .teacher = &net});
    CHECK(*eigenbit::evaluate(small, unseen).top1 > 0.9);

    small.save(folder / "net.ebit");
    const eigenbit::Model loaded = eigenbit::Model::load(folder / "net.ebit");
    CHECK(loaded.pack() == small.pack());
    CHECK(loaded.parameter_count() == small.parameter_count());

    // A session of the saved file and one of the model do the same: name the class of an image.
    eigenbit::Session session(small, {.threads = 1});
    eigenbit::Session opened(eigenbit::PackedModel(folder / "net.ebit"));
    CHECK(session.is_int8());
    eigenbit::Image right{kSide, kSide, 1, std::vector<std::uint8_t>(kSide * kSide)};
    for (std::size_t i = 0; i < right.pixels.size(); ++i) right.pixels[i] = i % kSide >= kSide / 2 ? 140 : 70;
    for (eigenbit::Session* one : {&session, &opened}) {
        const std::vector<eigenbit::Score> scores = one->classify(right);
        REQUIRE(scores.size() == 3);
        CHECK(scores[0].name == "right");
        CHECK(scores[0].index == 1);
        CHECK(scores[0].value == *std::ranges::max_element(one->output()));
        CHECK(scores[1].value >= scores[2].value);
    }
    CHECK(std::ranges::equal(session.output(), opened.output()));
}

TEST_CASE("Copies of a model are models of their own") {
    const eigenbit::Dataset data = bright_halves(60, 1);
    eigenbit::Model net = small_network(data);
    const eigenbit::Model copy = net;
    const auto before = copy.pack();
    eigenbit::train(net, data, {.epochs = 1, .batch = 20});
    CHECK(copy.pack() == before);
    CHECK(net.pack() != before);
    eigenbit::Model assigned = eigenbit::Model::zoo("lenet5", {28, 28, 1}, 10);
    assigned = copy;
    CHECK(assigned.pack() == before);
    CHECK(assigned.input_shape() == eigenbit::Extents{0, kSide, kSide, 1});
}

TEST_CASE("Training gives the same network with any number of threads") {
    const eigenbit::Dataset data = bright_halves(60, 1);
    eigenbit::Model one = small_network(data);
    eigenbit::Model two = small_network(data);
    eigenbit::train(one, data, {.epochs = 2, .batch = 16, .threads = 1});
    eigenbit::train(two, data, {.epochs = 2, .batch = 16, .threads = 2});
    CHECK(one.pack() == two.pack());
}

TEST_CASE("Training stops where it is asked to, by another thread or by what a callback throws") {
    const eigenbit::Dataset data = bright_halves(300, 1);
    eigenbit::Model net = small_network(data);
    std::atomic<bool> stop = false;
    int steps = 0;
    std::thread stopper;
    const auto ask_in_third_step = [&](const eigenbit::TrainingProgress& now) {
        if (!now.finished && ++steps == 3) stopper = std::thread([&] { stop = true; });
    };
    const eigenbit::TrainingResult result = eigenbit::train(
        net, data, {.epochs = 100000, .on_progress = ask_in_third_step, .stop = [&] { return stop.load(); }});
    stopper.join();
    REQUIRE(result.stopped.has_value());
    CHECK(result.stopped->epochs * result.stopped->steps_per_epoch + result.stopped->steps == steps);
    CHECK(steps >= 3);
    const auto refuse = [](const eigenbit::TrainingProgress&) { throw std::length_error("enough"); };
    CHECK_THROWS_AS(eigenbit::train(net, data, {.epochs = 1, .on_progress = refuse}), std::length_error);
}

TEST_CASE("Training is stopped 200 times at random moments by other threads, and memory does not grow") {
    const eigenbit::Dataset data = bright_halves(60, 1);
    const eigenbit::Model untrained = small_network(data);
    std::mt19937 random(1);
    constexpr int kWarmUps = 50;
    double megabytes = 0.0;
    for (int run = 0; run < kWarmUps + 200; ++run) {
        if (run == kWarmUps) megabytes = eigenbit::internal::resident_megabytes();
        eigenbit::Model net = untrained;
        std::atomic<bool> stop = false;
        const std::chrono::microseconds moment(random() % 3000);
        std::jthread stopper([&] {
            std::this_thread::sleep_for(moment);
            stop = true;
        });
        const eigenbit::TrainingResult result =
            eigenbit::train(net, data, {.epochs = 100000, .batch = 10, .stop = [&] { return stop.load(); }});
        REQUIRE(result.stopped.has_value());
        CHECK(result.stopped->steps_per_epoch == 6);
        CHECK(net.parameter_count() == untrained.parameter_count());
    }
    if (eigenbit::internal::kMeasuresMemory) CHECK(eigenbit::internal::resident_megabytes() < megabytes + 1.0);
}

TEST_CASE("What cannot be is refused with a sentence") {
    const eigenbit::Dataset data = bright_halves(30, 1);
    eigenbit::Model net = small_network(data);
    CHECK(error_of<eigenbit::Error>([&] { eigenbit::retrain(net, data); }).find("not compressed") != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { eigenbit::train(net, data, {.epochs = 0}); }).find("0 epochs")
          != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { eigenbit::train(net, data, {.threads = -1}); }).find("-1 threads")
          != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { eigenbit::compress(net, data, {}); }).find("0 targets") != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { eigenbit::compress(net, data, {.rate = 2, .lambda = 1}); }).find("2 targets")
          != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { eigenbit::compress(net, data, {.rate = 2, .transform = "fft"}); }).find("fft")
          != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { net.save("net.txt"); }).find("net.txt") != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { eigenbit::Model::load("missing.onnx"); }).find("missing.onnx")
          != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] {
              eigenbit::Model::zoo("resnet7", {32, 32, 3}, 10);
          }).find("resnet7")
          != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { eigenbit::Dataset::open("nothing"); }).find("nothing") != std::string::npos);

    const std::vector<std::uint8_t> pixels(2 * 4);
    const std::vector<int> labels{0, 2};
    CHECK(error_of<eigenbit::Error>([&] {
              eigenbit::Dataset::of({pixels, 2, 2, 1}, labels, {"a", "b"});
          }).find("label 2")
          != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] {
              eigenbit::Dataset::of({pixels, 2, 3, 1}, labels, {"a", "b", "c"});
          }).find("8 pixels")
          != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] {
              eigenbit::Dataset::of({pixels, 2, 2, 2}, labels, {"a"});
          }).find("2 channels")
          != std::string::npos);
}

TEST_CASE("A layer that does not fit is refused by its name while the network is built") {
    eigenbit::NetworkBuilder b({12, 12, 3});
    const auto x = b.conv(b.input(), {.filters = 8, .size = 3});
    CHECK(b.shape(x) == eigenbit::Extents{1, 12, 12, 8});
    CHECK(b.shape(b.conv(x, {.filters = 4, .size = 5, .stride = 2})) == eigenbit::Extents{1, 6, 6, 4});
    CHECK(error_of<eigenbit::Error>([&] { b.add(x, b.input()); }).find("'add1'") != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { b.conv(x, {.filters = 9, .groups = 2}); }).find("'conv3'")
          != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { b.max_pool(x, 13, 1); }).find("'max_pool1'") != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { b.linear(b.flatten(x), 0); }).find("'linear1'") != std::string::npos);
    const eigenbit::Model net = b.build(b.linear(b.global_average_pool(x), 5));
    CHECK(net.parameter_count() == 3 * 3 * 3 * 8 + 8 * 5 + 5);
    CHECK(error_of<eigenbit::Error>([&] { b.relu(x); }).find("built already") != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { b.build(x); }).find("built already") != std::string::npos);
}
