#include "engine/program/pooled_strips.h"

#include "engine/base/format.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace eigenbit::internal {
namespace {

/// Fits second-level caches, beside what the convolution reads.
constexpr std::int64_t kStripBytes = 192 << 10;

struct Rows {
    std::int64_t begin = 0;
    std::int64_t end = 0;
};

std::int64_t reach(const Pooling& pool) { return (pool.kernel[0] - 1) * pool.dilation[0] + 1; }

/// Those of an image of `extent` rows that some rows of the pooled image are made of.
Rows rows_below(const Pooling& pool, const Rows& pooled, std::int64_t extent) {
    const auto inside = [&](std::int64_t row) { return std::clamp<std::int64_t>(row - pool.padding[0], 0, extent); };
    return {inside(pooled.begin * pool.stride[0]), inside((pooled.end - 1) * pool.stride[0] + reach(pool))};
}

/// How many of the `pooled` rows of a pooled image are made of one strip of what lies below, of this shape.
std::int64_t rows_of_strip(const Pooling& pool, const Shape& below, std::int64_t pooled) {
    const std::int64_t rows = kStripBytes / below.elements(2, 4);
    const std::int64_t most = std::max<std::int64_t>(1, (rows - reach(pool)) / pool.stride[0] + 1);
    const std::int64_t strips = (pooled + most - 1) / most;
    return (pooled + strips - 1) / strips;
}

/// The only step that reads a buffer; null where there is none or more than one.
const Step* only_reader(std::span<const Step> steps, BufferId buffer) {
    const Step* reader = nullptr;
    for (const Step& step : steps) {
        bool reads = false;
        for_each_buffer(step, [&](BufferId id, bool is_written) { reads = reads || (id == buffer && !is_written); });
        if (reads && reader) return nullptr;
        if (reads) reader = &step;
    }
    return reader;
}

bool has_rows(const Int8LayerStep& layer, const Buffer& output) {
    const auto* const convolution = std::get_if<Int8Convolution>(&layer.layer);
    return convolution && convolution->has_rows() && output.is_bytes && output.shape[0] == 1 && !layer.residual;
}

}  // namespace

void pool_in_strips(std::vector<Step>& steps, std::span<Buffer> buffers) {
    std::set<BufferId> pooled;
    for (Step& step : steps) {
        auto* const layer = std::get_if<Int8LayerStep>(&step.work);
        if (!layer || !has_rows(*layer, buffers[layer->output])) continue;
        const Step* const reader = only_reader(steps, layer->output);
        const auto* const move = reader ? std::get_if<MoveStep>(&reader->work) : nullptr;
        const auto* const op = move ? std::get_if<MaxPool>(&move->op) : nullptr;
        if (!op) continue;
        const Pooling pool = pooling(*op);
        Shape& strip = buffers[layer->output].shape;
        const std::int64_t extent = buffers[move->outputs.front()].shape[1];
        const std::int64_t rows = rows_of_strip(pool, strip, extent);
        if (rows == extent) continue;
        strip[1] = std::min(strip[1], (rows - 1) * pool.stride[0] + reach(pool));
        layer->pool = {*op, rows, layer->output};
        layer->output = move->outputs.front();
        step.kind += formatted(", {}", MaxPool::kType);
        pooled.insert(layer->output);
    }
    std::erase_if(steps, [&](const Step& step) {
        const auto* const move = std::get_if<MoveStep>(&step.work);
        return move && pooled.contains(move->outputs.front());
    });
}

void run_strips(const Int8LayerStep& step, Int8Output output, std::span<const Buffer> buffers) {
    const auto& convolution = std::get<Int8Convolution>(step.layer);
    const Buffer& y = buffers[step.output];
    const Buffer& strip = buffers[step.pool->strip];
    const Pooling pool = pooling(step.pool->op);
    const std::int64_t row_bytes = strip.shape.elements(2, 4);
    Rows held;
    for (Rows pooled; pooled.begin < y.shape[1]; pooled.begin = pooled.end) {
        pooled.end = std::min(pooled.begin + step.pool->rows, y.shape[1]);
        const Rows rows = rows_below(pool, pooled, convolution.geometry().oh);
        // The last rows of the strip before may be the first ones of this.
        const std::int64_t kept = std::max<std::int64_t>(0, held.end - rows.begin);
        if (kept > 0) {
            std::memmove(strip.bytes(), strip.bytes() + (rows.begin - held.begin) * row_bytes,
                         static_cast<std::size_t>(kept * row_bytes));
        }
        output.bytes = strip.bytes() + kept * row_bytes;
        convolution.run_rows(buffers[step.input].bytes(), rows.begin + kept, rows.end, output);
        held = rows;

        MaxPool op = step.pool->op;
        op.padding[0] -= pooled.begin * pool.stride[0] - rows.begin;
        const BasicView<const std::uint8_t> from{{1, rows.end - rows.begin, strip.shape[2], strip.shape[3]},
                                                 strip.bytes()};
        const BasicView<std::uint8_t> to{{1, pooled.end - pooled.begin, y.shape[2], y.shape[3]},
                                         y.bytes() + pooled.begin * y.shape.elements(2, 4)};
        forward(op, ByteForwardArguments{.inputs = {&from, 1}, .outputs = {&to, 1}, .zero_point = 0});
    }
}

}  // namespace eigenbit::internal
