#include "engine/weights/weight.h"

#include "engine/weights/mix.h"

namespace eigenbit::internal {
namespace {

QuantizedGradient pull_back(const Quantized& factor, const float* gradient) {
    QuantizedGradient result{Tensor(factor.shape), Tensor(Shape{static_cast<std::int64_t>(factor.blocks.size())})};
    std::vector<double> steps(factor.blocks.size());
    for_each_run(factor, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        if (block.bit_depth == 0) return;
        double sum = 0.0;
        for (std::int64_t i = begin; i < end; ++i) {
            result.levels[i] = block.step * gradient[i];
            // dx/d ln Δ = x
            sum += static_cast<double>(gradient[i]) * block.value(factor.levels[static_cast<std::size_t>(i)]);
        }
        steps[static_cast<std::size_t>(&block - factor.blocks.data())] += sum;
    });
    for (std::size_t i = 0; i < steps.size(); ++i)
        result.steps[static_cast<std::int64_t>(i)] = static_cast<float>(steps[i]);
    return result;
}

Tensor transposed(const Tensor& matrix) {
    const Shape& shape = matrix.shape();
    Tensor result(Shape{shape[1], shape[0]});
    for (std::int64_t row = 0; row < shape[0]; ++row) {
        for (std::int64_t column = 0; column < shape[1]; ++column) {
            result[column * shape[0] + row] = matrix[row * shape[1] + column];
        }
    }
    return result;
}

std::vector<QuantizedGradient> pull_back(const Product& weight, const float* gradient) {
    std::vector<Tensor> syntheses;
    for (const Basis& basis : weight.bases) syntheses.push_back(synthesis_matrix(weight, basis));
    const ConstView whole{with_one_tap_axis(weight.shape), gradient};

    Tensor to_kernel(whole);
    for (std::size_t i = 0; i < weight.bases.size(); ++i) {
        to_kernel = mix(to_kernel, weight.bases[i].axis, transposed(syntheses[i]));
    }
    std::vector<QuantizedGradient> result{pull_back(weight.kernel, to_kernel.data())};

    Tensor kernel = image(weight.kernel);
    kernel.reshape(with_one_tap_axis(kernel.shape()));
    for (std::size_t i = 0; i < weight.bases.size(); ++i) {
        const auto* const quantized = std::get_if<Quantized>(&weight.bases[i].matrix);
        if (!quantized) continue;
        Tensor others = kernel;  // mixed along all axes but this one
        for (std::size_t j = 0; j < weight.bases.size(); ++j) {
            if (j != i) others = mix(others, weight.bases[j].axis, syntheses[j]);
        }
        const Tensor to_basis = product_of_views(whole, others, weight.bases[i].axis);
        result.push_back(pull_back(*quantized, to_basis.data()));
    }
    return result;
}

template <typename QuantizedType, typename WeightType>
std::vector<QuantizedType*> factors_of(WeightType& weight) {
    if (QuantizedType* const quantized = weight.quantized()) return {quantized};
    auto* const product = weight.product();
    if (!product) return {};
    std::vector<QuantizedType*> factors{&product->kernel};
    for (auto& basis : product->bases) {
        if (auto* const quantized = std::get_if<Quantized>(&basis.matrix)) factors.push_back(quantized);
    }
    return factors;
}

}  // namespace

const Shape& Weight::shape() const {
    if (const Quantized* const weight = quantized()) return weight->shape;
    if (const Product* const weight = product()) return weight->shape;
    return values().shape();
}

Tensor image(const Weight& weight) {
    if (const Quantized* const quantized = weight.quantized()) return image(*quantized);
    if (const Product* const product = weight.product()) return image(*product);
    return weight.values();
}

std::vector<Quantized*> quantized_factors(Weight& weight) { return factors_of<Quantized>(weight); }
std::vector<const Quantized*> quantized_factors(const Weight& weight) { return factors_of<const Quantized>(weight); }

std::vector<QuantizedGradient> pull_back(const Weight& weight, ConstView image_gradient) {
    if (const Quantized* const quantized = weight.quantized()) return {pull_back(*quantized, image_gradient.data)};
    if (const Product* const product = weight.product()) return pull_back(*product, image_gradient.data);
    return {};
}

}  // namespace eigenbit::internal
