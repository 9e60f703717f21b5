#include "engine/ops/matmul.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"
#include "engine/kernels/f32/gemm.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided.h"

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

Shape leading_axes(const Shape& x) { return Shape(std::span(x.begin(), x.end() - 2)); }

/// Where one of the matrix products finds its factors and its result.
struct Product {
    std::int64_t a;
    std::int64_t b;
    std::int64_t y;
};

struct Geometry {
    std::int64_t m, n, k;
    std::vector<Product> products;  // in row-major order of the leading axes

    Geometry(const Shape& a, const Shape& b, const Shape& y) : m(y[y.rank() - 2]), n(y.back()), k(a.back()) {
        const Shape leading = leading_axes(y);
        const StridedWalk<3> walk(leading, {broadcast_strides(leading_axes(a), leading),
                                            broadcast_strides(leading_axes(b), leading), dense_strides(leading)});
        const auto& strides = walk.innermost().strides;
        walk.for_each_run(0, walk.elements(), [&](const auto& offsets, std::int64_t count) {
            for (std::int64_t i = 0; i < count; ++i) {
                products.push_back({(offsets[0] + i * strides[0]) * m * k, (offsets[1] + i * strides[1]) * k * n,
                                    (offsets[2] + i * strides[2]) * m * n});
            }
        });
    }

    bool empty() const { return products.empty() || m == 0 || n == 0 || k == 0; }
};

/// Calls visit for every product: those that share what `target` names one after the other, the others perhaps in
/// parallel.
template <typename Visit>
void for_each_product(Geometry& g, std::int64_t Product::*target, Visit visit) {
    auto& products = g.products;
    std::ranges::stable_sort(products, {}, target);
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < products.size(); ++i) {
        if (i == 0 || products[i].*target != products[i - 1].*target) starts.push_back(i);
    }
    starts.push_back(products.size());
    const auto groups = static_cast<std::int64_t>(starts.size()) - 1;
    for_each_chunk(groups, g.m * g.n * g.k / 8, [&](std::int64_t begin, std::int64_t end) {
        const std::size_t last = starts[static_cast<std::size_t>(end)];
        for (std::size_t i = starts[static_cast<std::size_t>(begin)]; i < last; ++i) visit(products[i]);
    });
}

}  // namespace

std::vector<Shape> infer_shapes(const MatMul& mat_mul, std::span<const Shape> inputs) {
    expect_inputs(mat_mul.kType, inputs, 2, 2);
    const Shape& a = inputs[0];
    const Shape& b = inputs[1];
    if (a.rank() < 2 || b.rank() < 2 || a.back() != b[b.rank() - 2]) {
        fail("MatMul cannot multiply matrices of shapes {} and {}.", to_string(a), to_string(b));
    }
    const Shape leading = broadcast_shape(mat_mul.kType, leading_axes(a), leading_axes(b));
    std::vector<std::int64_t> extents(leading.begin(), leading.end());
    extents.push_back(a[a.rank() - 2]);
    extents.push_back(b.back());
    return {Shape(extents)};
}

std::int64_t multiply_accumulates(const MatMul&, std::span<const Shape> inputs, std::span<const Shape> outputs) {
    return outputs[0].elements() * inputs[0].back();
}

void forward(const MatMul&, const ForwardArguments& arguments) {
    const ConstView a = arguments.inputs[0];
    const ConstView b = arguments.inputs[1];
    const View y = arguments.outputs[0];
    Geometry g(a.shape, b.shape, y.shape);
    if (g.empty()) return static_cast<void>(std::ranges::fill(y.values(), 0.0F));
    for_each_product(g, &Product::y, [&](const Product& p) {
        gemm(g.m, g.n, g.k, {a.data + p.a, g.k}, {b.data + p.b, g.n}, false, y.data + p.y, g.n);
    });
}

void backward(const MatMul&, const BackwardArguments& arguments) {
    const ConstView a = arguments.inputs[0];
    const ConstView b = arguments.inputs[1];
    const ConstView dy = arguments.output_gradients[0];
    const View da = arguments.input_gradients[0];
    const View db = arguments.input_gradients[1];
    Geometry g(a.shape, b.shape, dy.shape);
    if (g.empty()) return;
    if (da.data != nullptr) {
        for_each_product(g, &Product::a, [&](const Product& p) {
            gemm(g.m, g.k, g.n, {dy.data + p.y, g.n}, {b.data + p.b, g.n, true}, true, da.data + p.a, g.k);
        });
    }
    if (db.data != nullptr) {
        for_each_product(g, &Product::b, [&](const Product& p) {
            gemm(g.k, g.n, g.m, {a.data + p.a, g.k, true}, {dy.data + p.y, g.n}, true, db.data + p.b, g.n);
        });
    }
}

}  // namespace eigenbit::internal
