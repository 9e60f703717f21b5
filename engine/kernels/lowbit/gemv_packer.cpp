#include "engine/kernels/lowbit/gemv_packer.h"

#include "engine/kernels/lowbit/bit_planes.h"
#include "engine/kernels/lowbit/codebook.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <numeric>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kUnit = 8;  // inputs
constexpr std::int64_t kExceptionBits = 8 * sizeof(LowbitException);
// So few that exceptions take a part of the time too small to be measured in AlexNet's layers (Zen 4).
constexpr std::int64_t kLevelsPerException = 128;

/// The levels that a number of bits holds: `lowest` and those above it.
struct LevelWindow {
    int lowest;
    std::size_t bits;
    std::int64_t exceptions;  // levels outside

    bool holds(int level) const { return level >= lowest && level < lowest + (1 << bits); }
    /// Below 8 bits the kernels want levels without a sign.
    int shift() const { return bits == 8 ? 0 : -lowest; }
};

/// The levels of a panel's outputs at a range of inputs.
struct LevelTile {
    const std::int16_t* first;
    std::int64_t outputs, inputs;
    std::int64_t stride;  // from output to output

    std::span<const std::int16_t> output(std::int64_t o) const {
        return {first + o * stride, static_cast<std::size_t>(inputs)};
    }
};

/// The window that takes the fewest bits, exceptions included.
LevelWindow smallest_window(const LevelTile& tile) {
    static const std::vector<int> kLevels = [] {
        std::vector<int> levels(256);
        std::iota(levels.begin(), levels.end(), -128);
        return levels;
    }();
    CodeHistogram histogram{};
    for (std::int64_t o = 0; o < tile.outputs; ++o) {
        for (const std::int16_t level : tile.output(o)) ++histogram[static_cast<std::size_t>(level + 128)];
    }
    const auto window = shortest_window(histogram, kLevels, 1, 7, {kExceptionBits, kLevelsPerException});
    if (!window) return {kLevels.front(), 8, 0};
    return {kLevels[window->begin], window->bits, window->exceptions};
}

std::size_t units(const MatrixRange& range) { return static_cast<std::size_t>((range.size() + kUnit - 1) / kUnit); }

/// Exceptions are listed in the order of inputs, so that neighbours are seldom added to the same sum.
void pack_tile(const LevelTile& tile, const LevelWindow& window, std::size_t register_bytes, std::uint8_t* to,
               LowbitException* rare) {
    std::vector<std::uint8_t> plain(kUnitRegisters * register_bytes);
    for (std::int64_t first = 0; first < tile.inputs; first += kUnit) {
        const auto inputs = static_cast<std::size_t>(std::min(kUnit, tile.inputs - first));
        if (inputs < kUnit) std::ranges::fill(plain, std::uint8_t{0});
        for (std::int64_t o = 0; o < tile.outputs; ++o) {
            const std::int16_t* const levels = tile.output(o).data() + first;
            std::uint8_t* const lane = plain.data() + 4 * o;
            for (std::size_t i = 0; i < inputs; ++i) {
                const bool held = window.holds(levels[i]);
                const int level = held ? levels[i] : window.lowest;
                lane[i / 4 * kQuadVectors * register_bytes + i % 4] = static_cast<std::uint8_t>(level + window.shift());
                if (held) continue;
                *rare++ = {static_cast<std::uint32_t>(static_cast<std::size_t>(first) + i),
                           static_cast<std::int16_t>(o), static_cast<std::int16_t>(levels[i] - level)};
            }
        }
        pack_unit(plain.data(), register_bytes, window.bits, to);
        to += window.bits * register_bytes;
    }
}

}  // namespace

std::int64_t PackedLevels::bytes() const {
    return static_cast<std::int64_t>(weights.size() + exceptions.size() * sizeof(LowbitException));
}

PackedBlock pack_block(const Quantized& matrix, std::size_t block, std::span<const MatrixRange> panels,
                       std::span<const MatrixRange> ranges, const Int8Kernels& kernels) {
    const std::vector<std::int16_t> levels = block_levels(matrix, block);
    const QuantizedBlock& own = matrix.blocks[block];
    const std::int64_t first_output = panels.front().begin;
    const std::int64_t outputs = panels.back().end - first_output;
    const std::int64_t first_input = ranges.front().begin;
    const std::int64_t inputs = ranges.back().end - first_input;
    const std::size_t register_bytes = 4 * kernels.width;
    const std::size_t count = panels.size() * ranges.size();
    const auto tile = [&](std::size_t i) {
        const MatrixRange& panel = panels[i / ranges.size()];
        const MatrixRange& range = ranges[i % ranges.size()];
        return LevelTile{levels.data() + (panel.begin - first_output) * inputs + range.begin - first_input,
                         panel.size(), range.size(), inputs};
    };
    std::vector<LevelWindow> windows(count);
    tbb::parallel_for(std::size_t{0}, count, [&](std::size_t i) { windows[i] = smallest_window(tile(i)); });

    PackedBlock result;
    std::vector<std::size_t> weights{0};
    std::vector<std::size_t> exceptions{0};
    for (std::size_t i = 0; i < count; ++i) {
        weights.push_back(weights.back() + units(ranges[i % ranges.size()]) * windows[i].bits * register_bytes);
        exceptions.push_back(exceptions.back() + static_cast<std::size_t>(windows[i].exceptions));
    }
    result.levels.weights.resize(weights.back());
    result.levels.exceptions.resize(exceptions.back());
    result.segments.resize(count);
    result.level_sums.resize(ranges.size() * static_cast<std::size_t>(outputs));
    tbb::parallel_for(std::size_t{0}, count, [&](std::size_t i) {
        const LevelTile part = tile(i);
        std::uint8_t* const to = result.levels.weights.data() + weights[i];
        LowbitException* const rare = result.levels.exceptions.data() + exceptions[i];
        pack_tile(part, windows[i], register_bytes, to, rare);
        const MatrixRange& range = ranges[i % ranges.size()];
        result.segments[i] = {.begin = static_cast<std::size_t>(range.begin),
                              .inputs = static_cast<std::size_t>(range.size()),
                              .units = units(range),
                              .bits = windows[i].bits,
                              .shift = windows[i].shift(),
                              .step = own.step,
                              .offset = own.offset,
                              .weights = to,
                              .exceptions = rare,
                              .exception_count = static_cast<std::size_t>(windows[i].exceptions)};
        const auto first =
            static_cast<std::int64_t>(i % ranges.size()) * outputs + panels[i / ranges.size()].begin - first_output;
        for (std::int64_t o = 0; o < part.outputs; ++o) {
            const std::span<const std::int16_t> row = part.output(o);
            result.level_sums[static_cast<std::size_t>(first + o)] =
                std::accumulate(row.begin(), row.end(), std::int64_t{0});
        }
    });
    return result;
}

}  // namespace eigenbit::internal
