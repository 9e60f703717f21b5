#include "engine/kernels/f32/gemm.h"

#include "engine/base/aligned_vector.h"
#include "engine/kernels/f32/long_sums.h"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <limits>

namespace eigenbit::internal {
namespace {

// A block of C is computed from kDepth of the depth at a time: all rows of A times one panel of B's columns, which
// stays in the second-level cache. Strips of A that has to be packed stay there too.
constexpr std::int64_t kBlockRows = 512;
constexpr std::int64_t kBlockColumns = 1024;
constexpr std::int64_t kFewestRows = 48;  // of a block, where there are many threads
constexpr std::int64_t kDepth = 384;
constexpr std::int64_t kStripRows = 256;
constexpr std::int64_t kColumnsTogether = 64;  // packed in one pass over the rows of B

// More panels than these read A so often that it is packed even where its depth lies together: rows that lie a power of
// two apart would push each other out of the caches.
constexpr std::int64_t kFewPanels = 8;

// Tasks of fewer products would take less time than handing them to another thread; some for each thread let all end
// together. How a product is divided changes no sum: each is computed along the depth.
constexpr std::int64_t kTaskProducts = std::int64_t{1} << 18;
constexpr std::int64_t kTasksPerThread = 4;

// Packing B would take longer than multiplying it in place where few rows of A read it, or where the depth is so little
// that C is most of the work.
constexpr std::int64_t kFewDotRows = 8;
constexpr std::int64_t kFewAxpyRows = 4;
constexpr std::int64_t kLittleDepth = 16;
constexpr std::int64_t kAxpySums = 4096;  // stay in the first-level cache

constexpr std::int64_t kLine = 16;       // floats in a cache line
constexpr std::int64_t kRowsAhead = 16;  // whose lines come from memory meanwhile

struct Product {
    std::int64_t m, n, k;
    MatrixOperand a, b;
    bool accumulate;
    float* c;
    std::int64_t c_stride;
    bool c_transposed = false;  ///< element (i, j) lies at c[j * c_stride + i]

    float* c_at(std::int64_t i, std::int64_t j) const {
        return c_transposed ? c + j * c_stride + i : c + i * c_stride + j;
    }
};

MatrixOperand transposed(const MatrixOperand& x) { return {x.data, x.stride, !x.transposed}; }

const float* at(const MatrixOperand& x, std::int64_t row, std::int64_t column) {
    return x.data + (x.transposed ? column * x.stride + row : row * x.stride + column);
}

/// Cᵀ = Bᵀ · Aᵀ.
Product transposed(const Product& p) {
    return {p.n, p.m, p.k, transposed(p.b), transposed(p.a), p.accumulate, p.c, p.c_stride, !p.c_transposed};
}

/// Four floats, in every CPU's registers.
using Quad = float __attribute__((vector_size(16), aligned(4), may_alias));

Quad& quad(float* values) { return *reinterpret_cast<Quad*>(values); }
const Quad& quad(const float* values) { return *reinterpret_cast<const Quad*>(values); }

/// to[j, i] = or += from[i, j] for i < rows, j < columns.
template <bool kAdd>
void transpose(std::int64_t rows, std::int64_t columns, const float* from, std::int64_t from_stride, float* to,
               std::int64_t to_stride) {
    const auto put = [](float* target, const Quad& values) { quad(target) = kAdd ? quad(target) + values : values; };
    const auto put_quads = [&](std::int64_t i, std::int64_t j) {
        const float* const corner = from + i * from_stride + j;
        const Quad a = quad(corner), b = quad(corner + from_stride), c = quad(corner + 2 * from_stride),
                   d = quad(corner + 3 * from_stride);
        const Quad ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5);
        const Quad ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
        const Quad bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5);
        const Quad bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
        put(to + j * to_stride + i, __builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5));
        put(to + (j + 1) * to_stride + i, __builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7));
        put(to + (j + 2) * to_stride + i, __builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5));
        put(to + (j + 3) * to_stride + i, __builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7));
    };
    const auto put_each = [&](std::int64_t i_begin, std::int64_t i_end, std::int64_t j_begin, std::int64_t j_end) {
        for (std::int64_t j = j_begin; j < j_end; ++j) {
            for (std::int64_t i = i_begin; i < i_end; ++i) {
                float& target = to[j * to_stride + i];
                target = (kAdd ? target : 0.0F) + from[i * from_stride + j];
            }
        }
    };
    // Eight lines of `from` that all may have the same place in a first-level cache; the next eight come meanwhile.
    constexpr std::int64_t kRows = 8;
    const std::int64_t whole_rows = rows / kRows * kRows;
    const std::int64_t whole_columns = columns / 4 * 4;
    for (std::int64_t i = 0; i < whole_rows; i += kRows) {
        for (std::int64_t j = 0; j < whole_columns; j += 4) {
            const float* const next = from + (i + kRows) * from_stride + j;
            if (j % kLine == 0) {
                for (std::int64_t r = 0; r < kRows; ++r) __builtin_prefetch(next + r * from_stride);
            }
            put_quads(i, j);
            put_quads(i + 4, j);
        }
    }
    put_each(0, whole_rows, whole_columns, columns);
    put_each(whole_rows, rows, 0, columns);
}

/// Memory of this thread that the next call reuses.
float* scratch(std::int64_t floats) {
    thread_local AlignedVector<float> memory;
    if (static_cast<std::int64_t>(memory.size()) < floats)
        memory = AlignedVector<float>(static_cast<std::size_t>(floats));
    return memory.data();
}

/// Calls task(0 … tasks-1). Threads that wait for the last ones do not take up work of the caller's meanwhile.
template <typename Task>
void run_tasks(std::int64_t tasks, const Task& task) {
    if (tasks == 1) return task(0);
    tbb::this_task_arena::isolate([&] { tbb::parallel_for(std::int64_t{0}, tasks, task); });
}

std::int64_t parts_of(std::int64_t total, std::int64_t most) { return (total + most - 1) / most; }

/// Of rows that begin with a cache line, and spread over all sets of a cache.
std::int64_t packed_stride(std::int64_t depth) { return (parts_of(depth, kLine) | 1) * kLine; }

/// Packs rows of A so that the depth of each lies together, one behind the other.
MatrixOperand packed_rows(const MatrixOperand& a, std::int64_t rows, std::int64_t depth, float* packed) {
    const std::int64_t stride = packed_stride(depth);
    if (a.transposed) {
        transpose<false>(depth, rows, a.data, a.stride, packed, stride);
    } else {
        for (std::int64_t row = 0; row < rows; ++row)
            std::copy_n(a.data + row * a.stride, depth, packed + row * stride);
    }
    return {packed, stride};
}

/// Columns of a block of B, divided as the kernels read weights: into panels (depth, lanes), as few and as equal as
/// possible, with zeros behind the last column.
struct Panels {
    std::int64_t columns, width, vectors, count;

    Panels(std::int64_t block_columns, const ConvolutionKernels& kernels)
        : columns(block_columns),
          width(static_cast<std::int64_t>(kernels.width)),
          vectors(parts_of(columns, width)),
          count(parts_of(vectors, static_cast<std::int64_t>(kernels.panel_vectors))) {}

    std::int64_t column(std::int64_t panel) const { return vectors * panel / count * width; }
    std::int64_t lanes(std::int64_t panel) const { return column(panel + 1) - column(panel); }

    /// Packs panels first … last-1 one behind the other.
    void pack(std::int64_t first, std::int64_t last, const MatrixOperand& b, std::int64_t depth, float* packed) const {
        // Rows of B may lie pages apart: all panels visit some before the next.
        const std::int64_t rows = b.transposed ? depth : kRowsAhead;
        const std::int64_t begin = column(first);
        for (std::int64_t k = 0; k < depth; k += rows) {
            const std::int64_t k_end = std::min(k + rows, depth);
            for (std::int64_t panel = first; panel < last; ++panel) {
                pack_rows(panel, b, k, k_end, packed + (column(panel) - begin) * depth);
            }
        }
    }

  private:
    /// Rows begin … end-1 of a panel, asking meanwhile for the next ones.
    void pack_rows(std::int64_t panel, const MatrixOperand& b, std::int64_t begin, std::int64_t end, float* to) const {
        const std::int64_t from = column(panel);
        const std::int64_t stride = lanes(panel);
        const std::int64_t existing = std::min(stride, columns - from);
        const std::int64_t whole = existing / 4 * 4;
        to += begin * stride;
        if (existing < stride) std::fill_n(to, (end - begin) * stride, 0.0F);
        if (b.transposed) return transpose<false>(existing, end - begin, at(b, begin, from), b.stride, to, stride);
        for (std::int64_t k = begin; k < end; ++k, to += stride) {
            const float* const row = at(b, k, from);
            const float* const next = row + kRowsAhead * b.stride;
            for (std::int64_t line = 0; line < existing; line += kLine) __builtin_prefetch(next + line);
            for (std::int64_t c = 0; c < whole; c += 4) quad(to + c) = quad(row + c);
            for (std::int64_t c = whole; c < existing; ++c) to[c] = row[c];
        }
    }
};

/// Sums (rows, columns) go to where C lies transposed.
void put_transposed(const Product& p, std::int64_t rows, std::int64_t columns, const float* sums, float* c) {
    (p.accumulate ? transpose<true> : transpose<false>)(rows, columns, sums, columns, c, p.c_stride);
}

/// sums (m, columns of the panel) = or += A times a panel of B.
void multiply_panel(const MatrixOperand& a, std::int64_t m, std::int64_t depth, const float* panel,
                    std::int64_t columns, const ConvolutionKernels& kernels, bool accumulate, float* sums,
                    std::int64_t sums_stride) {
    constexpr std::ptrdiff_t kHere = 0;
    kernels.forward({.grid = {.source = a.data,
                              .row_stride = 0,
                              .column_stride = a.stride,
                              .columns = static_cast<std::size_t>(m),
                              .segments = &kHere,
                              .segment_count = 1,
                              .length = static_cast<std::size_t>(depth)},
                     .pixel_begin = 0,
                     .pixel_end = static_cast<std::size_t>(m),
                     .weights = panel,
                     .vectors = (static_cast<std::size_t>(columns) + kernels.width - 1) / kernels.width,
                     .channels = static_cast<std::size_t>(columns),
                     .output = sums,
                     .output_row_stride = 0,
                     .output_column_stride = sums_stride,
                     .residual = nullptr,
                     .bias = nullptr,
                     .low = -std::numeric_limits<float>::infinity(),
                     .high = std::numeric_limits<float>::infinity(),
                     .accumulate = accumulate,
                     .finish = false});
}

/// A product of one task.
void multiply_block(const Product& p, const ConvolutionKernels& kernels) {
    const Panels panels(p.n, kernels);
    const auto panel_lanes = static_cast<std::int64_t>(kernels.width * kernels.panel_vectors);
    const std::int64_t together = std::max<std::int64_t>(1, kColumnsTogether / panel_lanes);
    const bool packs_a = p.a.transposed || panels.count > kFewPanels;
    const std::int64_t depths = parts_of(p.k, kDepth);
    const std::int64_t depth_most = parts_of(p.k, depths);
    const std::int64_t strips = packs_a ? parts_of(p.m, kStripRows) : 1;
    const std::int64_t b_lanes = panels.column(panels.count);
    const std::int64_t b_floats = (strips > 1 ? b_lanes : std::min(b_lanes, together * panel_lanes)) * depth_most;
    const std::int64_t a_floats = packs_a ? parts_of(p.m, strips) * packed_stride(depth_most) : 0;
    float* const b_memory = scratch(b_floats + a_floats + (p.c_transposed ? p.m * p.n : 0));
    float* const a_memory = b_memory + b_floats;
    float* const sums = p.c_transposed ? a_memory + a_floats : p.c;
    const std::int64_t sums_stride = p.c_transposed ? p.n : p.c_stride;
    for (std::int64_t step = 0; step < depths * strips; ++step) {
        const std::int64_t part = step / strips;
        const std::int64_t strip = step % strips;
        const std::int64_t begin = p.k * part / depths;
        const std::int64_t depth = p.k * (part + 1) / depths - begin;
        const std::int64_t row = p.m * strip / strips;
        const std::int64_t rows = p.m * (strip + 1) / strips - row;
        MatrixOperand a{at(p.a, row, begin), p.a.stride, p.a.transposed};
        if (packs_a) a = packed_rows(a, rows, depth, a_memory);
        const MatrixOperand b{at(p.b, begin, 0), p.b.stride, p.b.transposed};
        const bool in_place = !b.transposed && panels.count == 1 && p.n == panels.column(1) && b.stride == p.n;
        for (std::int64_t first = 0; first < panels.count; first += together) {
            const std::int64_t last = std::min(first + together, panels.count);
            // The strips after the first read the panels again.
            float* const packed = b_memory + (strips > 1 ? panels.column(first) * depth : 0);
            if (strip == 0 && !in_place) panels.pack(first, last, b, depth, packed);
            for (std::int64_t panel = first; panel < last; ++panel) {
                const std::int64_t column = panels.column(panel);
                multiply_panel(a, rows, depth, in_place ? b.data : packed + (column - panels.column(first)) * depth,
                               std::min(panels.lanes(panel), p.n - column), kernels,
                               part > 0 || (p.accumulate && !p.c_transposed), sums + row * sums_stride + column,
                               sums_stride);
            }
        }
    }
    if (p.c_transposed) put_transposed(p, p.m, p.n, sums, p.c);
}

std::int64_t wanted_tasks(const Product& p) {
    const std::int64_t most = p.m * p.n * p.k / kTaskProducts;
    if (most <= 1) return 1;
    const std::int64_t threads = tbb::this_task_arena::max_concurrency();
    return threads == 1 ? 1 : std::min(most, threads * kTasksPerThread);
}

/// Blocks of the product, each a task.
void multiply_blocks(const Product& p, const ConvolutionKernels& kernels) {
    const auto panel = static_cast<std::int64_t>(kernels.width * kernels.panel_vectors);
    const std::int64_t column_panels = parts_of(p.n, panel);
    const std::int64_t wanted = wanted_tasks(p);
    std::int64_t row_parts = parts_of(p.m, kBlockRows);
    std::int64_t column_parts = parts_of(p.n, kBlockColumns);
    const auto divide_rows = [&] {
        row_parts = std::max(row_parts, std::min(parts_of(wanted, column_parts), parts_of(p.m, kFewestRows)));
    };
    const auto divide_columns = [&] {
        column_parts = std::max(column_parts, std::min(parts_of(wanted, row_parts), column_panels));
    };
    // The longer side first, for then less is read, or packed, several times.
    if (p.m > p.n) divide_rows();
    divide_columns();
    divide_rows();
    run_tasks(row_parts * column_parts, [&](std::int64_t task) {
        const std::int64_t row = p.m * (task / column_parts) / row_parts;
        const std::int64_t row_end = p.m * (task / column_parts + 1) / row_parts;
        const std::int64_t column = column_panels * (task % column_parts) / column_parts * panel;
        const std::int64_t column_end = std::min(p.n, column_panels * (task % column_parts + 1) / column_parts * panel);
        Product block = p;
        block.m = row_end - row;
        block.n = column_end - column;
        block.a.data = at(p.a, row, 0);
        block.b.data = at(p.b, 0, column);
        block.c = p.c_at(row, column);
        multiply_block(block, kernels);
    });
}

/// C at `row` and `column` = or += sums (rows, columns).
void put(const Product& p, std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns,
         const LongSums& sums) {
    for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) {
            float& value = *p.c_at(row + i, column + j);
            value = static_cast<float>((p.accumulate ? static_cast<double>(value) : 0.0) + sums[i * columns + j]);
        }
    }
}

/// Few rows of A times the depth of B, which lies together.
void multiply_by_dot(const Product& p, const ConvolutionKernels& kernels) {
    const std::int64_t parts = std::min(wanted_tasks(p), parts_of(p.n, kLine));
    run_tasks(parts, [&](std::int64_t task) {
        const std::int64_t column = p.n * task / parts;
        const std::int64_t columns = p.n * (task + 1) / parts - column;
        const MatrixOperand a = p.a.transposed ? packed_rows(p.a, p.m, p.k, scratch(p.m * packed_stride(p.k))) : p.a;
        DotBlock block{.matrix = at(p.b, 0, column),
                       .row_stride = p.b.stride,
                       .rows = static_cast<std::size_t>(columns),
                       .vectors = a.data,
                       .vector_stride = a.stride,
                       .vector_count = static_cast<std::size_t>(p.m),
                       .depth = static_cast<std::size_t>(p.k),
                       .output = p.c_at(0, column),
                       .output_vector_stride = p.c_transposed ? 1 : p.c_stride,
                       .output_row_stride = p.c_transposed ? p.c_stride : 1,
                       .accumulate = p.accumulate};
        if (p.k <= kLongSum) return kernels.dot(block);
        LongSums sums(p.m * columns);
        block.output = sums.run();
        block.output_vector_stride = columns;
        block.output_row_stride = 1;
        block.accumulate = false;
        const std::int64_t run = kSumRun * static_cast<std::int64_t>(kernels.width);  // each lane has a sum of its own
        for (std::int64_t k = 0; k < p.k; k += run) {
            block.matrix = at(p.b, k, column);
            block.vectors = a.data + k;
            block.depth = static_cast<std::size_t>(std::min(run, p.k - k));
            kernels.dot(block);
            sums.add_run();
        }
        put(p, 0, p.m, column, columns, sums);
    });
}

/// Few rows of A, or little depth, times rows of B, which are read as they lie.
void multiply_by_axpy(const Product& p, const ConvolutionKernels& kernels) {
    const std::int64_t column_parts = parts_of(p.n, kAxpySums / std::min(p.m, kFewAxpyRows));
    const std::int64_t row_parts = std::min(parts_of(wanted_tasks(p), column_parts), parts_of(p.m, kFewAxpyRows));
    run_tasks(row_parts * column_parts, [&](std::int64_t task) {
        const std::int64_t row = p.m * (task / column_parts) / row_parts;
        const std::int64_t rows = p.m * (task / column_parts + 1) / row_parts - row;
        const std::int64_t column = p.n * (task % column_parts) / column_parts;
        const std::int64_t columns = p.n * (task % column_parts + 1) / column_parts - column;
        const std::int64_t a_floats = p.a.transposed ? rows * packed_stride(p.k) : 0;
        float* const memory = scratch(a_floats + (p.c_transposed ? rows * columns : 0));
        MatrixOperand a{at(p.a, row, 0), p.a.stride, p.a.transposed};
        if (a.transposed) a = packed_rows(a, rows, p.k, memory);
        float* const sums = p.c_transposed ? memory + a_floats : p.c_at(row, column);
        AxpyBlock block{.matrix = at(p.b, 0, column),
                        .row_stride = p.b.stride,
                        .rows = static_cast<std::size_t>(p.k),
                        .columns = static_cast<std::size_t>(columns),
                        .factors = a.data,
                        .factor_stride = a.stride,
                        .outputs = sums,
                        .output_stride = p.c_transposed ? columns : p.c_stride,
                        .output_count = static_cast<std::size_t>(rows),
                        .accumulate = p.accumulate && !p.c_transposed};
        if (p.k > kLongSum) {
            LongSums long_sums(rows * columns);
            block.outputs = long_sums.run();
            block.output_stride = columns;
            block.accumulate = false;
            for (std::int64_t k = 0; k < p.k; k += kSumRun) {
                block.matrix = at(p.b, k, column);
                block.factors = a.data + k;
                block.rows = static_cast<std::size_t>(std::min(kSumRun, p.k - k));
                kernels.axpy(block);
                long_sums.add_run();
            }
            return put(p, row, rows, column, columns, long_sums);
        }
        kernels.axpy(block);
        if (p.c_transposed) put_transposed(p, rows, columns, sums, p.c_at(row, column));
    });
}

}  // namespace

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, MatrixOperand a, MatrixOperand b, bool accumulate, float* c,
          std::int64_t c_stride, const CpuImplementation& implementation) {
    if (m == 0 || n == 0) return;
    if (k == 0) {
        for (std::int64_t row = 0; row < m && !accumulate; ++row) std::fill_n(c + row * c_stride, n, 0.0F);
        return;
    }
    const ConvolutionKernels& kernels = *implementation.convolution;
    const Product p{m, n, k, a, b, accumulate, c, c_stride};
    const Product wide = m <= n ? p : transposed(p);
    if (wide.b.transposed && wide.m <= kFewDotRows) return multiply_by_dot(wide, kernels);
    if (!wide.b.transposed && wide.m <= kFewAxpyRows) return multiply_by_axpy(wide, kernels);
    if (!b.transposed && k <= kLittleDepth) return multiply_by_axpy(p, kernels);
    // The kernels read A in place where its depth lies together; it is then the larger one.
    const bool exchange = b.transposed && (a.transposed || m < n);
    multiply_blocks(exchange ? transposed(p) : p, kernels);
}

}  // namespace eigenbit::internal
