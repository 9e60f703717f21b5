#include "compress/curves/candidates.h"
#include "compress/curves/exact_curves.h"
#include "compress/curves/hybrid_curves.h"
#include "compress/curves/second_order_curves.h"
#include "compress/statistics/gradient_samples.h"
#include "compress/transform/transform_choice.h"
#include "tests/compress/small_networks.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

/// A restoration network whose layers may take no transform or a row KLT.
struct Problem {
    Graph graph = with_biases(restoration_network(3));
    Tensor images = random_images(6, 4);
    std::vector<Layer> layers = find_layers(graph);

    std::vector<LayerAlternatives> predicted() const {
        const std::vector<GradientSamples> samples = sample_gradients(graph, layers, images, {.projections = 8});
        std::vector<LayerAlternatives> curves(layers.size());
        for (std::size_t i = 0; i < layers.size(); ++i) {
            for (const Transform& transform : {Transform{}, Transform{TransformKind::klt, {Axis::row}}}) {
                TransformCurves option{factorize(graph, layers[i], transform, GradientMoments(ConstView())), {}, {}};
                option.blocks = cut_into_blocks(option.factorization, 3);
                for (const Block& block : option.blocks) {
                    option.curves.push_back(candidates(block_values(option.factorization, block), {}));
                }
                predict_distortions(option, samples[i], 8 * 8 * 3);
                curves[i].push_back(std::move(option));
            }
        }
        return curves;
    }

    double measured(std::size_t layer, const TransformCurves& curves, const BlockCandidate& trial) const {
        TransformCurves copy = curves;
        DistortionMeter meter(graph, layers[layer], images, {});
        measure_candidates(copy, std::span(&trial, 1), meter);
        return copy.curves[trial.block][trial.candidate].distortion;
    }
};

constexpr double kLambda = 1e-5;  // about 3 bits a weight of these networks
constexpr double kNone = 1.0;     // no misprediction is tolerated

}  // namespace

TEST_CASE("What an allocation chooses in the end has been measured") {
    const Problem problem;
    std::vector<LayerAlternatives> curves = problem.predicted();
    int allocations = 0;
    const auto allocate_here = [&] {
        ++allocations;
        return allocate(curves, kLambda);
    };
    measure_where_allocated(curves, problem.graph, problem.layers, problem.images, allocate_here,
                            {.tolerance = kNone, .rounds = 50});
    CHECK(allocations > 1);
    CHECK(allocations < 50);
    const Allocation allocation = allocate(curves, kLambda);
    CHECK(allocation.bits() > 0.0);
    for (std::size_t i = 0; i < problem.layers.size(); ++i) {
        const LayerChoice& choice = allocation.layers[i];
        const TransformCurves& option = curves[i][choice.option];
        for (std::size_t block = 0; block < option.blocks.size(); ++block) {
            const std::size_t candidate = choice.candidates[block];
            if (candidate == 0 && option.blocks[block].factor != Block::kCoefficients) continue;
            const double expected = problem.measured(i, option, {block, candidate});
            CHECK(option.curves[block][candidate].distortion == doctest::Approx(expected).epsilon(1e-9));
        }
    }
}

TEST_CASE("A block that was mispredicted is put right beyond what is measured") {
    const Problem problem;
    const std::vector<LayerAlternatives> honest = problem.predicted();
    std::vector<LayerAlternatives> curves = honest;
    for (Candidate& candidate : curves[1][0].curves[1]) candidate.distortion *= 0.01;
    curves[1].resize(1);  // so that the layer has no other transform to turn to
    const auto allocate_here = [&] { return allocate(curves, kLambda); };
    measure_where_allocated(curves, problem.graph, problem.layers, problem.images, allocate_here, {.tolerance = kNone});
    const Curve& repaired = curves[1][0].curves[1];
    const Curve& expected = honest[1][0].curves[1];
    for (std::size_t i = 0; i < repaired.size(); ++i) {
        if (repaired[i].bits > 0.5 * repaired[1 + 4 * 30].bits) continue;  // far finer than what was measured
        CAPTURE(i);
        CHECK(std::abs(std::log2(repaired[i].distortion / expected[i].distortion)) < 1.5);
    }
}

TEST_CASE("Layers that disturb the output nearly as predicted keep their curves") {
    const Problem problem;
    std::vector<LayerAlternatives> curves = problem.predicted();
    const auto distortions = [&] {
        std::vector<double> result;
        for (const LayerAlternatives& options : curves) {
            for (const TransformCurves& option : options) {
                for (const Curve& curve : option.curves) {
                    for (const Candidate& candidate : curve) result.push_back(candidate.distortion);
                }
            }
        }
        return result;
    };
    const std::vector<double> predicted = distortions();
    const auto allocate_here = [&] { return allocate(curves, kLambda); };
    measure_where_allocated(curves, problem.graph, problem.layers, problem.images, allocate_here, {.tolerance = 1e6});
    CHECK(distortions() == predicted);
    measure_where_allocated(curves, problem.graph, problem.layers, problem.images, allocate_here, {.tolerance = kNone});
    CHECK(distortions() != predicted);
}

TEST_CASE("Hybrid curves do not depend on the number of threads, and no rounds change nothing") {
    const Problem problem;
    const std::vector<LayerAlternatives> predicted = problem.predicted();
    const auto distortions_with = [&](std::size_t threads, int rounds) {
        const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
        std::vector<LayerAlternatives> curves = predicted;
        const auto allocate_here = [&] { return allocate(curves, kLambda); };
        measure_where_allocated(curves, problem.graph, problem.layers, problem.images, allocate_here,
                                {.meter = {.corrected = 1.0}, .rounds = rounds});
        std::vector<double> result;
        for (const LayerAlternatives& options : curves) {
            for (const TransformCurves& option : options) {
                for (const Curve& curve : option.curves) {
                    for (const Candidate& candidate : curve) result.push_back(candidate.distortion);
                }
            }
        }
        return result;
    };
    const std::vector<double> one = distortions_with(1, 2);
    CHECK(one == distortions_with(4, 2));
    CHECK(one != distortions_with(1, 0));
    CHECK(distortions_with(1, 0) == distortions_with(4, 0));
}

LayerQuantizer plain_rounding() {
    return [](std::size_t, const TransformCurves& curves, const LayerChoice& choice) {
        return round_blocks(curves, choice);
    };
}

TEST_CASE("Every layer keeps one transform, which allocations then take") {
    const Problem problem;
    std::vector<LayerAlternatives> curves = problem.predicted();
    keep_cheapest_transforms(curves, problem.graph, problem.layers, problem.images, kLambda, plain_rounding(), {});
    const Allocation allocation = allocate(curves, kLambda);
    for (std::size_t i = 0; i < curves.size(); ++i) {
        CHECK(std::ranges::count(curves[i], false, &TransformCurves::disabled) == 1);
        CHECK(!curves[i][allocation.layers[i].option].disabled);
    }
}

TEST_CASE("No layer takes both of two transforms for looking good") {
    const Problem problem;
    const std::vector<LayerAlternatives> predicted = problem.predicted();
    for (std::size_t layer = 0; layer < predicted.size(); ++layer) {
        int kept = 0;
        for (const std::size_t flattered : {0U, 1U}) {
            std::vector<LayerAlternatives> curves = predicted;
            for (Curve& curve : curves[layer][flattered].curves) {
                for (Candidate& candidate : curve) candidate.distortion *= 0.01;
            }
            REQUIRE(allocate(curves, kLambda).layers[layer].option == flattered);
            keep_cheapest_transforms(curves, problem.graph, problem.layers, problem.images, kLambda, plain_rounding(),
                                     {});
            if (!curves[layer][flattered].disabled) ++kept;
        }
        CHECK(kept <= 1);
    }
}

}  // namespace eigenbit::internal
