#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>

namespace eigenbit::internal {

/// The extents of a tensor, outermost first. Images are (N, H, W, C); convolution weights (O, KH, KW, I).
class Shape {
  public:
    static constexpr int kMaxRank = 6;

    Shape() = default;
    Shape(std::initializer_list<std::int64_t> extents);
    /// Throws Error when there are more than kMaxRank extents, or one is negative.
    explicit Shape(std::span<const std::int64_t> extents);

    int rank() const { return rank_; }
    std::int64_t elements() const;
    /// elements() of the extents begin … end-1.
    std::int64_t elements(int begin, int end) const;

    std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
    std::int64_t& operator[](int axis) { return extents_[static_cast<std::size_t>(axis)]; }
    std::int64_t back() const { return (*this)[rank_ - 1]; }
    const std::int64_t* begin() const { return extents_.data(); }
    const std::int64_t* end() const { return extents_.data() + rank_; }

    bool operator==(const Shape& other) const;

  private:
    std::array<std::int64_t, kMaxRank> extents_{};
    int rank_ = 0;
};

/// "(1, 32, 32, 3)"
std::string to_string(const Shape& shape);

/// Dense row-major values that somebody else owns.
template <typename Element>
struct BasicView {
    Shape shape;
    Element* data = nullptr;

    std::int64_t elements() const { return shape.elements(); }
    std::span<Element> values() const { return {data, static_cast<std::size_t>(elements())}; }
    Element& operator[](std::int64_t index) const { return data[index]; }
    /// The items begin … end-1 of the outermost axis.
    BasicView slice(std::int64_t begin, std::int64_t end) const {
        BasicView part{shape, data + begin * shape.elements(1, shape.rank())};
        part.shape[0] = end - begin;
        return part;
    }
    operator BasicView<const Element>() const { return {shape, data}; }
};

using View = BasicView<float>;
using ConstView = BasicView<const float>;

/// Dense row-major float32 values, owned, aligned to 64 bytes, zero at first.
class Tensor {
  public:
    Tensor() = default;
    explicit Tensor(const Shape& shape);
    explicit Tensor(ConstView values);
    Tensor(const Shape& shape, std::span<const float> values);
    Tensor(const Tensor& other);
    Tensor(Tensor&& other) noexcept = default;
    Tensor& operator=(const Tensor& other);
    Tensor& operator=(Tensor&& other) noexcept = default;
    ~Tensor() = default;

    const Shape& shape() const { return shape_; }
    std::int64_t elements() const { return shape_.elements(); }
    bool empty() const { return data_ == nullptr; }
    float* data() { return data_.get(); }
    const float* data() const { return data_.get(); }
    std::span<float> values() { return {data(), static_cast<std::size_t>(elements())}; }
    std::span<const float> values() const { return {data(), static_cast<std::size_t>(elements())}; }
    float& operator[](std::int64_t index) { return data_.get()[index]; }
    float operator[](std::int64_t index) const { return data_.get()[index]; }

    /// The same values under another shape. Throws Error when the number of elements differs.
    void reshape(const Shape& shape);

    View view() { return {shape_, data()}; }
    ConstView view() const { return {shape_, data()}; }
    operator View() { return view(); }
    operator ConstView() const { return view(); }

  private:
    struct Free {
        std::size_t bytes;
        void operator()(float* data) const;
    };

    Shape shape_;
    std::unique_ptr<float[], Free> data_;
};

}  // namespace eigenbit::internal
