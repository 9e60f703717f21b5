#include "compress/transform/transform.h"

#include "engine/base/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace eigenbit::internal {
namespace {

// ε of method section 3: keeps the gradients' moments invertible where a direction never reaches the output.
constexpr double kGradientRegularization = 1e-3;
// Of the largest one: where weights have a lower rank, variances are next to nothing, and a coding gain any number.
constexpr double kLeastVariance = 1e-9;

Matrix square_root(const Matrix& positive) {
    const EigenDecomposition eigen = eigen_decomposition(positive);
    Matrix scaled = eigen.vectors;
    for (std::int64_t row = 0; row < scaled.rows(); ++row) {
        for (std::int64_t column = 0; column < scaled.columns(); ++column) {
            scaled(row, column) *= std::sqrt(std::max(eigen.values[static_cast<std::size_t>(column)], 0.0));
        }
    }
    return multiply(scaled, transpose(eigen.vectors));
}

void normalize_columns(Matrix& matrix) {
    for (std::int64_t column = 0; column < matrix.columns(); ++column) {
        double sum = 0.0;
        for (std::int64_t row = 0; row < matrix.rows(); ++row) sum += matrix(row, column) * matrix(row, column);
        const double scale = sum > 0.0 ? 1.0 / std::sqrt(sum) : 1.0;
        for (std::int64_t row = 0; row < matrix.rows(); ++row) matrix(row, column) *= scale;
    }
}

/// The columns of S by falling variance of the coefficients S⁻¹θ.
void sort_by_variance(Matrix& synthesis, const Matrix& weights) {
    const Matrix analysis = inverse(synthesis);
    const Matrix moments = multiply(multiply(analysis, weights), transpose(analysis));
    std::vector<std::int64_t> order(static_cast<std::size_t>(synthesis.columns()));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
    std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) { return moments(a, a) > moments(b, b); });
    const Matrix unsorted = synthesis;
    for (std::int64_t column = 0; column < synthesis.columns(); ++column) {
        for (std::int64_t row = 0; row < synthesis.rows(); ++row) {
            synthesis(row, column) = unsorted(row, order[static_cast<std::size_t>(column)]);
        }
    }
}

/// U with UᵗC_θθU = Λ and UᵗC_γγ⁻¹U = I (equation 12): R = C_γγ^½, R·C_θθ·R = PΛPᵗ, U = RP. Returns S = U⁻ᵗ with unit
/// columns.
Matrix elt_synthesis(const Matrix& weights, const Matrix& gradients) {
    const Matrix root = square_root(regularized(gradients));
    const Matrix vectors = eigen_decomposition(multiply(multiply(root, weights), root)).vectors;
    Matrix synthesis = transpose(inverse(multiply(root, vectors)));
    normalize_columns(synthesis);
    sort_by_variance(synthesis, weights);
    return synthesis;
}

Matrix to_matrix(const Tensor& values) {
    Matrix matrix(values.shape()[0], values.shape()[1]);
    std::ranges::copy(values.values(), matrix.values().begin());
    return matrix;
}

bool is_cosine(TransformKind kind) { return kind == TransformKind::dct1 || kind == TransformKind::dct2; }

void check_axes(const Transform& transform) {
    const bool taps = std::ranges::find(transform.axes, Axis::taps) != transform.axes.end();
    const bool cosine = is_cosine(transform.kind);
    if (transform.axes.empty() || transform.axes.size() > (taps ? 1U : 2U) || (cosine && !taps)
        || (transform.axes.size() == 2 && transform.axes[0] == transform.axes[1])) {
        fail(
            "Transform '{}' cannot be applied: a transform mixes rows, columns, both or taps, a cosine transform taps.",
            to_string(transform));
    }
}

double log_of_diagonal(const Matrix& matrix) {
    double sum = 0.0;
    double largest = 0.0;
    for (std::int64_t i = 0; i < matrix.rows(); ++i) largest = std::max(largest, matrix(i, i));
    const double least = std::max(kLeastVariance * largest, std::numeric_limits<double>::min());
    for (std::int64_t i = 0; i < matrix.rows(); ++i) sum += std::log(std::max(matrix(i, i), least));
    return sum / static_cast<double>(matrix.rows());
}

}  // namespace

std::string to_string(const Transform& transform) {
    constexpr std::array<std::string_view, 5> kNames{"none", "klt", "elt", "dct1", "dct2"};
    std::string name(kNames[static_cast<std::size_t>(transform.kind)]);
    if (transform.kind == TransformKind::none) return name;
    for (std::size_t i = 0; i < transform.axes.size(); ++i) {
        name += i == 0 ? " " : "+";
        name += to_string(transform.axes[i]);
    }
    return name;
}

std::vector<Transform> transforms_named(std::string_view name, std::string_view axis) {
    using enum TransformKind;
    if (name == "none") return {Transform{}};
    if (name == "dct1") return {{dct1, {Axis::taps}}};
    if (name == "dct2") return {{dct2, {Axis::taps}}};
    if (name == "intra-klt") return {{klt, {Axis::taps}}};
    if (name == "intra-elt") return {{elt, {Axis::taps}}};
    const bool either = axis == "channels" || axis == "auto";
    std::vector<std::vector<Axis>> axes;
    if (axis == "row" || either) axes.push_back({Axis::row});
    if (axis == "column" || either) axes.push_back({Axis::column});
    if (axis == "both") axes.push_back({Axis::row, Axis::column});
    if (axes.empty()) fail("There is no axis '{}'; there are row, column, both, channels and auto.", axis);
    if (name == "auto" && axis == "auto") axes.push_back({Axis::taps});
    std::vector<Transform> transforms;
    if (name == "auto") transforms.push_back({});
    for (const TransformKind kind : {klt, elt}) {
        if (name != "auto" && name != (kind == klt ? "klt" : "elt")) continue;
        for (const auto& mixed : axes) transforms.push_back({kind, mixed});
    }
    if (transforms.empty()) {
        fail("There is no transform '{}'; there are none, klt, elt, dct1, dct2, intra-klt, intra-elt and auto.", name);
    }
    return transforms;
}

Matrix weight_moments(ConstView weights, Axis axis) {
    Matrix moments = moments_of_views(weights, weights, axis);
    const double columns = static_cast<double>(weights.elements()) / static_cast<double>(moments.rows());
    for (double& value : moments.values()) value /= columns;
    return moments;
}

Matrix synthesis_matrix(TransformKind kind, const Matrix& weights, const Matrix& gradients) {
    switch (kind) {
    case TransformKind::klt:
        return eigen_decomposition(weights).vectors;
    case TransformKind::elt:
        return elt_synthesis(weights, gradients);
    default:
        fail("Only the KLT and the ELT are computed from second moments.");
    }
}

CosineKind cosine_kind(TransformKind kind) { return kind == TransformKind::dct1 ? CosineKind::dct1 : CosineKind::dct2; }

Factorization factorize(const Graph& graph, const Layer& layer, const Transform& transform,
                        const GradientMoments& gradients) {
    const Tensor weights = layer_weights(graph, layer);
    Factorization result{.transform = transform,
                         .bases = {},
                         .coefficients = weights,
                         .block_axis = Axis::row,
                         .shape = graph.parameter(layer.weight).shape()};
    // A grouped convolution has as little as one input channel a group: its blocks are output channels.
    if (layer.grouped) result.block_axis = Axis::column;
    if (transform.kind == TransformKind::none) return result;
    check_axes(transform);
    for (const Axis axis : transform.axes) {
        Matrix synthesis;
        if (is_cosine(transform.kind)) {
            const bool convolution = result.shape.rank() == 4;
            synthesis = to_matrix(cosine_synthesis(cosine_kind(transform.kind), convolution ? result.shape[1] : 1,
                                                   convolution ? result.shape[2] : 1));
        } else {
            const Matrix moments = transform.kind == TransformKind::elt ? gradients.along(axis) : Matrix();
            synthesis = synthesis_matrix(transform.kind, weight_moments(weights, axis), moments);
        }
        result.coefficients = mix(result.coefficients, axis, inverse(synthesis));
        result.bases.push_back({axis, std::move(synthesis), !is_cosine(transform.kind)});
    }
    result.block_axis = transform.axes.back();
    return result;
}

Tensor synthesize(const Factorization& factorization) {
    Tensor weights = factorization.coefficients;
    for (const TransformBasis& basis : factorization.bases) weights = mix(weights, basis.axis, basis.synthesis);
    return weights;
}

Matrix regularized(const Matrix& gradients) {
    Matrix result = gradients;
    const double ridge = kGradientRegularization * frobenius_norm(gradients);
    for (std::int64_t i = 0; i < result.rows(); ++i) result(i, i) += ridge > 0.0 ? ridge : 1.0;
    return result;
}

CodingGain coding_gain(const Matrix& synthesis, const Matrix& weights, const Matrix& gradients) {
    const Matrix analysis = inverse(synthesis);
    const Matrix coefficient_weights = multiply(multiply(analysis, weights), transpose(analysis));
    const Matrix coefficient_gradients = multiply(multiply(transpose(synthesis), gradients), synthesis);
    return {std::exp(log_of_diagonal(gradients) - log_of_diagonal(coefficient_gradients)),
            std::exp(log_of_diagonal(weights) - log_of_diagonal(coefficient_weights))};
}

}  // namespace eigenbit::internal
