#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// A dense row-major matrix in double precision: covariances, transforms and bases.
class Matrix {
  public:
    Matrix() = default;
    Matrix(std::int64_t rows, std::int64_t columns)
        : rows_(rows), columns_(columns), values_(static_cast<std::size_t>(rows * columns)) {}

    static Matrix identity(std::int64_t size);

    std::int64_t rows() const { return rows_; }
    std::int64_t columns() const { return columns_; }
    double& operator()(std::int64_t row, std::int64_t column) { return values_[index(row, column)]; }
    double operator()(std::int64_t row, std::int64_t column) const { return values_[index(row, column)]; }
    std::span<double> values() { return values_; }
    std::span<const double> values() const { return values_; }

  private:
    std::size_t index(std::int64_t row, std::int64_t column) const {
        return static_cast<std::size_t>(row * columns_ + column);
    }

    std::int64_t rows_ = 0;
    std::int64_t columns_ = 0;
    std::vector<double> values_;
};

/// A symmetric matrix in half its memory: its lower triangle.
class PackedSymmetric {
  public:
    explicit PackedSymmetric(const Matrix& symmetric);

    Matrix matrix() const;

  private:
    std::int64_t size_;
    std::vector<double> rows_;  // each up to the diagonal
};

Matrix transpose(const Matrix& a);
/// The columns begin … end-1.
Matrix columns(const Matrix& a, std::int64_t begin, std::int64_t end);
Matrix multiply(const Matrix& a, const Matrix& b);
double frobenius_norm(const Matrix& a);

/// Nothing when the matrix is singular to working precision; inverse() throws Error then.
std::optional<Matrix> find_inverse(const Matrix& a);
Matrix inverse(const Matrix& a);

struct EigenDecomposition {
    std::vector<double> values;  ///< falling
    Matrix vectors;  ///< in columns, orthonormal; each one's largest component (in magnitude, the first) is positive
};

/// Of a symmetric matrix, in a canonical form that does not depend on the LAPACK at hand but for rounding.
EigenDecomposition eigen_decomposition(const Matrix& symmetric);

}  // namespace eigenbit::internal
