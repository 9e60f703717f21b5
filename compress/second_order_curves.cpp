#include "compress/second_order_curves.h"

#include "engine/blas.h"

#include <tbb/parallel_for.h>

#include <algorithm>

namespace eigenbit {
namespace {

constexpr std::int64_t kCandidatesAtOnce = 48;  // bounds the memory of their errors

ConstView sample_of(const Tensor& samples, std::int64_t index) {
    const Shape& shape = samples.shape();
    const Shape one{shape[1], shape[2], shape[3]};
    return {one, samples.data() + index * one.elements()};
}

/// The gradients with respect to one factor, (samples, its elements): Sᵗg for the coefficients, g·Tᵗ for a basis.
Tensor factor_gradients(const Factorization& factorization, int factor, const Tensor& weight_gradients) {
    const std::int64_t samples = weight_gradients.shape()[0];
    Tensor others = factorization.coefficients;  // what the basis multiplies
    std::int64_t elements = factorization.coefficients.elements();
    if (factor != Block::kCoefficients) {
        for (std::size_t i = 0; i < factorization.bases.size(); ++i) {
            const Basis& basis = factorization.bases[i];
            if (static_cast<int>(i) != factor) others = mix(others, basis.axis, basis.synthesis);
        }
        elements =
            static_cast<std::int64_t>(factorization.bases[static_cast<std::size_t>(factor)].synthesis.values().size());
    }
    std::vector<Matrix> transposed;
    for (const Basis& basis : factorization.bases) transposed.push_back(transpose(basis.synthesis));

    Tensor result(Shape{samples, elements});
    tbb::parallel_for(std::int64_t{0}, samples, [&](std::int64_t sample) {
        float* target = result.data() + sample * elements;
        const ConstView gradient = sample_of(weight_gradients, sample);
        if (factor != Block::kCoefficients) {
            const Axis axis = factorization.bases[static_cast<std::size_t>(factor)].axis;
            const Matrix product = product_of_views(gradient, others, axis);
            std::ranges::transform(product.values(), target, [](double value) { return static_cast<float>(value); });
            return;
        }
        const View mixed{gradient.shape, target};
        if (transposed.empty()) std::ranges::copy(gradient.values(), target);
        if (transposed.size() == 1) mix(gradient, factorization.bases[0].axis, transposed[0], mixed);
        if (transposed.size() == 2) {
            mix(mix(gradient, factorization.bases[0].axis, transposed[0]), factorization.bases[1].axis, transposed[1],
                mixed);
        }
    });
    return result;
}

/// The columns of (samples, elements) that belong to a block.
Tensor block_columns(const Factorization& factorization, const Block& block, const Tensor& gradients) {
    std::vector<std::int64_t> elements;
    for_each_element(factorization, block, [&](std::int64_t, std::int64_t element) { elements.push_back(element); });
    const std::int64_t samples = gradients.shape()[0];
    const auto width = static_cast<std::int64_t>(elements.size());
    Tensor result(Shape{samples, width});
    for (std::int64_t sample = 0; sample < samples; ++sample) {
        const float* source = gradients.data() + sample * gradients.shape()[1];
        float* target = result.data() + sample * width;
        for (std::size_t i = 0; i < elements.size(); ++i) target[i] = source[elements[i]];
    }
    return result;
}

double mean_square(std::span<const float> values) {
    double sum = 0.0;
    for (const float value : values) sum += static_cast<double>(value) * value;
    return sum / static_cast<double>(values.size());
}

/// The distortions of candidates whose errors are the rows of `errors` (candidates, elements).
void judge(std::span<Candidate> candidates, const Tensor& errors, const Tensor& gradients, std::int64_t outputs) {
    const std::int64_t samples = gradients.shape()[0];
    const std::int64_t width = gradients.shape()[1];
    const auto rows = static_cast<std::int64_t>(candidates.size());
    Tensor effects(Shape{rows, samples});
    multiply(rows, samples, width, {errors.data(), width}, {gradients.data(), width, true}, 0.0F, effects.data(),
             samples);
    for (std::int64_t row = 0; row < rows; ++row) {
        const double distortion = mean_square(effects.view().slice(row, row + 1).values());
        candidates[static_cast<std::size_t>(row)].distortion = distortion / static_cast<double>(outputs);
    }
}

void predict_block(const std::vector<float>& values, Curve& curve, const Tensor& gradients, std::int64_t outputs) {
    const auto width = static_cast<std::int64_t>(values.size());
    for (std::size_t begin = 0; begin < curve.size(); begin += kCandidatesAtOnce) {
        const std::size_t end = std::min(begin + kCandidatesAtOnce, curve.size());
        Tensor errors(Shape{static_cast<std::int64_t>(end - begin), width});
        for (std::size_t c = begin; c < end; ++c) {
            float* row = errors.data() + static_cast<std::int64_t>(c - begin) * width;
            quantization_errors(values, curve[c].quantizer, {row, values.size()});
        }
        judge(std::span(curve).subspan(begin, end - begin), errors, gradients, outputs);
    }
}

}  // namespace

void predict_distortions(LayerCurves& layer, const GradientSamples& samples, std::int64_t outputs) {
    const auto factors = static_cast<int>(layer.factorization.bases.size());
    for (int factor = Block::kCoefficients; factor < factors; ++factor) {
        const bool used = std::ranges::any_of(layer.blocks, [&](const Block& block) { return block.factor == factor; });
        if (!used) continue;
        const Tensor gradients = factor_gradients(layer.factorization, factor, samples.weights);
        tbb::parallel_for(std::size_t{0}, layer.blocks.size(), [&](std::size_t i) {
            const Block& block = layer.blocks[i];
            if (block.factor != factor) return;
            predict_block(block_values(layer.factorization, block), layer.curves[i],
                          block_columns(layer.factorization, block, gradients), outputs);
        });
    }
}

}  // namespace eigenbit
