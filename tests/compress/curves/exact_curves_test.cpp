#include "compress/correction/correction_model.h"
#include "compress/curves/candidates.h"
#include "compress/curves/exact_curves.h"
#include "compress/statistics/gradient_samples.h"
#include "tests/compress/small_networks.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>

#include <cmath>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kMemory = 1LL << 28;

TransformCurves curves_of(const Graph& graph, const Layer& layer, const Transform& transform,
                          const CandidateOptions& options) {
    TransformCurves curves{factorize(graph, layer, transform, GradientMoments(ConstView())), {}, {}};
    curves.blocks = cut_into_blocks(curves.factorization, 3);
    for (const Block& block : curves.blocks) {
        curves.curves.push_back(candidates(block_values(curves.factorization, block), options));
    }
    return curves;
}

double mean_squared_change(const Graph& graph, const Graph& other, const Tensor& images) {
    GraphExecutor before(graph, images.shape());
    GraphExecutor after(other, images.shape());
    const ConstView y = before.run(images);
    const ConstView y_hat = after.run(images);
    double sum = 0.0;
    for (std::int64_t i = 0; i < y.elements(); ++i) {
        sum += (static_cast<double>(y_hat[i]) - y[i]) * (static_cast<double>(y_hat[i]) - y[i]);
    }
    return sum / static_cast<double>(y.elements());
}

/// The mean squared change of the output when one block is quantized, by replacing the weights and running everything.
double distortion_by_definition(const Graph& graph, const Layer& layer, const TransformCurves& curves,
                                const BlockCandidate& trial, const Tensor& images) {
    Factorization changed = curves.factorization;
    const Block& block = curves.blocks[trial.block];
    const std::vector<float> values = block_values(changed, block);
    std::vector<float> errors(values.size());
    quantization_errors(values, curves.curves[trial.block][trial.candidate].quantizer, errors);
    for_each_element(curves.factorization, block, [&](std::int64_t k, std::int64_t element) {
        const float value = values[static_cast<std::size_t>(k)] + errors[static_cast<std::size_t>(k)];
        if (block.factor == Block::kCoefficients) {
            changed.coefficients[element] = value;
        } else {
            changed.bases[static_cast<std::size_t>(block.factor)]
                .synthesis.values()[static_cast<std::size_t>(element)] = value;
        }
    });
    Graph other = graph;
    const Tensor weights = synthesize(changed);
    std::ranges::copy(weights.values(), other.parameter(layer.weight).values().data());
    return mean_squared_change(graph, other, images);
}

}  // namespace

TEST_CASE("A measured distortion is the change of the output when only that block is quantized") {
    const Graph graph = residual_network(2, true);
    const Tensor images = random_images(7, 3);
    for (const char* name : {"stem", "inner", "last", "linear"}) {
        const Layer layer = find_layer(graph, name);
        DistortionMeter meter(graph, layer, images, {});
        for (const Transform& transform :
             {Transform{}, Transform{TransformKind::klt, {Axis::row}}, Transform{TransformKind::klt, {Axis::column}},
              Transform{TransformKind::klt, {Axis::taps}}, Transform{TransformKind::dct2, {Axis::taps}},
              Transform{TransformKind::klt, {Axis::row, Axis::column}}}) {
            TransformCurves curves = curves_of(graph, layer, transform, {.coding = Coding::fixed});
            std::vector<BlockCandidate> trials;
            for (std::size_t block = 0; block < curves.blocks.size(); ++block) {
                for (const std::size_t candidate : {0UL, 20UL, 50UL}) {
                    if (candidate < curves.curves[block].size()) trials.push_back({block, candidate});
                }
            }
            measure_candidates(curves, trials, meter);
            for (const BlockCandidate& trial : trials) {
                CAPTURE(name);
                CAPTURE(to_string(transform));
                const Candidate& found = curves.curves[trial.block][trial.candidate];
                const double expected = distortion_by_definition(graph, layer, curves, trial, images);
                CHECK(found.distortion == doctest::Approx(expected).epsilon(1e-3));
            }
        }
    }
}

TEST_CASE("Corrected, a shift of a layer's channels is no distortion, and a gain a smaller one") {
    // Pixels that are all alike: any change of the weights of the first layer is a shift of what it outputs.
    const Graph graph = with_biases(linear_network(2));
    const Layer first = find_layer(graph, "conv3");
    Tensor constant_input(Shape{2, 8, 8, 3});
    const auto disturb = [&](std::size_t, std::span<float> weights) {
        Random random({17});
        for (float& weight : weights) weight += 0.5F * static_cast<float>(random.normal());
    };
    DistortionMeter plain(graph, first, constant_input, {});
    DistortionMeter corrected(graph, first, constant_input, {.corrected = 1.0});
    CHECK(plain.measure(1, disturb)[0] > 1e-3);
    CHECK(corrected.measure(1, disturb)[0] < 1e-8);

    const Graph network = with_biases(residual_network(2, true));
    const Tensor images = random_images(20, 3);
    for (const char* name : {"stem", "inner", "linear"}) {
        const Layer layer = find_layer(network, name);
        const auto halve = [&](std::size_t, std::span<float> weights) {
            for (float& weight : weights) weight *= 0.5F;
        };
        DistortionMeter uncorrected(network, layer, images, {});
        DistortionMeter restoring(network, layer, images, {.corrected = 1.0});
        CHECK(restoring.measure(1, halve)[0] < 0.4 * uncorrected.measure(1, halve)[0]);
    }
}

TEST_CASE("A corrected distortion is that with every channel's mean restored, and its gain as far as is trusted") {
    const Graph graph = with_biases(residual_network(2, true));
    const Tensor images = random_images(20, 3);
    const Layer layer = find_layer(graph, "inner");
    const Node& node = graph.nodes()[layer.node];
    const auto disturb = [&](std::span<float> weights) {
        Random random({17});
        for (float& weight : weights) weight += 0.05F * static_cast<float>(random.normal());
    };
    const auto moments_of = [&](const Graph& network) {
        GraphExecutor session(network, images.shape(), {.keep_values = true});
        session.run(images);
        ChannelSums sums(layer.shape[0]);
        sums.add(session.value(node.outputs[0]));
        return sums.moments();
    };
    Graph changed = graph;
    disturb(changed.parameter(layer.weight).values().values());
    const ChannelMoments before = moments_of(graph);
    const ChannelMoments now = moments_of(changed);
    Tensor& weights = changed.parameter(layer.weight).values();
    for (std::int64_t i = 0; i < weights.elements(); ++i) {
        const auto channel = static_cast<std::size_t>(i / layer.shape.elements(1, 3));
        const double gain = std::sqrt(before.variance[channel] / now.variance[channel]);
        weights[i] *= static_cast<float>(std::pow(gain, kTrustedGain));
    }
    const ChannelMoments scaled = moments_of(changed);
    for (std::size_t c = 0; c < before.mean.size(); ++c) {
        changed.parameter(node.inputs[2]).values()[static_cast<std::int64_t>(c)] +=
            static_cast<float>(before.mean[c] - scaled.mean[c]);
    }
    DistortionMeter meter(graph, layer, images, {.corrected = 1.0});
    const double measured = meter.measure(1, [&](std::size_t, std::span<float> tried) { disturb(tried); })[0];
    CHECK(measured == doctest::Approx(mean_squared_change(graph, changed, images)).epsilon(1e-3));
    CHECK(meter.measure(1, [](std::size_t, std::span<float>) {})[0] < 1e-10);
}

TEST_CASE("Memory decides how often the network is run, not what is measured") {
    const Graph graph = residual_network(2, false);
    const Tensor images = random_images(40, 3);
    const Layer layer = find_layer(graph, "inner");
    const auto measure_with = [&](std::int64_t memory, std::size_t threads) {
        const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
        DistortionMeter meter(graph, layer, images, {.corrected = 1.0, .memory_bytes = memory});
        TransformCurves curves = curves_of(graph, layer, {TransformKind::klt, {Axis::row}}, {});
        measure_distortions(curves, meter);
        std::vector<double> distortions;
        for (const Curve& curve : curves.curves) {
            for (const Candidate& candidate : curve) distortions.push_back(candidate.distortion);
        }
        return distortions;
    };
    const std::vector<double> generous = measure_with(kMemory, 2);
    CHECK(generous.size() > 20);
    CHECK(measure_with(0, 2) == generous);
    CHECK(measure_with(1 << 20, 2) == generous);
    CHECK(measure_with(kMemory, 1) == generous);
    CHECK(measure_with(kMemory, 4) == generous);
}

TEST_CASE("Exact curves of fixed depth keep zero and the best step of every depth") {
    const Graph graph = restoration_network(2);
    const Tensor images = random_images(8, 3);
    const Layer layer = find_layer(graph, "second");
    DistortionMeter meter(graph, layer, images, {});
    TransformCurves all =
        curves_of(graph, layer, {TransformKind::klt, {Axis::row}}, {.coding = Coding::fixed, .offsets = false});
    TransformCurves found = all;
    std::vector<BlockCandidate> trials;
    for (std::size_t block = 0; block < all.curves.size(); ++block) {
        for (std::size_t i = 0; i < all.curves[block].size(); ++i) trials.push_back({block, i});
    }
    measure_candidates(all, trials, meter);
    measure_distortions(found, meter);
    double excess = 0.0;
    for (std::size_t block = 0; block < all.curves.size(); ++block) {
        const Curve& curve = found.curves[block];
        REQUIRE(curve.size() == 9);  // zero, 1 … 8 bits
        CHECK(curve[0].quantizer == Quantizer{});
        for (std::size_t i = 1; i < curve.size(); ++i) {
            double best = 1e300;
            for (const Candidate& candidate : all.curves[block]) {
                const Quantizer& q = candidate.quantizer;
                if (q.bit_depth != curve[i].quantizer.bit_depth) continue;
                best = std::min(best, candidate.distortion);
            }
            CHECK(curve[i].distortion >= best);
            excess += std::log2(curve[i].distortion / best) / static_cast<double>(8 * all.curves.size());
        }
    }
    CHECK(excess < 0.05);  // octaves: the descent may end in a local minimum now and then
}

TEST_CASE("Exact curves of entropy coding come close to the convex hull of all candidates") {
    const Graph graph = restoration_network(2);
    const Tensor images = random_images(8, 3);
    const Layer layer = find_layer(graph, "second");
    DistortionMeter meter(graph, layer, images, {});
    TransformCurves all = curves_of(graph, layer, {}, {.coding = Coding::entropy});
    TransformCurves found = all;
    std::vector<BlockCandidate> trials;
    for (std::size_t block = 0; block < all.curves.size(); ++block) {
        for (std::size_t i = 0; i < all.curves[block].size(); ++i) trials.push_back({block, i});
    }
    measure_candidates(all, trials, meter);
    measure_distortions(found, meter);
    double sum = 0.0;
    double count = 0.0;
    for (std::size_t block = 0; block < all.curves.size(); ++block) {
        CHECK(found.curves[block].size() < 0.6 * static_cast<double>(all.curves[block].size()));
        for (double lambda = 1.0; lambda > 1e-9; lambda *= 0.5) {
            const auto least_cost = [&](const Curve& curve) {
                double least = 1e300;
                for (const Candidate& c : curve) least = std::min(least, c.distortion + lambda * c.bits);
                return least;
            };
            const double ratio = least_cost(found.curves[block]) / least_cost(all.curves[block]);
            CHECK(ratio < 1.1);
            sum += ratio;
            ++count;
        }
    }
    CHECK(sum < 1.02 * count);
}

TEST_CASE("A correction needs a bias to change") {
    const Graph graph = residual_network(2, true);
    const Tensor images = random_images(2, 3);
    CHECK(error_of([&] { DistortionMeter(graph, find_layer(graph, "stem"), images, {.corrected = 1.0}); })
          == "Layer 'stem' has no bias that a correction could change.");
}

TEST_CASE("Without images nothing can be measured") {
    const Graph graph = restoration_network(2);
    const Tensor images(Shape{0, 8, 8, 3});
    CHECK(error_of([&] { DistortionMeter(graph, find_layer(graph, "first"), images, {}); })
          == "Distortions are measured on calibration images; there are none.");
}

}  // namespace eigenbit::internal
