#include "compress/statistics/gradient_samples.h"
#include "compress/transform/blas.h"
#include "compress/transform/transform.h"
#include "tests/compress/small_networks.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <cmath>
#include <thread>
#include <vector>

namespace eigenbit::internal {
namespace {

/// The second moments of 4n random vectors whose components differ in size and depend on each other.
Matrix random_moments(std::int64_t n, std::uint64_t seed) {
    Random random({seed});
    Matrix mixing(n, n);
    for (double& value : mixing.values()) value = random.normal();
    Matrix samples(n, 4 * n);
    for (std::int64_t row = 0; row < n; ++row) {
        for (std::int64_t column = 0; column < 4 * n; ++column) {
            samples(row, column) = random.normal() / (1.0 + static_cast<double>(row));
        }
    }
    const Matrix mixed = multiply(mixing, samples);
    return multiply(mixed, transpose(mixed));
}

double distance(const Matrix& a, const Matrix& b) {
    double largest = 0.0;
    for (std::size_t i = 0; i < a.values().size(); ++i) {
        largest = std::max(largest, std::abs(a.values()[i] - b.values()[i]));
    }
    return largest;
}

/// Its largest element off the diagonal, when the diagonal is scaled to ones.
double correlation(const Matrix& moments) {
    double largest = 0.0;
    for (std::int64_t i = 0; i < moments.rows(); ++i) {
        for (std::int64_t j = 0; j < i; ++j) {
            largest = std::max(largest, std::abs(moments(i, j)) / std::sqrt(moments(i, i) * moments(j, j)));
        }
    }
    return largest;
}

Matrix of_coefficients(const Matrix& synthesis, const Matrix& weights) {
    const Matrix analysis = inverse(synthesis);
    return multiply(multiply(analysis, weights), transpose(analysis));
}

Matrix of_coefficient_gradients(const Matrix& synthesis, const Matrix& gradients) {
    return multiply(multiply(transpose(synthesis), gradients), synthesis);
}

double total_gain(const Matrix& synthesis, const Matrix& weights, const Matrix& gradients) {
    const CodingGain gain = coding_gain(synthesis, weights, gradients);
    return gain.gradients * gain.weights;
}

}  // namespace

TEST_CASE("A packed symmetric matrix is the matrix again") {
    Matrix symmetric(3, 3);
    for (std::int64_t row = 0; row < 3; ++row) {
        for (std::int64_t column = 0; column < 3; ++column) {
            symmetric(row, column) = static_cast<double>(row + column) / 3.0 + static_cast<double>(row * column);
        }
    }
    const Matrix unpacked = PackedSymmetric(symmetric).matrix();
    CHECK(std::ranges::equal(unpacked.values(), symmetric.values()));
    CHECK(PackedSymmetric(Matrix()).matrix().values().empty());
}

TEST_CASE("The KLT is orthogonal and diagonalises the weights' second moments, the largest first") {
    const Matrix weights = random_moments(9, 1);
    const Matrix synthesis = synthesis_matrix(TransformKind::klt, weights, Matrix());
    CHECK(distance(multiply(transpose(synthesis), synthesis), Matrix::identity(9)) < 1e-12);
    const Matrix coefficients = of_coefficients(synthesis, weights);
    CHECK(correlation(coefficients) < 1e-9);
    for (std::int64_t i = 1; i < 9; ++i) CHECK(coefficients(i - 1, i - 1) >= coefficients(i, i));
}

TEST_CASE("The ELT diagonalises the second moments of weights and gradients") {
    const Matrix weights = random_moments(9, 1);
    const Matrix gradients = random_moments(9, 2);
    const Matrix synthesis = synthesis_matrix(TransformKind::elt, weights, gradients);
    const Matrix coefficients = of_coefficients(synthesis, weights);
    CHECK(correlation(coefficients) < 1e-9);
    CHECK(correlation(of_coefficient_gradients(synthesis, regularized(gradients))) < 1e-9);
    for (std::int64_t i = 1; i < 9; ++i) CHECK(coefficients(i - 1, i - 1) >= coefficients(i, i));
    for (std::int64_t column = 0; column < 9; ++column) {
        double norm = 0.0;
        for (std::int64_t row = 0; row < 9; ++row) norm += synthesis(row, column) * synthesis(row, column);
        CHECK(norm == doctest::Approx(1.0));
    }
}

TEST_CASE("Before its columns are normalised, the ELT fulfils equation 12") {
    const Matrix weights = random_moments(7, 3);
    const Matrix gradients = regularized(random_moments(7, 4));
    Matrix synthesis = synthesis_matrix(TransformKind::elt, weights, random_moments(7, 4));
    // The one scale of each column that makes all gradients equally dear.
    const Matrix scaled = of_coefficient_gradients(synthesis, gradients);
    for (std::int64_t row = 0; row < 7; ++row) {
        for (std::int64_t column = 0; column < 7; ++column) {
            synthesis(row, column) /= std::sqrt(scaled(column, column));
        }
    }
    const Matrix u = transpose(inverse(synthesis));
    CHECK(distance(multiply(multiply(transpose(u), inverse(gradients)), u), Matrix::identity(7)) < 1e-8);
    CHECK(distance(of_coefficient_gradients(synthesis, gradients), Matrix::identity(7)) < 1e-9);
    CHECK(correlation(multiply(multiply(transpose(u), weights), u)) < 1e-9);
}

TEST_CASE("No transform has a larger coding gain than the ELT (theorem 3)") {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const std::int64_t n = 6;
        const Matrix weights = random_moments(n, 10 + seed);
        const Matrix gradients = random_moments(n, 20 + seed);
        const Matrix seen = regularized(gradients);
        const Matrix elt_synthesis = synthesis_matrix(TransformKind::elt, weights, gradients);
        const double elt = total_gain(elt_synthesis, weights, seen);
        const double klt = total_gain(synthesis_matrix(TransformKind::klt, weights, gradients), weights, seen);
        CHECK(elt >= klt);
        CHECK(elt > 1.0);
        Random random({seed, 99});
        for (int trial = 0; trial < 200; ++trial) {
            // Half of them anywhere, half close to the ELT.
            Matrix other = trial % 2 == 0 ? Matrix(n, n) : elt_synthesis;
            for (double& value : other.values()) value += (trial % 2 == 0 ? 1.0 : 0.03) * random.normal();
            CHECK(total_gain(other, weights, seen) <= elt * (1.0 + 1e-9));
        }
    }
}

TEST_CASE("Where all gradients are equally dear, the KLT gains as much as the ELT and never loses") {
    const Matrix weights = random_moments(6, 5);
    const Matrix alike = Matrix::identity(6);
    const double klt = total_gain(synthesis_matrix(TransformKind::klt, weights, alike), weights, alike);
    CHECK(klt > 1.0);
    CHECK(total_gain(synthesis_matrix(TransformKind::elt, weights, alike), weights, alike)
          == doctest::Approx(klt).epsilon(1e-9));
    CHECK(total_gain(Matrix::identity(6), weights, alike) == doctest::Approx(1.0));
}

TEST_CASE("Gradients that never reach the output leave the ELT well defined") {
    Matrix gradients(4, 4);
    const Matrix without = synthesis_matrix(TransformKind::elt, random_moments(4, 6), gradients);
    CHECK(distance(multiply(without, inverse(without)), Matrix::identity(4)) < 1e-9);
    gradients(0, 0) = 1.0;
    const Matrix nearly_without = synthesis_matrix(TransformKind::elt, random_moments(4, 6), gradients);
    CHECK(distance(multiply(nearly_without, inverse(nearly_without)), Matrix::identity(4)) < 1e-9);
}

TEST_CASE("Cosine transforms are orthonormal, and the constant kernel is the second kind's first function") {
    const auto to_matrix = [](const Tensor& values) {
        Matrix matrix(values.shape()[0], values.shape()[1]);
        std::ranges::copy(values.values(), matrix.values().begin());
        return matrix;
    };
    for (const CosineKind kind : {CosineKind::dct1, CosineKind::dct2}) {
        for (const auto& [height, width] : {std::pair{3, 3}, std::pair{1, 7}, std::pair{5, 2}, std::pair{1, 1}}) {
            const Matrix synthesis = to_matrix(cosine_synthesis(kind, height, width));
            CHECK(distance(multiply(transpose(synthesis), synthesis), Matrix::identity(height * width)) < 1e-6);
        }
    }
    const Tensor second = cosine_synthesis(CosineKind::dct2, 3, 3);
    for (std::int64_t tap = 0; tap < 9; ++tap) CHECK(second[9 * tap] == doctest::Approx(1.0 / 3.0));
}

TEST_CASE("S · T restores the weights under every transform") {
    const Graph graph = with_biases(linear_network(7));
    const Tensor images = random_images(3, 8);
    const std::vector<Layer> layers = find_layers(graph);
    const std::vector<GradientSamples> samples = sample_gradients(graph, layers, images, {});
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const Tensor weights = layer_weights(graph, layers[i]);
        std::vector<Transform> transforms{{}};
        for (const TransformKind kind : {TransformKind::klt, TransformKind::elt}) {
            transforms.push_back({kind, {Axis::row}});
            transforms.push_back({kind, {Axis::column}});
            transforms.push_back({kind, {Axis::taps}});
            transforms.push_back({kind, {Axis::row, Axis::column}});
            transforms.push_back({kind, {Axis::column, Axis::row}});
        }
        transforms.push_back({TransformKind::dct1, {Axis::taps}});
        transforms.push_back({TransformKind::dct2, {Axis::taps}});
        for (const Transform& transform : transforms) {
            CAPTURE(to_string(transform));
            const Factorization factorization =
                factorize(graph, layers[i], transform, GradientMoments(samples[i].weights.view()));
            const Tensor restored = synthesize(factorization);
            REQUIRE(restored.shape() == weights.shape());
            for (std::int64_t k = 0; k < weights.elements(); ++k) {
                CHECK(restored[k] == doctest::Approx(weights[k]).epsilon(1e-4).scale(0.1));
            }
        }
    }
}

TEST_CASE("A name and an axis stand for the transforms that a layer may choose from") {
    const auto names = [](std::string_view name, std::string_view axis) {
        std::string list;
        for (const Transform& transform : transforms_named(name, axis)) {
            list += (list.empty() ? "" : ", ") + to_string(transform);
        }
        return list;
    };
    CHECK(names("none", "auto") == "none");
    CHECK(names("klt", "row") == "klt row");
    CHECK(names("elt", "both") == "elt row+column");
    CHECK(names("klt", "auto") == "klt row, klt column");
    CHECK(names("intra-elt", "row") == names("intra-elt", "auto"));
    CHECK(names("auto", "column") == "none, klt column, elt column");
    CHECK(names("auto", "channels") == "none, klt row, klt column, elt row, elt column");
    CHECK(names("auto", "auto") == "none, klt row, klt column, klt taps, elt row, elt column, elt taps");
    CHECK(error_of([] { (void)transforms_named("dft", "auto"); }).starts_with("There is no transform 'dft'"));
    CHECK(error_of([] { (void)transforms_named("klt", "taps"); }).starts_with("There is no axis 'taps'"));
}

TEST_CASE("A transform of axes that do not go together is refused in a sentence") {
    const Graph graph = linear_network(7);
    const Layer layer = find_layer(graph, "conv1");
    const auto refusal = [&](const Transform& transform) {
        return error_of([&] { factorize(graph, layer, transform, GradientMoments(ConstView())); });
    };
    CHECK(refusal({TransformKind::dct2, {Axis::row}}).starts_with("Transform 'dct2 row' cannot be applied"));
    CHECK(refusal({TransformKind::klt, {Axis::row, Axis::taps}}).starts_with("Transform 'klt row+taps'"));
    CHECK(refusal({TransformKind::klt, {Axis::row, Axis::row}}).starts_with("Transform 'klt row+row'"));
    CHECK(refusal({TransformKind::klt, {}}).starts_with("Transform 'klt' cannot"));
}

TEST_CASE("OpenBLAS has the application's number of threads again after the last matrix of any thread") {
    const int before = openblas_get_num_threads();
    openblas_set_num_threads(2);
    const int applications = openblas_get_num_threads();
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < 4; ++thread) {
        threads.emplace_back([thread] {
            for (int i = 0; i < 20; ++i) eigen_decomposition(random_moments(12, thread));
        });
    }
    threads.clear();
    CHECK(openblas_get_num_threads() == applications);
    {
        const BlasOnCallingThread outer;
        inverse(random_moments(12, 1));
        CHECK(openblas_get_num_threads() == 1);
    }
    CHECK(openblas_get_num_threads() == applications);
    openblas_set_num_threads(before);
}

}  // namespace eigenbit::internal
