#include "compress/allocation/allocation.h"
#include "compress/curves/candidates.h"
#include "compress/curves/second_order_curves.h"
#include "compress/statistics/distortion_meter.h"
#include "tests/compress/complete_samples.h"
#include "tests/compress/small_networks.h"

#include <doctest/doctest.h>

#include <cmath>

// Theorems 1 and 2 of Young et al. at high rate: with steps that make every coefficient equally dear, the distortion is
// ε² 2^(−2R) times the geometric mean of the products of the gradients' and the coefficients' second moments.

namespace eigenbit::internal {
namespace {

/// A layer under a transform, every row of T a block, with the rows' second moments.
struct RowStatistics {
    TransformCurves curves;
    std::vector<double> coefficients;  // (UᵗC_θθU)_kk
    std::vector<double> gradients;     // (U⁻¹C_γγU⁻ᵗ)_kk
};

RowStatistics row_statistics(const Graph& graph, const Layer& layer, const Transform& transform,
                             const GradientSamples& samples) {
    RowStatistics result{{factorize(graph, layer, transform, GradientMoments(samples.weights.view())), {}, {}}, {}, {}};
    const Factorization& factorization = result.curves.factorization;
    const std::int64_t rows = extent(factorization.coefficients.shape(), factorization.block_axis);
    for (std::int64_t row = 0; row < rows; ++row) {
        result.curves.blocks.push_back({Block::kCoefficients, row, row + 1});
        result.curves.curves.emplace_back();
        double square = 0.0;
        const std::vector<float> values = block_values(factorization, result.curves.blocks.back());
        for (const float value : values) square += static_cast<double>(value) * value;
        result.coefficients.push_back(square / static_cast<double>(values.size()));
    }
    const Matrix synthesis =
        factorization.bases.empty() ? Matrix::identity(rows) : factorization.bases.front().synthesis;
    const Matrix moments = multiply(
        multiply(transpose(synthesis), gradient_moments(samples.weights, factorization.block_axis)), synthesis);
    for (std::int64_t row = 0; row < rows; ++row) result.gradients.push_back(moments(row, row));
    return result;
}

double geometric_mean(const std::vector<double>& values) {
    double sum = 0.0;
    for (const double value : values) sum += std::log(value);
    return std::exp(sum / static_cast<double>(values.size()));
}

/// Gives every row the one candidate with Δ_k ∝ 1 / sqrt((U⁻¹C_γγU⁻ᵗ)_kk), the factor such that the mean over the rows
/// of log2(σ_k / Δ_k), which is the rate but for a constant, is the one asked for.
void choose_steps(RowStatistics& rows, double rate) {
    const double product = geometric_mean(rows.coefficients) * geometric_mean(rows.gradients);
    const double common = std::sqrt(product) * std::exp2(-rate);
    for (std::size_t row = 0; row < rows.gradients.size(); ++row) {
        const double step = common / std::sqrt(rows.gradients[row]);
        const Quantizer quantizer{.bit_depth = Quantizer::kUnclipped, .step = static_cast<float>(step)};
        rows.curves.curves[row] = {Candidate{.quantizer = quantizer}};
    }
}

double predicted_distortion(RowStatistics& rows, const GradientSamples& samples, std::int64_t outputs) {
    predict_distortions(rows.curves, samples, outputs);
    double sum = 0.0;
    for (const Curve& curve : rows.curves.curves) sum += curve.front().distortion;
    return sum;
}

/// All rows quantized together.
double measured_distortion(const RowStatistics& rows, const Graph& graph, const Layer& layer, ConstView images) {
    Factorization quantized = rows.curves.factorization;
    for (std::size_t row = 0; row < rows.curves.blocks.size(); ++row) {
        const Block& block = rows.curves.blocks[row];
        const std::vector<float> values = block_values(quantized, block);
        std::vector<float> errors(values.size());
        quantization_errors(values, rows.curves.curves[row].front().quantizer, errors);
        for_each_element(quantized, block, [&](std::int64_t k, std::int64_t element) {
            quantized.coefficients[element] += errors[static_cast<std::size_t>(k)];
        });
    }
    DistortionMeter meter(graph, layer, images, {});
    const Tensor weights = synthesize(quantized);
    return meter.measure(
        1, [&](std::size_t, std::span<float> target) { std::ranges::copy(weights.values(), target.begin()); })[0];
}

/// n · (∏ (U⁻¹C_γγU⁻ᵗ)_kk (UᵗC_θθU)_kk)^(1/n) · 2^(−2·rate) / 12, over the outputs: Δ²/12 is the error of fine steps.
double theory(const RowStatistics& rows, double rate, std::int64_t outputs) {
    const double product = geometric_mean(rows.coefficients) * geometric_mean(rows.gradients);
    return static_cast<double>(rows.gradients.size()) * product * std::exp2(-2.0 * rate) / 12.0
           / static_cast<double>(outputs);
}

/// Rows that are long enough for the entropy of their levels to be what it would be of endless ones, and enough
/// outputs for distortion to depend smoothly on a step.
Graph network_with_long_rows() {
    NetworkBuilder builder(Shape{8, 8, 3}, 11);
    ValueId x = builder.relu("stem.relu", builder.conv("stem", builder.input(), {.outputs = 8, .kernel = 3}));
    x = builder.relu("wide.relu", builder.conv("wide", x, {.outputs = 160, .kernel = 3}));
    Graph graph = std::move(builder).finish(builder.conv("last", x, {.outputs = 8, .kernel = 1}));
    correlate_weights(graph, 11);
    return graph;
}

}  // namespace

TEST_CASE("At high rate the best allocation gives all rows of an ELT one step, but for the norms of its columns") {
    const Graph graph = with_biases(network_with_long_rows());
    const Layer layer = find_layer(graph, "wide");
    const GradientSamples samples = complete_samples(graph, layer, random_images(4, 7));
    RowStatistics rows = row_statistics(graph, layer, {TransformKind::elt, {Axis::row}}, samples);
    for (std::size_t row = 0; row < rows.curves.blocks.size(); ++row) {
        rows.curves.curves[row] = candidates(block_values(rows.curves.factorization, rows.curves.blocks[row]), {});
    }
    predict_distortions(rows.curves, samples, 4 * 4 * 8);
    const std::vector<LayerAlternatives> options{{rows.curves}};
    const double bits = 5.0 * static_cast<double>(layer.shape.elements());
    const Allocation allocation = allocate_within(options, bits, [](const Allocation& a) { return a.bits(); });

    // Unnormalised (U⁻¹C_γγU⁻ᵗ = I), row k of the coefficients and its step are sqrt((SᵗC_γγS)_kk) times as large.
    double lowest = INFINITY, highest = 0.0, lowest_unnormalized = INFINITY, highest_unnormalized = 0.0;
    for (std::size_t row = 0; row < rows.gradients.size(); ++row) {
        const std::size_t candidate = allocation.layers.front().candidates[row];
        const double step = rows.curves.curves[row][candidate].quantizer.step;
        const double unnormalized = step * std::sqrt(rows.gradients[row]);
        lowest = std::min(lowest, step);
        highest = std::max(highest, step);
        lowest_unnormalized = std::min(lowest_unnormalized, unnormalized);
        highest_unnormalized = std::max(highest_unnormalized, unnormalized);
    }
    CHECK(highest / lowest > 2.5);
    // Steps lie on quarter octaves, and a step beside the best one is all but as good.
    CHECK(highest_unnormalized / lowest_unnormalized < std::exp2(0.75));
}

TEST_CASE("At high rate the closed form of theorems 1 and 2 is what is predicted and what is measured") {
    constexpr std::int64_t kOutputs = 5;
    const Graph graph = with_biases(residual_network(6, true));
    const Tensor images = random_images(8, 7);
    for (const char* name : {"inner", "last"}) {
        const Layer layer = find_layer(graph, name);
        const GradientSamples samples = complete_samples(graph, layer, images);
        for (const Transform& transform :
             {Transform{}, Transform{TransformKind::klt, {Axis::row}}, Transform{TransformKind::elt, {Axis::row}},
              Transform{TransformKind::elt, {Axis::column}}}) {
            for (const double rate : {6.0, 8.0}) {
                CAPTURE(name);
                CAPTURE(to_string(transform));
                CAPTURE(rate);
                RowStatistics rows = row_statistics(graph, layer, transform, samples);
                choose_steps(rows, rate);
                const double expected = theory(rows, rate, kOutputs);
                // One draw of about a thousand rounding errors: their energy under the gradients varies.
                CHECK(predicted_distortion(rows, samples, kOutputs) == doctest::Approx(expected).epsilon(0.25));
                CHECK(measured_distortion(rows, graph, layer, images) == doctest::Approx(expected).epsilon(0.35));
            }
        }
    }
}

TEST_CASE("At equal high rate a transform divides the measured distortion by its coding gain") {
    const Graph graph = with_biases(residual_network(6, true));
    const Tensor images = random_images(8, 7);
    const Layer layer = find_layer(graph, "inner");
    const GradientSamples samples = complete_samples(graph, layer, images);
    const auto distortion = [&](const Transform& transform) {
        RowStatistics rows = row_statistics(graph, layer, transform, samples);
        double sum = 0.0;
        int count = 0;
        for (double rate = 7.0; rate < 8.0; rate += 0.001) {  // many draws of rounding errors
            choose_steps(rows, rate);
            sum += measured_distortion(rows, graph, layer, images) * std::exp2(2.0 * rate);
            ++count;
        }
        return sum / count;
    };
    const double plain = distortion({});
    for (const TransformKind kind : {TransformKind::klt, TransformKind::elt}) {
        const Transform transform{kind, {Axis::row}};
        const Factorization factorization = factorize(graph, layer, transform, GradientMoments(samples.weights.view()));
        const CodingGain gain =
            coding_gain(factorization.bases.front().synthesis, weight_moments(layer_weights(graph, layer), Axis::row),
                        gradient_moments(samples.weights, Axis::row));
        CAPTURE(to_string(transform));
        CHECK(gain.gradients * gain.weights > 1.2);
        // The ELT does a little better: rows that hardly matter have steps too wide for an error of Δ²/12.
        CHECK(plain / distortion(transform) == doctest::Approx(gain.gradients * gain.weights).epsilon(0.15));
    }
}

}  // namespace eigenbit::internal
