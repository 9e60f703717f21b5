#include "tests/api/bright_halves.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <numeric>

using eigenbit::internal::error_of;
using eigenbit::internal::TemporaryFolder;

namespace {

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

eigenbit::Model trained_network(const eigenbit::Dataset& data) {
    eigenbit::Model network = small_network(data);
    eigenbit::train(network, data, {.epochs = 2, .batch = 20});
    return network;
}

}  // namespace

TEST_CASE("a network is compressed to several rates, and each tells what became of it") {
    const TemporaryFolder folder;
    const eigenbit::Dataset data = bright_halves(120, 1);
    const eigenbit::Dataset unseen = bright_halves(90, 2);
    const eigenbit::Model network = trained_network(data);
    eigenbit::Compressor compressor(network, data, {"none", "auto"},
                                    {.validation = &unseen, .activation_bits = 8, .images = 60});
    CHECK(compressor.images() == 60);
    CHECK(*compressor.float_quality()->top1 == *eigenbit::evaluate(network, unseen).top1);
    CHECK(error_of<eigenbit::Error>([&] { compressor.write_report(folder / "r.html", {}); }).find("no compressed")
          != std::string::npos);
    std::vector<std::string> order;
    compressor.compress({4.0, 2.0}, [&](const eigenbit::CompressedNetwork& one) {
        order.push_back(one.transform);
        CHECK(one.bits_per_weight <= one.rate);
        CHECK(one.bits_per_weight == doctest::Approx(one.model.bits_per_weight()).epsilon(1e-4));
        CHECK(one.file_bytes == std::ssize(one.model.pack()));
        CHECK(*one.quality->top1 == *eigenbit::evaluate(one.model, unseen).top1);
        CHECK(*one.bits_per_activation == 8.0);
        CHECK(one.layers.size() == 3);
        CHECK(one.layers.front().name == "conv1");
    });
    CHECK(order == std::vector<std::string>{"none", "none", "auto", "auto"});
    compressor.write_report(folder / "r.html", {.model = "halves", .version = "7.7"});
    CHECK(text_of(folder / "r.html").find("halves") != std::string::npos);
    compressor.write_plot(folder / "p.svg", {});
    CHECK(text_of(folder / "p.svg").find("<svg") != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { compressor.compress({}, {}); }).find("0 targets") != std::string::npos);
}

TEST_CASE("a network is looked at layer by layer, and its bytes are all accounted for") {
    const eigenbit::Dataset data = bright_halves(120, 1);
    const eigenbit::Model network = trained_network(data);
    const eigenbit::Inspection floats = eigenbit::inspect(network);
    CHECK(floats.parameters == network.parameter_count());
    CHECK(floats.bytes.empty());
    CHECK_FALSE(floats.memory.has_value());
    CHECK(floats.inputs == std::vector<eigenbit::Extents>{{1, kSide, kSide, 1}});
    const eigenbit::LayerInspection& conv = floats.layers.front();
    CHECK(conv.name == "conv1");
    CHECK(conv.weight == eigenbit::Extents{8, 3, 3, 1});
    CHECK(conv.output == eigenbit::Extents{1, 6, 6, 8});
    CHECK(conv.multiply_accumulates == 6 * 6 * 8 * 9);
    const auto stride = std::ranges::find(conv.attributes, "stride", &eigenbit::Attribute::name);
    REQUIRE(stride != conv.attributes.end());
    CHECK(std::get<eigenbit::Extents>(stride->value) == eigenbit::Extents{2, 2});

    const eigenbit::Model small = eigenbit::compress(network, data, {.rate = 3, .activation_bits = 8});
    const eigenbit::Inspection packed = eigenbit::inspect(small);
    std::int64_t bytes = 0;
    for (const auto& [category, count] : packed.bytes) bytes += count;
    CHECK(bytes == std::ssize(small.pack()));
    CHECK(packed.has_activation_quantizers);
    REQUIRE(packed.memory.has_value());
    CHECK(packed.memory->bytes > 0);
    CHECK(packed.layers.front().levels->weights == 8 * 9);
}

TEST_CASE("images that a function reads are data like those in memory; what it throws comes out") {
    const eigenbit::Dataset data = bright_halves(60, 1);
    const eigenbit::Model network = trained_network(data);
    std::vector<std::uint8_t> left(kSide * kSide);
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = i % kSide < kSide / 2 ? 140 : 70;
    const std::vector<int> labels{0, 0, 1, 0};
    const auto read = [&](std::int64_t, std::span<std::uint8_t> pixels) { std::ranges::copy(left, pixels.begin()); };
    const eigenbit::Dataset same = eigenbit::Dataset::of(read, {kSide, kSide, 1}, labels, kClasses);
    CHECK(same.size() == 4);
    CHECK(*eigenbit::evaluate(network, same).top1 == 0.75);
    CHECK(*eigenbit::evaluate(network, same.first(2)).top1 == 1.0);
    const auto refuse = [](std::int64_t, std::span<std::uint8_t>) { throw std::length_error("no image"); };
    const eigenbit::Dataset broken = eigenbit::Dataset::of(refuse, {kSide, kSide, 1}, labels, kClasses);
    CHECK_THROWS_AS(eigenbit::evaluate(network, broken), std::length_error);
}

TEST_CASE("statistics tell of each layer what it is told of all examples") {
    const eigenbit::Dataset data = bright_halves(60, 1);
    const eigenbit::Model network = trained_network(data);
    std::int64_t told = 0;
    const eigenbit::NetworkStatistics found =
        eigenbit::statistics(network, data, {.images = 40, .on_progress = [&](std::int64_t now) { told = now; }});
    CHECK(found.images == 40);
    CHECK(told == 40);
    REQUIRE(found.layers.size() == 3);
    const eigenbit::LayerStatistics& second = found.layers[1];
    CHECK(second.shape == eigenbit::Extents{8, 9, 8});
    REQUIRE(second.axes.size() == 2);
    for (const eigenbit::AxisStatistics& axis : second.axes) {
        const std::vector<double>& values = axis.weights.eigenvalues;
        CHECK(std::accumulate(values.begin(), values.end(), 0.0) == doctest::Approx(axis.weights.trace));
    }
    CHECK(second.input.least == 0.0);  // after a ReLU
    const auto& counts = second.input.histogram.counts;
    CHECK(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}) == 40 * 6 * 6 * 8);
}

TEST_CASE("predictions are the evaluation's, in floats, simulated and in int8, of images and of arrays") {
    const TemporaryFolder folder;
    const eigenbit::Dataset data = bright_halves(120, 1);
    eigenbit::Model network = trained_network(data);
    CHECK_FALSE(network.runs_in_int8());
    CHECK(error_of<eigenbit::Error>([&] { eigenbit::Predictor(network, eigenbit::Arithmetic::int8); }).find("round")
          != std::string::npos);
    CHECK(eigenbit::add_quantizers(network, data).activations > 0);
    CHECK(eigenbit::add_quantizers(network, data).activations == 0);
    CHECK(network.runs_in_int8());

    eigenbit::Image right{kSide, kSide, 1, std::vector<std::uint8_t>(kSide * kSide)};
    for (std::size_t i = 0; i < right.pixels.size(); ++i) right.pixels[i] = i % kSide >= kSide / 2 ? 140 : 70;
    eigenbit::write_png(folder / "right.png", right);
    using eigenbit::Arithmetic;
    for (const Arithmetic arithmetic : {Arithmetic::floats, Arithmetic::simulated, Arithmetic::int8}) {
        eigenbit::Predictor predictor(network, arithmetic);
        CHECK(predictor.set_image(folder / "right.png") == eigenbit::OutputKind::scores);
        const eigenbit::Prediction prediction = predictor.predict();
        CHECK(prediction.shares.front().name == "right");
        CHECK(std::accumulate(prediction.shares.begin(), prediction.shares.end(), 0.0,
                              [](double sum, const eigenbit::Share& share) { return sum + share.value; })
              == doctest::Approx(1.0));
        CHECK(prediction.outputs.size() == 1);
        CHECK(prediction.outputs.front().values.size() == prediction.shares.size());
        CHECK((predictor.weight_bytes() > 0) == (arithmetic != Arithmetic::simulated));

        const eigenbit::Array one{{1, kSide, kSide}, std::vector<float>(kSide * kSide, 0.5F), "one"};
        const eigenbit::Array batch{{3, kSide, kSide, 1}, std::vector<float>(3 * kSide * kSide, 0.5F), "batch"};
        const std::vector<float> of_one = predictor.run({&one, 1}).front().values;
        const std::vector<float> of_batch = predictor.run({&batch, 1}).front().values;
        CHECK(of_batch.size() == 3 * of_one.size());
        for (std::size_t i = 0; i < of_one.size(); ++i) CHECK(of_batch[i] == doctest::Approx(of_one[i]));
    }
    eigenbit::Predictor predictor(network);
    const eigenbit::Array wrong{{2, 2}, std::vector<float>(4), "wrong.npy"};
    CHECK(error_of<eigenbit::Error>([&] { predictor.run({&wrong, 1}); }).find("wrong.npy") != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { predictor.set_image("nowhere.png"); }).find("nowhere.png")
          != std::string::npos);
}

TEST_CASE("speed is measured, step by step") {
    const eigenbit::Dataset data = bright_halves(60, 1);
    const eigenbit::Model network = small_network(data);
    const eigenbit::Benchmark measured = eigenbit::benchmark(
        network, {.arithmetic = eigenbit::Arithmetic::int8, .batch = 2, .seconds = 0.0, .profile = true});
    CHECK(measured.seconds.size() == 10);
    CHECK(std::ranges::is_sorted(measured.seconds));
    CHECK(measured.percentile(0.0) == measured.seconds.front());
    CHECK(measured.percentile(1.0) == measured.seconds.back());
    CHECK(measured.added_quantizers > 0);
    REQUIRE(measured.prepared.has_value());
    std::int64_t macs = 0;
    for (const eigenbit::StepProfile& step : measured.prepared->steps) macs += step.multiply_accumulates;
    CHECK(macs == measured.prepared->multiply_accumulates);
    const std::vector<eigenbit::CpuImplementation> all = eigenbit::cpu_implementations();
    CHECK(std::ranges::count_if(all, &eigenbit::CpuImplementation::is_active) == 1);
}

TEST_CASE("weights and arrays go to files and come back") {
    const TemporaryFolder folder;
    const eigenbit::Dataset data = bright_halves(60, 1);
    const eigenbit::Model network = small_network(data);
    network.save(folder / "weights.safetensors");
    eigenbit::Model other = eigenbit::Model(network);
    eigenbit::train(other, data, {.epochs = 1, .batch = 20});
    CHECK(other.pack() != network.pack());
    eigenbit::Model restored = small_network(data);
    CHECK(restored.take_weights(folder / "weights.safetensors").kept.empty());
    CHECK(restored.pack() == network.pack());

    const eigenbit::Array array{{2, 3}, {1.0F, -2.0F, 3.5F, 0.0F, 1e-20F, 7.0F}, "array"};
    eigenbit::write_npy(folder / "array.npy", array);
    const eigenbit::Array back = eigenbit::read_npy(folder / "array.npy");
    CHECK(back.shape == array.shape);
    CHECK(back.values == array.values);
    CHECK(error_of<eigenbit::Error>([&] {
              eigenbit::write_npy(folder / "array.npy", {{2, 2}, {1.0F}, "bad"});
          }).find("bad has shape")
          != std::string::npos);
    CHECK(error_of<eigenbit::Error>([&] { network.input_shape(1); }).find("no input 1") != std::string::npos);
}
