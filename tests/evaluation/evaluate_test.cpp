#include "engine/base/random.h"
#include "evaluation/evaluate.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace eigenbit::internal;

namespace {

/// Puts out the pixels of an image of 1 × `classes` pixels as the scores.
Graph pixels_as_scores(std::int64_t classes) {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 1, classes, 1});
    graph.add_output(graph.add_node("scores", Reshape{{0, -1}}, {x}));
    return graph;
}

/// Grey images of 1 × 8 pixels; the brightest is that of the label, but for every fourth image, where it is second.
Dataset brightest_pixel(std::int64_t size) {
    Dataset dataset;
    dataset.name = "pixels";
    dataset.size = size;
    dataset.preprocessing = {.channels = 1, .height = 1, .width = 8};
    dataset.class_count = 8;
    for (std::int64_t i = 0; i < size; ++i) dataset.labels.push_back(static_cast<int>(i * 5 % 8));
    dataset.read = [labels = dataset.labels](std::int64_t index, Example& example) {
        const int label = labels[static_cast<std::size_t>(index)];
        example.image = {.height = 1, .width = 8, .channels = 1, .pixels = std::vector<std::uint8_t>(8, 10)};
        example.image.pixels[static_cast<std::size_t>(label)] = 200;
        if (index % 4 == 3) example.image.pixels[static_cast<std::size_t>((label + 1) % 8)] = 250;
    };
    return dataset;
}

Graph identity() {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 0, 0, 1});
    graph.add_output(graph.add_node("y", Reshape{{0, 0, 0, 0}}, {x}));
    return graph;
}

/// Mid-grey images of two shapes in turn, to be restored from themselves with noise.
Dataset noisy_grey(double noise, const Preprocessing& preprocessing) {
    Dataset dataset;
    dataset.name = "noisy";
    dataset.size = 5;
    dataset.preprocessing = preprocessing;
    dataset.restoration = Restoration{.noise = static_cast<float>(noise)};
    dataset.read = [](std::int64_t index, Example& example) {
        const int height = index % 2 == 0 ? 60 : 40;
        example.image = {height, 2400 / height, 1, std::vector<std::uint8_t>(2400, 127)};
    };
    return dataset;
}

}  // namespace

TEST_CASE("top-1 and top-5 are counted over all images, the last partial batch included") {
    const Evaluation evaluation = evaluate(pixels_as_scores(8), brightest_pixel(22), {.batch = 4});
    CHECK(evaluation.images == 22);
    REQUIRE(evaluation.classification);
    CHECK(evaluation.classification->top1 == doctest::Approx(17.0 / 22.0));
    CHECK(evaluation.classification->top5 == doctest::Approx(1.0));
    CHECK(evaluation.score() == evaluation.classification->top1);
}

TEST_CASE("evaluation tells how many images are done") {
    std::vector<std::int64_t> told;
    evaluate(pixels_as_scores(8), brightest_pixel(10),
             {.batch = 4, .progress = [&](std::int64_t images) { told.push_back(images); }});
    CHECK(told == std::vector<std::int64_t>{4, 8, 10});
}

TEST_CASE("noise that nothing removes is as far below the peak as its deviation says, for images of several shapes") {
    for (const Preprocessing& preprocessing :
         {Preprocessing{.channels = 1}, Preprocessing{.channels = 1, .mean = {0.3F}, .std = {0.25F}}}) {
        const Evaluation evaluation = evaluate(identity(), noisy_grey(0.05, preprocessing));
        CHECK(evaluation.images == 5);
        REQUIRE(evaluation.restoration);
        CHECK(evaluation.restoration->psnr == doctest::Approx(26.02).epsilon(0.005));
        CHECK(evaluation.restoration->ssim < 0.9);
    }
}

TEST_CASE("enlarged images are compared in 8-bit luma without their border") {
    Dataset dataset;
    dataset.name = "enlarged";
    dataset.size = 1;
    dataset.preprocessing = {.channels = 1};
    dataset.restoration = Restoration{.scale = 2};
    dataset.read = [](std::int64_t, Example& example) {
        example.image = {.height = 12, .width = 12, .channels = 1, .pixels = std::vector<std::uint8_t>(144, 100)};
        example.target = {.height = 24, .width = 24, .channels = 1, .pixels = std::vector<std::uint8_t>(576, 110)};
        // Only in the border of two pixels: of no account.
        std::fill_n(example.target.pixels.begin(), 48, std::uint8_t{0});
    };
    // Every pixel four times, as channels, then in space.
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 0, 0, 1});
    const ValueId four = graph.add_node("four", Concat{.axis = 3}, {x, x, x, x});
    graph.add_output(graph.add_node("y", DepthToSpace{.block = 2}, {four}));
    const Evaluation evaluation = evaluate(graph, dataset);
    REQUIRE(evaluation.restoration);
    CHECK(evaluation.restoration->psnr == doctest::Approx(28.1308));  // 20 · log10(255 / 10)
}

TEST_CASE("a network that does not fit the data set is refused") {
    CHECK(error_of([] { evaluate(pixels_as_scores(8), brightest_pixel(3)); }).empty());
    Dataset more_classes = brightest_pixel(3);
    more_classes.class_count = 10;
    CHECK(error_of([&] { evaluate(pixels_as_scores(8), more_classes); })
          == "The network outputs (3, 8) for images (3, 1, 8, 1), but pixels has 10 classes.");
    CHECK(error_of([] { evaluate(pixels_as_scores(7), brightest_pixel(3)); }).find("Input 'x' has shape") == 0);
    Dataset restoration = noisy_grey(0.1, {.channels = 1});
    restoration.restoration->scale = 2;
    CHECK(error_of([&] { evaluate(identity(), restoration); }).find("noisy restores to (1, 120, 80, 1)")
          != std::string::npos);
}
