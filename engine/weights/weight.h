#pragma once

#include "engine/weights/product.h"
#include "engine/weights/quantized.h"

#include <utility>
#include <variant>
#include <vector>

namespace eigenbit::internal {

/// A parameter of a network in one of three forms: a tensor, as training and ONNX have it; quantized levels; or a
/// product of a quantized kernel and bases. Biases, gains and statistics of normalizations are tensors.
class Weight {
  public:
    Weight() = default;
    Weight(Tensor values) : form_(std::move(values)) {}
    Weight(Quantized weight) : form_(std::move(weight)) {}
    Weight(Product weight) : form_(std::move(weight)) {}

    const Shape& shape() const;
    std::int64_t elements() const { return shape().elements(); }

    bool is_float() const { return std::holds_alternative<Tensor>(form_); }
    /// The tensor; the weight must be float.
    Tensor& values() { return std::get<Tensor>(form_); }
    const Tensor& values() const { return std::get<Tensor>(form_); }
    /// Null unless the weight has this form.
    Quantized* quantized() { return std::get_if<Quantized>(&form_); }
    const Quantized* quantized() const { return std::get_if<Quantized>(&form_); }
    Product* product() { return std::get_if<Product>(&form_); }
    const Product* product() const { return std::get_if<Product>(&form_); }

  private:
    std::variant<Tensor, Quantized, Product> form_;
};

/// The float values that a weight stands for. Throws Error when its parts do not fit each other.
Tensor image(const Weight& weight);

/// What is quantized of a weight: itself, or a product's kernel and then its quantized bases; nothing of a float one.
std::vector<Quantized*> quantized_factors(Weight& weight);
std::vector<const Quantized*> quantized_factors(const Weight& weight);

/// Gradients with respect to one of a weight's quantized factors.
struct QuantizedGradient {
    Tensor levels;  ///< like the factor; 0 in blocks of depth 0
    Tensor steps;   ///< with respect to the logarithms of steps, one for each block
};

/// Takes the gradient with respect to a weight's image back to its quantized factors, in the order of
/// quantized_factors, as if rounding were not there (straight-through estimator, method section 7).
std::vector<QuantizedGradient> pull_back(const Weight& weight, ConstView image_gradient);

}  // namespace eigenbit::internal
