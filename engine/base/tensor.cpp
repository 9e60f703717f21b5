#include "engine/base/tensor.h"

#include "engine/base/error.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>
#include <sys/mman.h>

namespace eigenbit::internal {
namespace {

constexpr std::size_t kAlignment = 64;  // one cache line, one AVX-512 vector

// Tensors of this size and more are mapped by themselves: that memory is zero already, and can lie on huge pages.
constexpr std::size_t kMappedBytes = std::size_t{4} << 20;

float* map_zeros(std::size_t bytes) {
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    madvise(memory, bytes, MADV_HUGEPAGE);  // only speeds up: without huge pages it works as well
    return static_cast<float*>(memory);
}

float* allocate_zeros(std::size_t bytes) {
    if (bytes >= kMappedBytes) return map_zeros(bytes);
    void* const memory = ::operator new (bytes, std::align_val_t{kAlignment});
    return static_cast<float*>(std::memset(memory, 0, bytes));
}

}  // namespace

Shape::Shape(std::initializer_list<std::int64_t> extents) : Shape(std::span(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const std::int64_t> extents) : rank_(static_cast<int>(extents.size())) {
    if (extents.size() > kMaxRank)
        fail("A tensor has {} dimensions; at most {} are supported.", extents.size(), kMaxRank);
    for (const std::int64_t extent : extents) {
        if (extent < 0) fail("A tensor has the negative dimension {}.", extent);
    }
    std::ranges::copy(extents, extents_.begin());
    constexpr std::int64_t kMostElements = std::int64_t{1} << 40;
    std::int64_t elements = 1;
    for (const std::int64_t extent : extents) {
        if (extent == 0) continue;  // the product of any other extents must not overflow either
        if (elements > kMostElements / extent) fail("A tensor of shape ({}) is too large.", joined(extents));
        elements *= extent;
    }
}

std::int64_t Shape::elements() const { return elements(0, rank_); }

std::int64_t Shape::elements(int first, int last) const {
    return std::accumulate(begin() + first, begin() + last, std::int64_t{1}, std::multiplies<>{});
}

bool Shape::operator==(const Shape& other) const { return std::equal(begin(), end(), other.begin(), other.end()); }

std::string to_string(const Shape& shape) { return formatted("({})", joined(shape)); }

Tensor::Tensor(const Shape& shape) : shape_(shape) {
    const auto bytes = static_cast<std::size_t>(std::max<std::int64_t>(shape.elements(), 1)) * sizeof(float);
    data_ = {allocate_zeros(bytes), Free{bytes}};
}

Tensor::Tensor(ConstView values) : Tensor(values.shape) { std::ranges::copy(values.values(), data()); }

Tensor::Tensor(const Shape& shape, std::span<const float> values) : Tensor(shape) {
    if (values.size() != static_cast<std::size_t>(elements())) {
        fail("A tensor of shape {} was given {} values.", to_string(shape), values.size());
    }
    std::ranges::copy(values, data());
}

Tensor::Tensor(const Tensor& other) : Tensor() { *this = other; }

Tensor& Tensor::operator=(const Tensor& other) {
    if (this != &other) *this = other.empty() ? Tensor() : Tensor(other.view());
    return *this;
}

void Tensor::reshape(const Shape& shape) {
    if (shape.elements() != elements())
        fail("A tensor of shape {} cannot be seen as {}.", to_string(shape_), to_string(shape));
    shape_ = shape;
}

void Tensor::Free::operator()(float* data) const {
    if (bytes >= kMappedBytes) {
        munmap(data, bytes);
    } else {
        ::operator delete (data, std::align_val_t{kAlignment});
    }
}

}  // namespace eigenbit::internal
