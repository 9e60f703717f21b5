#include "compress/transform/matrix.h"

#include "compress/transform/blas.h"
#include "engine/base/error.h"

#include <cmath>

namespace eigenbit::internal {
namespace {

lapack_int dim(std::int64_t size) { return static_cast<lapack_int>(size); }

}  // namespace

Matrix Matrix::identity(std::int64_t size) {
    Matrix result(size, size);
    for (std::int64_t i = 0; i < size; ++i) result(i, i) = 1.0;
    return result;
}

PackedSymmetric::PackedSymmetric(const Matrix& symmetric) : size_(symmetric.rows()) {
    rows_.reserve(static_cast<std::size_t>(size_ * (size_ + 1) / 2));
    for (std::int64_t row = 0; row < size_; ++row) {
        const auto values = symmetric.values().subspan(static_cast<std::size_t>(row * size_));
        rows_.insert(rows_.end(), values.begin(), values.begin() + row + 1);
    }
}

Matrix PackedSymmetric::matrix() const {
    Matrix result(size_, size_);
    const double* value = rows_.data();
    for (std::int64_t row = 0; row < size_; ++row) {
        for (std::int64_t column = 0; column <= row; ++column) result(row, column) = result(column, row) = *value++;
    }
    return result;
}

Matrix transpose(const Matrix& a) {
    Matrix result(a.columns(), a.rows());
    for (std::int64_t row = 0; row < a.rows(); ++row) {
        for (std::int64_t column = 0; column < a.columns(); ++column) result(column, row) = a(row, column);
    }
    return result;
}

Matrix columns(const Matrix& a, std::int64_t begin, std::int64_t end) {
    Matrix result(a.rows(), end - begin);
    for (std::int64_t row = 0; row < a.rows(); ++row) {
        for (std::int64_t column = begin; column < end; ++column) result(row, column - begin) = a(row, column);
    }
    return result;
}

Matrix multiply(const Matrix& a, const Matrix& b) {
    if (a.columns() != b.rows()) {
        fail("A matrix of {} columns cannot be multiplied with one of {} rows.", a.columns(), b.rows());
    }
    Matrix result(a.rows(), b.columns());
    if (result.values().empty() || a.columns() == 0) return result;
    const BlasOnCallingThread blas;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, dim(a.rows()), dim(b.columns()), dim(a.columns()), 1.0,
                a.values().data(), dim(a.columns()), b.values().data(), dim(b.columns()), 0.0, result.values().data(),
                dim(b.columns()));
    return result;
}

double frobenius_norm(const Matrix& a) {
    double sum = 0.0;
    for (const double value : a.values()) sum += value * value;
    return std::sqrt(sum);
}

std::optional<Matrix> find_inverse(const Matrix& a) {
    const BlasOnCallingThread blas;
    Matrix result = a;
    std::vector<lapack_int> pivots(static_cast<std::size_t>(a.rows()));
    const lapack_int n = dim(a.rows());
    const bool singular = LAPACKE_dgetrf(LAPACK_ROW_MAJOR, n, n, result.values().data(), n, pivots.data()) != 0
                          || LAPACKE_dgetri(LAPACK_ROW_MAJOR, n, result.values().data(), n, pivots.data()) != 0;
    return singular ? std::nullopt : std::optional(std::move(result));
}

Matrix inverse(const Matrix& a) {
    std::optional<Matrix> result = find_inverse(a);
    if (!result) fail("A {0} × {0} matrix has no inverse.", a.rows());
    return *std::move(result);
}

EigenDecomposition eigen_decomposition(const Matrix& symmetric) {
    const BlasOnCallingThread blas;
    const std::int64_t n = symmetric.rows();
    Matrix rising = symmetric;
    std::vector<double> values(static_cast<std::size_t>(n));
    if (LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', dim(n), rising.values().data(), dim(n), values.data()) != 0) {
        fail("The eigenvalues of a {0} × {0} matrix could not be found.", n);
    }
    EigenDecomposition result{std::vector<double>(values.rbegin(), values.rend()), Matrix(n, n)};
    for (std::int64_t column = 0; column < n; ++column) {
        double largest = 0.0;
        for (std::int64_t row = 0; row < n; ++row) {
            const double component = rising(row, n - 1 - column);
            // Components that tie but for rounding must not decide the sign: a later one has to be clearly larger.
            if (std::abs(component) > std::abs(largest) * (1.0 + 1e-9)) largest = component;
        }
        const double sign = largest < 0.0 ? -1.0 : 1.0;
        for (std::int64_t row = 0; row < n; ++row) result.vectors(row, column) = sign * rising(row, n - 1 - column);
    }
    return result;
}

}  // namespace eigenbit::internal
