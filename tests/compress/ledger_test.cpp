#include "compress/compressor.h"
#include "compress/statistics/output_distortion.h"
#include "engine/executor/graph_executor.h"
#include "engine/formats/ebit/ebit.h"
#include "tests/compress/small_networks.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace eigenbit::internal {
namespace {

// What compression achieved when its results last changed. A test fails where a file is larger or disturbs the output
// more than that; and where it is smaller or disturbs less: then the better numbers, which the failure shows, are
// written down here. Both may move by what roundings of another CPU's matrix products do.
constexpr double kBytesTolerance = 0.003;
constexpr double kErrorTolerance = 0.01;

struct Entry {
    double rate;   ///< bits a weight
    double bytes;  ///< of the file
    double error;  ///< of the output, for images that compression did not see: mean square over variance
};

/// Makes neighbouring taps alike, as trained kernels have them.
void smooth_kernels(Graph& graph) {
    for (const Layer& layer : find_layers(graph)) {
        const auto side = std::lround(std::sqrt(static_cast<double>(layer.shape[1])));
        Matrix smoothing(layer.shape[1], layer.shape[1]);
        for (std::int64_t to = 0; to < smoothing.rows(); ++to) {
            double energy = 0.0;
            for (std::int64_t from = 0; from < smoothing.rows(); ++from) {
                const double rows = static_cast<double>(to / side - from / side);
                const double columns = static_cast<double>(to % side - from % side);
                smoothing(to, from) = std::exp(-0.7 * (rows * rows + columns * columns));
                energy += smoothing(to, from) * smoothing(to, from);
            }
            for (std::int64_t from = 0; from < smoothing.rows(); ++from) smoothing(to, from) /= std::sqrt(energy);
        }
        std::ranges::copy(mix(layer_weights(graph, layer), Axis::taps, smoothing).values(),
                          graph.parameter(layer.weight).values().data());
    }
}

Graph as_if_trained(Graph graph, std::uint64_t seed) {
    correlate_weights(graph, seed, 0.1);
    smooth_kernels(graph);
    randomize_biases_and_norms(graph, seed);
    return graph;
}

/// Normalised convolutions with a shortcut, a depthwise and a pointwise one, and a fully-connected layer: 8×8×3 → 10.
Graph classifier() {
    constexpr std::uint64_t kSeed = 5;
    NetworkBuilder builder(Shape{8, 8, 3}, kSeed);
    const auto layer = [&](const std::string& name, ValueId x, const ConvSize& size) {
        return builder.batch_normalization(name + ".norm", builder.conv(name, x, size));
    };
    const auto active = [&](const std::string& name, ValueId x) { return builder.relu(name + ".relu", x); };
    ValueId x = active("stem", layer("stem", builder.input(), {.outputs = 16, .kernel = 3, .padding = 1}));
    const ValueId inner = active("inner", layer("inner", x, {.outputs = 32, .kernel = 3, .padding = 1}));
    x = builder.add("sum", x, layer("outer", inner, {.outputs = 16, .kernel = 3, .padding = 1}));
    x = layer("depthwise", active("sum", x), {.outputs = 16, .kernel = 3, .stride = 2, .padding = 1, .groups = 16});
    x = active("last", layer("last", active("depthwise", x), {.outputs = 48, .kernel = 1}));
    x = builder.linear("linear", builder.global_average_pool("pool", x), 10);
    return as_if_trained(std::move(builder).finish(x), kSeed);
}

/// Convolutions with biases: 8×8×3 → 8×8×3.
Graph restorer() {
    constexpr std::uint64_t kSeed = 2;
    NetworkBuilder builder(Shape{8, 8, 3}, kSeed);
    ValueId x = builder.input();
    for (const auto& [name, outputs] : {std::pair{"first", 16}, std::pair{"second", 24}, std::pair{"third", 16}}) {
        x = builder.conv(name, x, {.outputs = outputs, .kernel = 3, .padding = 1, .bias = true});
        x = builder.relu(std::string(name) + ".relu", x);
    }
    x = builder.conv("last", x, {.outputs = 3, .kernel = 3, .padding = 1});
    return as_if_trained(std::move(builder).finish(x), kSeed);
}

CompressionOptions options_of(std::string_view transform, std::string_view axis) {
    CompressionOptions options;
    options.transforms = transforms_named(transform, axis);
    return options;
}

double variance(ConstView values) {
    double sum = 0.0;
    double squares = 0.0;
    for (const float value : values.values()) {
        sum += value;
        squares += static_cast<double>(value) * value;
    }
    const auto count = static_cast<double>(values.elements());
    return squares / count - sum * sum / (count * count);
}

void check(const Graph& graph, const CompressionOptions& options, std::initializer_list<Entry> entries) {
    const Compressor compressor(graph, random_images(48, 3), options);
    const Tensor images = random_images(32, 4);
    GraphExecutor session(graph, images.shape());
    const double power = variance(session.run(images));
    for (const Entry& entry : entries) {
        const Graph compressed = compressor.at_rate(entry.rate).graph;
        const LevelStorage storage = storage_of(options.candidates.coding);
        const auto bytes = static_cast<double>(encode_ebit({compressed, {}, {}, {}}, storage).bytes.size());
        const double error = output_distortion(graph, compressed, images) / power;
        INFO(fmt::format("now {{{:.1f}, {}, {:.4g}}}", entry.rate, bytes, error));
        CHECK(std::abs(bytes / entry.bytes - 1.0) < kBytesTolerance);
        CHECK(std::abs(error / entry.error - 1.0) < kErrorTolerance);
    }
}

}  // namespace

TEST_CASE("Ledger: by default") {
    check(classifier(), options_of("auto", "auto"),
          {{1.0, 4622, 0.001092}, {2.0, 6038, 0.0001877}, {4.0, 8806, 8.755e-06}});
    check(restorer(), options_of("auto", "auto"), {{1.0, 1884, 0.04466}, {2.0, 2831, 0.005375}, {4.0, 4825, 0.000238}});
}

TEST_CASE("Ledger: with activations of 8 bits, and of as many as pay") {
    CompressionOptions options = options_of("auto", "auto");
    options.activations = ActivationDepths{8, 8};
    check(classifier(), options, {{2.0, 6195, 0.0003808}});
    options.activations = ActivationDepths{};
    check(restorer(), options, {{2.0, 2973, 0.0147}});
}

TEST_CASE("Ledger: without a transform, and with transforms of one and two axes") {
    check(restorer(), options_of("none", "auto"), {{2.0, 2844, 0.01122}});
    check(classifier(), options_of("klt", "channels"), {{2.0, 6007, 0.0002006}});
    check(restorer(), options_of("elt", "both"), {{2.0, 2843, 0.0131}});
    check(restorer(), options_of("intra-elt", "channels"), {{2.0, 2867, 0.00508}});
}

TEST_CASE("Ledger: with levels of fixed depths, measured and predicted distortions") {
    CompressionOptions options = options_of("auto", "auto");
    options.candidates.coding = Coding::fixed;
    check(classifier(), options, {{3.0, 7414, 4.66e-05}});
    options.curves = CurveMethod::second_order;
    check(restorer(), options, {{3.0, 3790, 0.002873}});
    options = options_of("klt", "row");
    options.curves = CurveMethod::exact;
    options.measured_images = 16;
    check(restorer(), options, {{2.0, 2839, 0.00843}});
}

}  // namespace eigenbit::internal
