#include "compress/curves/second_order_curves.h"

#include "engine/kernels/f32/gemm.h"

#include <tbb/parallel_for.h>

#include <algorithm>

namespace eigenbit::internal {
namespace {

// Of so many candidates, and of so many values together unless one has more, errors are held at a time.
constexpr std::int64_t kCandidatesAtOnce = 48;
constexpr std::int64_t kErrorsAtOnce = std::int64_t{1} << 26;

/// Calls visit(gradient (O, taps, I), row of `result`) for every sample.
template <typename Visit>
void for_each_sample(const Tensor& weight_gradients, Tensor& result, Visit visit) {
    const Shape& shape = weight_gradients.shape();
    const Shape one{shape[1], shape[2], shape[3]};
    for (std::int64_t sample = 0; sample < shape[0]; ++sample) {
        visit(ConstView{one, weight_gradients.data() + sample * one.elements()},
              result.view().slice(sample, sample + 1).values());
    }
}

/// With respect to coefficients: Sᵗg.
void coefficient_gradients(const Factorization& factorization, const Block& block, const Tensor& weight_gradients,
                           Tensor& result) {
    if (factorization.bases.empty()) {
        for_each_sample(weight_gradients, result, [&](ConstView gradient, std::span<float> target) {
            for_each_element(factorization, block, [&](std::int64_t k, std::int64_t element) {
                target[static_cast<std::size_t>(k)] = gradient[element];
            });
        });
        return;
    }
    const TransformBasis& first = factorization.bases.front();
    const TransformBasis& last = factorization.bases.back();  // blocks cut the coefficients along its axis
    const bool two_dimensional = factorization.bases.size() == 2;
    const Matrix rows = transpose(columns(last.synthesis, block.begin, block.end));
    const Matrix first_analysis = two_dimensional ? transpose(first.synthesis) : Matrix();
    for_each_sample(weight_gradients, result, [&](ConstView gradient, std::span<float> target) {
        Shape shape = gradient.shape;
        shape[tensor_axis(last.axis)] = rows.rows();
        const View mixed{shape, target.data()};
        if (two_dimensional) {
            mix(mix(gradient, last.axis, rows), first.axis, first_analysis, mixed);
        } else {
            mix(gradient, last.axis, rows, mixed);
        }
    });
}

/// With respect to columns of a basis: g·Tᵗ for the rows_mixed_by them.
void basis_gradients(const Factorization& factorization, const Block& block, const Tensor& weight_gradients,
                     Tensor& result) {
    const Axis axis = factorization.bases[static_cast<std::size_t>(block.factor)].axis;
    const Tensor mixed = rows_mixed_by(factorization, block);
    for_each_sample(weight_gradients, result, [&](ConstView gradient, std::span<float> target) {
        const Matrix product = moments_of_views(gradient, mixed, axis);
        std::ranges::transform(product.values(), target.begin(),
                               [](double value) { return static_cast<float>(value); });
    });
}

/// The gradients with respect to a block's values, (samples, values).
Tensor block_gradients(const Factorization& factorization, const Block& block, std::int64_t values,
                       const Tensor& weight_gradients) {
    Tensor result(Shape{weight_gradients.shape()[0], values});
    const bool coefficients = block.factor == Block::kCoefficients;
    (coefficients ? coefficient_gradients : basis_gradients)(factorization, block, weight_gradients, result);
    return result;
}

double mean_square(std::span<const float> values) {
    double sum = 0.0;
    for (const float value : values) sum += static_cast<double>(value) * value;
    return sum / static_cast<double>(values.size());
}

/// The distortions of candidates whose errors are the rows of `errors` (candidates, elements).
void judge(std::span<Candidate> candidates, ConstView errors, const Tensor& gradients, std::int64_t outputs) {
    const std::int64_t samples = gradients.shape()[0];
    const std::int64_t width = gradients.shape()[1];
    const auto rows = static_cast<std::int64_t>(candidates.size());
    Tensor effects(Shape{rows, samples});
    gemm(rows, samples, width, {errors.data, width}, {gradients.data(), width, true}, false, effects.data(), samples);
    for (std::int64_t row = 0; row < rows; ++row) {
        const double distortion = mean_square(effects.view().slice(row, row + 1).values());
        candidates[static_cast<std::size_t>(row)].distortion = distortion / static_cast<double>(outputs);
    }
}

void predict_block(const std::vector<float>& values, Curve& curve, const Tensor& gradients, std::int64_t outputs) {
    const auto count = static_cast<std::int64_t>(curve.size());
    const auto width = static_cast<std::int64_t>(values.size());
    const std::int64_t at_once = std::clamp<std::int64_t>(kErrorsAtOnce / width, 1, std::min(count, kCandidatesAtOnce));
    Tensor errors(Shape{at_once, width});
    for (std::int64_t begin = 0; begin < count; begin += at_once) {
        const std::int64_t rows = std::min(at_once, count - begin);
        const auto candidates =
            std::span(curve).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(rows));
        for (std::int64_t row = 0; row < rows; ++row) {
            quantization_errors(values, candidates[static_cast<std::size_t>(row)].quantizer,
                                errors.view().slice(row, row + 1).values());
        }
        judge(candidates, errors.view().slice(0, rows), gradients, outputs);
    }
}

}  // namespace

void predict_distortions(TransformCurves& layer, const GradientSamples& samples, std::int64_t outputs) {
    tbb::parallel_for(std::size_t{0}, layer.blocks.size(), [&](std::size_t i) {
        const Block& block = layer.blocks[i];
        const std::vector<float> values = block_values(layer.factorization, block);
        const auto count = static_cast<std::int64_t>(values.size());
        predict_block(values, layer.curves[i], block_gradients(layer.factorization, block, count, samples.weights),
                      outputs);
    });
}

}  // namespace eigenbit::internal
