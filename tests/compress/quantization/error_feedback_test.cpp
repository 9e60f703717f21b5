#include "compress/curves/candidates.h"
#include "compress/curves/second_order_curves.h"
#include "compress/quantization/error_feedback.h"
#include "tests/compress/complete_samples.h"
#include "tests/compress/small_networks.h"

#include <doctest/doctest.h>

namespace eigenbit::internal {
namespace {

/// A layer of a small network at one step for everything, and what its errors do to the output.
struct Problem {
    explicit Problem(const Transform& transform, float offset = 0.0F)
        : graph(with_biases(residual_network(6, true))),
          layer(find_layer(graph, "inner")),
          samples(complete_samples(graph, layer, random_images(400, 7))),
          moments(samples.weights.view()),
          metric(error_metric(samples, moments, 5)),
          curves{factorize(graph, layer, transform, moments), {}, {}} {
        curves.blocks = cut_into_blocks(curves.factorization, 3);
        for (const Block& block : curves.blocks) {
            Quantizer quantizer{.bit_depth = Quantizer::kUnclipped, .step = 0.05F};
            if (block.factor == Block::kCoefficients) quantizer = {Quantizer::kUnclipped, 0.1F, offset};
            curves.curves.push_back({Candidate{.quantizer = quantizer}});
        }
        choice.candidates.assign(curves.blocks.size(), 0);
    }

    BlockLevels with_feedback(double lambda) const {
        return quantize_with_feedback(curves, choice, metric, layer_weights(graph, layer), lambda);
    }

    Tensor error(const BlockLevels& levels) const {
        Tensor difference = image(quantize_layer(curves, choice, levels));
        difference.reshape(layer.shape);
        const Tensor weights = layer_weights(graph, layer);
        for (std::int64_t i = 0; i < weights.elements(); ++i) difference[i] -= weights[i];
        return difference;
    }

    /// Mean of ⟨g, dΘ⟩² over the gradient samples.
    double distortion(const BlockLevels& levels) const {
        const Tensor difference = error(levels);
        double sum = 0.0;
        for (std::int64_t sample = 0; sample < samples.count(); ++sample) {
            double effect = 0.0;
            for (std::int64_t i = 0; i < difference.elements(); ++i) {
                effect += static_cast<double>(samples.weights[sample * difference.elements() + i]) * difference[i];
            }
            sum += effect * effect;
        }
        return sum / static_cast<double>(samples.count());
    }

    Graph graph;
    Layer layer;
    GradientSamples samples;
    GradientMoments moments;
    ErrorMetric metric;
    TransformCurves curves;
    LayerChoice choice;
};

const Transform kTransforms[] = {
    {}, {TransformKind::klt, {Axis::row}}, {TransformKind::elt, {Axis::row}}, {TransformKind::elt, {Axis::column}}};

}  // namespace

TEST_CASE("Feedback more than halves what errors of the weights do to the output") {
    for (const Transform& transform : kTransforms) {
        for (const float offset : {0.0F, 0.5F}) {
            CAPTURE(to_string(transform));
            CAPTURE(offset);
            const Problem problem(transform, offset);
            const BlockLevels rounded = round_blocks(problem.curves, problem.choice);
            CHECK(problem.distortion(problem.with_feedback(0.0)) < 0.5 * problem.distortion(rounded));
        }
    }
}

TEST_CASE("Under a metric that is not positive definite, feedback is rounding") {
    for (Matrix ErrorMetric::*side : {&ErrorMetric::outputs, &ErrorMetric::inputs}) {
        Problem problem({});
        for (double& value : (problem.metric.*side).values()) value = -value;
        CHECK(problem.with_feedback(0.0) == round_blocks(problem.curves, problem.choice));
    }
}

TEST_CASE("Where errors do not meet in the output, feedback is rounding") {
    Problem problem({});
    for (Matrix* side : {&problem.metric.outputs, &problem.metric.inputs}) *side = Matrix::identity(side->rows());
    CHECK(problem.with_feedback(0.0) == round_blocks(problem.curves, problem.choice));
}

TEST_CASE("A larger λ makes feedback choose cheaper levels") {
    for (const Transform& transform : kTransforms) {
        CAPTURE(to_string(transform));
        const Problem problem(transform);
        double bits = INFINITY;
        for (const double lambda : {0.0, 1e-5, 1e-4, 1e-3}) {
            const double spent = level_bits(problem.curves, problem.choice, problem.with_feedback(lambda));
            CHECK(spent <= bits);
            bits = spent;
        }
        const double plain = level_bits(problem.curves, problem.choice, round_blocks(problem.curves, problem.choice));
        CHECK(bits < 0.8 * plain);
    }
}

}  // namespace eigenbit::internal
