#include "compress/correction/correction_model.h"
#include "compress/curves/exact_curves.h"
#include "compress/curves/second_order_curves.h"
#include "tests/compress/complete_samples.h"
#include "tests/compress/small_networks.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>

#include <cmath>

namespace eigenbit::internal {
namespace {

TransformCurves uncounted(const Graph& graph, const Layer& layer, const Transform& transform,
                          const GradientSamples& samples, const CandidateOptions& options) {
    TransformCurves curves{factorize(graph, layer, transform, GradientMoments(samples.weights.view())), {}, {}};
    curves.blocks = cut_into_blocks(curves.factorization, 3);
    for (const Block& block : curves.blocks) {
        curves.curves.push_back(candidates(block_values(curves.factorization, block), options));
    }
    return curves;
}

std::vector<BlockCandidate> all_trials(const TransformCurves& curves) {
    std::vector<BlockCandidate> trials;
    for (std::size_t block = 0; block < curves.curves.size(); ++block) {
        for (std::size_t i = 0; i < curves.curves[block].size(); ++i) trials.push_back({block, i});
    }
    return trials;
}

}  // namespace

TEST_CASE("For a linear network the prediction is exact") {
    const Graph graph = with_biases(linear_network(4));
    const Tensor images = random_images(3, 5);
    for (const char* name : {"conv1", "conv2", "linear"}) {
        const Layer layer = find_layer(graph, name);
        const GradientSamples samples = complete_samples(graph, layer, images);
        for (const Transform& transform :
             {Transform{}, Transform{TransformKind::klt, {Axis::row}}, Transform{TransformKind::elt, {Axis::row}},
              Transform{TransformKind::elt, {Axis::column}}, Transform{TransformKind::klt, {Axis::taps}},
              Transform{TransformKind::klt, {Axis::row, Axis::column}}}) {
            CAPTURE(name);
            CAPTURE(to_string(transform));
            TransformCurves predicted = uncounted(graph, layer, transform, samples, {.coding = Coding::fixed});
            predict_distortions(predicted, samples, 4);
            TransformCurves measured = predicted;
            DistortionMeter meter(graph, layer, images, {});
            const std::vector<BlockCandidate> trials = all_trials(measured);
            measure_candidates(measured, trials, meter);
            for (const BlockCandidate& trial : trials) {
                const Candidate& expected = measured.curves[trial.block][trial.candidate];
                if (expected.distortion < 1e-6) continue;  // float rounding of the outputs begins to show
                const Candidate& found = predicted.curves[trial.block][trial.candidate];
                CHECK(found.distortion == doctest::Approx(expected.distortion).epsilon(1e-3));
            }
        }
    }
}

TEST_CASE("With rectifiers the prediction of 6 and 8 bits is within a quarter of what is measured") {
    const Graph graph = with_biases(residual_network(6, true));
    const Tensor images = random_images(16, 7);
    for (const char* name : {"stem", "inner", "last", "linear"}) {
        const Layer layer = find_layer(graph, name);
        const GradientSamples samples = complete_samples(graph, layer, images);
        TransformCurves curves =
            uncounted(graph, layer, {TransformKind::elt, {Axis::row}}, samples, {.coding = Coding::fixed});
        predict_distortions(curves, samples, 5);
        std::vector<BlockCandidate> trials;
        for (std::size_t block = 0; block < curves.curves.size(); ++block) {
            for (const int depth : {6, 8}) {
                std::size_t best = 0;
                for (std::size_t i = 1; i < curves.curves[block].size(); ++i) {
                    const Candidate& candidate = curves.curves[block][i];
                    if (candidate.quantizer.bit_depth != depth) continue;
                    if (best == 0 || candidate.distortion < curves.curves[block][best].distortion) best = i;
                }
                trials.push_back({block, best});
            }
        }
        TransformCurves measured = curves;
        DistortionMeter meter(graph, layer, images, {});
        measure_candidates(measured, trials, meter);
        for (const BlockCandidate& trial : trials) {
            CAPTURE(name);
            const double expected = measured.curves[trial.block][trial.candidate].distortion;
            CHECK(curves.curves[trial.block][trial.candidate].distortion == doctest::Approx(expected).epsilon(0.25));
        }
    }
}

TEST_CASE("Gradients of what the correction leaves predict the corrected distortion") {
    const Graph graph = with_biases(residual_network(6, true));
    const Tensor images = random_images(16, 7);
    for (const char* name : {"stem", "inner", "last", "linear"}) {
        const Layer layer = find_layer(graph, name);
        GradientSamples samples = complete_samples(graph, layer, images);
        const CorrectionModel model = correction_models(graph, std::span(&layer, 1), images).front();
        apply_correction(model, 1.0, layer_weights(graph, layer), samples);
        TransformCurves predicted =
            uncounted(graph, layer, {}, samples, {.coding = Coding::entropy, .dead_zones = false});
        predict_distortions(predicted, samples, 5);
        TransformCurves measured = predicted;
        std::vector<BlockCandidate> trials;
        for (std::size_t block = 0; block < predicted.curves.size(); ++block) {
            for (const std::size_t octave : {4UL, 5UL, 6UL}) trials.push_back({block, 1 + 4 * octave});
        }
        DistortionMeter meter(graph, layer, images, {.corrected = 1.0});
        measure_candidates(measured, trials, meter);
        for (const BlockCandidate& trial : trials) {
            CAPTURE(name);
            CHECK(predicted.curves[trial.block][trial.candidate].distortion
                  == doctest::Approx(measured.curves[trial.block][trial.candidate].distortion).epsilon(0.25));
        }
    }
}

TEST_CASE("Predicted curves do not depend on the number of threads") {
    const Graph graph = with_biases(residual_network(6, true));
    const Tensor images = random_images(8, 7);
    const std::vector<Layer> layers{find_layer(graph, "inner")};
    const auto distortions_with = [&](std::size_t threads) {
        const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
        const GradientSamples samples = sample_gradients(graph, layers, images, {}).front();
        TransformCurves curves = uncounted(graph, layers[0], {TransformKind::elt, {Axis::row}}, samples, {});
        predict_distortions(curves, samples, 5);
        std::vector<double> result;
        for (const Curve& curve : curves.curves) {
            for (const Candidate& candidate : curve) result.push_back(candidate.distortion);
        }
        return result;
    };
    CHECK(distortions_with(1) == distortions_with(4));
}

}  // namespace eigenbit::internal
