#include "engine/kernels/lowbit/gemv_packer.h"

#include "engine/kernels/lowbit/bit_planes.h"
#include "engine/kernels/lowbit/codebook.h"
#include "engine/kernels/lowbit/tuple_codebook.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kQuad = 4;   // inputs
constexpr std::int64_t kEight = 8;  // inputs
// So few that exceptions take a part of the time too small to be measured in AlexNet's layers (Zen 4).
constexpr std::int64_t kLevelsPerException = 128;

/// The levels of a panel's outputs at a range of inputs.
struct LevelTile {
    const std::int16_t* first;
    std::int64_t outputs, inputs;
    std::int64_t stride;  // from output to output

    std::span<const std::int16_t> output(std::int64_t o) const {
        return {first + o * stride, static_cast<std::size_t>(inputs)};
    }
    std::int64_t levels() const { return outputs * inputs; }
};

/// Indices of levels one by one: `lowest` and those above it.
struct LevelWindow {
    static constexpr int kLevels = 1;

    int lowest;
    std::size_t bits;
    std::int64_t exceptions;  // levels outside

    /// Below 8 bits the kernels want levels without a sign.
    int shift() const { return bits == 8 ? 0 : -lowest; }
    /// What index 0 stands for.
    int padding() const { return -shift(); }
    int level(const std::int16_t* levels, std::int64_t) const {
        return std::clamp<int>(*levels, lowest, lowest + (1 << bits) - 1);
    }
    std::uint8_t index(const std::int16_t* levels, bool& differs) const {
        const int nearest = level(levels, 0);
        differs |= nearest != *levels;
        return static_cast<std::uint8_t>(nearest + shift());
    }
};

/// Indices of levels at the same place of neighbouring quads.
template <int kTupleLevels>
struct LevelTuples {
    static constexpr int kLevels = kTupleLevels;

    const TupleCodebook& codebook;
    std::size_t bits = codebook.form().bits;

    static constexpr int shift() { return 0; }
    static constexpr int padding() { return 0; }
    std::uint8_t index(const std::int16_t* levels, bool& differs) const {
        std::size_t symbols = 0;
        for (int p = 0; p < kLevels; ++p) symbols = kLevelSymbols * symbols + level_symbol(levels[kQuad * p]);
        const std::uint8_t nearest = codebook.index(symbols);
        differs |= (nearest & TupleCodebook::kDiffers) != 0;
        return nearest & static_cast<std::uint8_t>(~TupleCodebook::kDiffers);
    }
    int level(const std::int16_t* levels, std::int64_t position) const {
        bool differs = false;
        return codebook.level(static_cast<std::size_t>(position), index(levels, differs));
    }
};

struct Exception {
    std::int64_t input, lane;
    int difference;
};

/// Writes exceptions, whose eights of inputs must not descend, as kernels read them.
class ExceptionWriter {
  public:
    explicit ExceptionWriter(std::vector<LowbitException>& to) : to_(to) {}

    void add(const Exception& exception) {
        constexpr std::int64_t kMostEights = 7;
        const std::int64_t eight = exception.input / kEight;
        for (; eight - eight_ > kMostEights; eight_ += kMostEights) push(kMostEights << 9, 0);
        push((eight - eight_) << 9 | exception.lane << 3 | exception.input % kEight, exception.difference);
        eight_ = eight;
    }

  private:
    void push(std::int64_t place, int difference) {
        const bool is_short = difference != 0 && difference >= -8 && difference < 8;
        to_.push_back(static_cast<LowbitException>(place | (is_short ? (difference & 15) << 12 : 0)));
        if (!is_short) to_.push_back(static_cast<LowbitException>(difference));
    }

    std::vector<LowbitException>& to_;
    std::int64_t eight_ = 0;  // of the last
};

struct PackedTile {
    std::size_t tuple, bits;
    int shift;
    std::vector<std::uint8_t> weights;
    std::vector<std::int8_t> codebook{};
    std::vector<LowbitException> exceptions{};

    std::size_t bytes() const { return weights.size() + codebook.size() + exceptions.size() * sizeof(LowbitException); }
};

/// Of indices that stand for so many levels each.
std::size_t units(std::int64_t inputs, std::size_t tuple) {
    const std::int64_t unit = kEight * static_cast<std::int64_t>(tuple);
    return static_cast<std::size_t>((inputs + unit - 1) / unit);
}

/// Packs tiles for vectors of so many bytes.
class TilePacker {
  public:
    explicit TilePacker(std::size_t register_bytes) : register_bytes_(register_bytes) {}

    /// By tuples where these take less than any window.
    PackedTile pack(const LevelTile& tile) const {
        const CodeHistogram counts = histogram(tile);
        const LevelWindow window = smallest_window(counts);
        const std::size_t bytes = weight_bytes(tile, {1, window.bits})
                                  + static_cast<std::size_t>(window.exceptions) * sizeof(LowbitException);
        if (const std::optional<TupleCodebook> codebook = smallest_tuples(tile, counts, bytes)) {
            PackedTile packed = codebook->form().levels == 2 ? packed_by(LevelTuples<2>{*codebook}, tile)
                                                             : packed_by(LevelTuples<3>{*codebook}, tile);
            const auto exceptions = static_cast<std::int64_t>(packed.exceptions.size());
            for (std::size_t p = 0; p < packed.tuple; ++p) {
                packed.codebook.insert(packed.codebook.end(), codebook->levels(p).begin(), codebook->levels(p).end());
            }
            if (packed.bytes() < bytes && exceptions * kLevelsPerException <= tile.levels()) return packed;
        }
        return packed_by(window, tile);
    }

  private:
    std::size_t weight_bytes(const LevelTile& tile, const TupleForm& form) const {
        return units(tile.inputs, form.levels) * form.bits * register_bytes_;
    }

    static CodeHistogram histogram(const LevelTile& tile);
    static LevelWindow smallest_window(const CodeHistogram& histogram);
    std::optional<TupleCodebook> smallest_tuples(const LevelTile& tile, const CodeHistogram& histogram,
                                                 std::size_t bytes) const;
    template <typename Code>
    PackedTile packed_by(const Code& code, const LevelTile& tile) const;

    std::size_t register_bytes_;
};

CodeHistogram TilePacker::histogram(const LevelTile& tile) {
    CodeHistogram counts{};
    for (std::int64_t o = 0; o < tile.outputs; ++o) {
        for (const std::int16_t level : tile.output(o)) ++counts[static_cast<std::size_t>(level + 128)];
    }
    return counts;
}

/// The one that takes the fewest bits, exceptions included.
LevelWindow TilePacker::smallest_window(const CodeHistogram& histogram) {
    constexpr ExceptionCost kCost{8 * sizeof(LowbitException), kLevelsPerException};
    static const std::vector<int> kLevels = [] {
        std::vector<int> levels(256);
        std::iota(levels.begin(), levels.end(), -128);
        return levels;
    }();
    const auto window = shortest_window(histogram, kLevels, 1, 7, kCost);
    if (!window) return {kLevels.front(), 8, 0};
    return {kLevels[window->begin], window->bits, window->exceptions};
}

/// Those that are likely to take the fewest bytes, if these are fewer than so many.
std::optional<TupleCodebook> TilePacker::smallest_tuples(const LevelTile& tile, const CodeHistogram& histogram,
                                                         std::size_t bytes) const {
    const auto levels = static_cast<double>(tile.levels());
    std::array<double, kLevelSymbols> likelihoods{};
    for (int level = -128; level < 128; ++level) {
        likelihoods[level_symbol(level)] +=
            static_cast<double>(histogram[static_cast<std::size_t>(level + 128)]) / levels;
    }
    std::optional<TupleCodebook> best;
    auto fewest = static_cast<double>(bytes);
    for (const TupleForm& form : kTupleForms) {
        const auto of_weights = static_cast<double>(weight_bytes(tile, form));
        if (of_weights >= fewest || likelihoods[0] * kLevelsPerException > 1.0) continue;
        const TupleCodebook codebook(form, likelihoods);
        const double likely = of_weights + codebook.differing() * levels * sizeof(LowbitException);
        if (likely >= fewest || codebook.differing() * kLevelsPerException > 1.0) continue;
        fewest = likely;
        best = codebook;
    }
    return best;
}

template <typename Code>
PackedTile TilePacker::packed_by(const Code& code, const LevelTile& tile) const {
    constexpr std::int64_t kUnit = kEight * Code::kLevels;
    PackedTile packed{.tuple = Code::kLevels,
                      .bits = code.bits,
                      .shift = code.shift(),
                      .weights = std::vector<std::uint8_t>(weight_bytes(tile, {Code::kLevels, code.bits}))};
    const auto half = static_cast<std::int64_t>(kQuadVectors * register_bytes_);
    std::vector<std::uint8_t> plain(kUnitRegisters * register_bytes_);
    std::array<std::int16_t, kUnit> filled_up;
    filled_up.fill(static_cast<std::int16_t>(code.padding()));
    ExceptionWriter writer(packed.exceptions);
    std::vector<Exception> exceptions;
    std::uint8_t* to = packed.weights.data();
    for (std::int64_t first = 0; first < tile.inputs; first += kUnit) {
        const std::int64_t inputs = std::min(kUnit, tile.inputs - first);
        for (std::int64_t o = 0; o < tile.outputs; ++o) {
            const std::int16_t* levels = tile.output(o).data() + first;
            if (inputs < kUnit) {
                std::copy_n(levels, inputs, filled_up.begin());
                levels = filled_up.data();
            }
            std::uint8_t* const lane = plain.data() + kQuad * o;
            bool differs = false;
            for (std::int64_t i = 0; i < kEight; ++i) {
                const std::int64_t input = i / kQuad * kQuad * Code::kLevels + i % kQuad;
                lane[i / kQuad * half + i % kQuad] = code.index(levels + input, differs);
            }
            if (!differs) continue;
            for (std::int64_t input = 0; input < kUnit; ++input) {
                const std::int64_t position = input / kQuad % Code::kLevels;
                const int level = code.level(levels + input - kQuad * position, position);
                if (level != levels[input]) exceptions.push_back({first + input, o, levels[input] - level});
            }
        }
        std::ranges::stable_sort(exceptions, {}, [](const Exception& e) { return e.input / kEight; });
        for (const Exception& exception : exceptions) writer.add(exception);
        exceptions.clear();
        pack_unit(plain.data(), register_bytes_, code.bits, to);
        to += code.bits * register_bytes_;
    }
    return packed;
}

}  // namespace

std::int64_t PackedLevels::bytes() const {
    return static_cast<std::int64_t>(weights.size() + codebooks.size() + exceptions.size() * sizeof(LowbitException));
}

PackedBlock pack_block(const Quantized& matrix, std::size_t block, std::span<const MatrixRange> panels,
                       std::span<const MatrixRange> ranges, const Int8Kernels& kernels) {
    const std::vector<std::int16_t> levels = block_levels(matrix, block);
    const QuantizedBlock& own = matrix.blocks[block];
    const std::int64_t first_output = panels.front().begin;
    const std::int64_t outputs = panels.back().end - first_output;
    const std::int64_t first_input = ranges.front().begin;
    const std::int64_t inputs = ranges.back().end - first_input;
    const std::size_t count = panels.size() * ranges.size();
    const TilePacker packer(4 * kernels.width);
    std::vector<PackedTile> tiles(count);
    PackedBlock result;
    result.level_sums.resize(ranges.size() * static_cast<std::size_t>(outputs));
    tbb::parallel_for(std::size_t{0}, count, [&](std::size_t i) {
        const MatrixRange& panel = panels[i / ranges.size()];
        const MatrixRange& range = ranges[i % ranges.size()];
        const std::int64_t output = panel.begin - first_output;
        const LevelTile tile{levels.data() + output * inputs + range.begin - first_input, panel.size(), range.size(),
                             inputs};
        tiles[i] = packer.pack(tile);
        std::int64_t* const sums =
            result.level_sums.data() + static_cast<std::int64_t>(i % ranges.size()) * outputs + output;
        for (std::int64_t o = 0; o < tile.outputs; ++o) {
            const std::span<const std::int16_t> row = tile.output(o);
            sums[o] = std::accumulate(row.begin(), row.end(), 0);
        }
    });

    std::size_t weights = 0;
    std::size_t codebooks = 0;
    std::size_t exceptions = 0;
    for (const PackedTile& tile : tiles) {
        weights += tile.weights.size();
        codebooks += tile.codebook.size();
        exceptions += tile.exceptions.size();
    }
    PackedLevels& all = result.levels;
    all.weights.reserve(weights);
    all.codebooks.reserve(codebooks);
    all.exceptions.reserve(exceptions);
    for (std::size_t i = 0; i < count; ++i) {
        const PackedTile tile = std::move(tiles[i]);
        const MatrixRange& range = ranges[i % ranges.size()];
        result.segments.push_back({.begin = static_cast<std::size_t>(range.begin),
                                   .inputs = static_cast<std::size_t>(range.size()),
                                   .units = units(range.size(), tile.tuple),
                                   .tuple = static_cast<std::uint8_t>(tile.tuple),
                                   .bits = static_cast<std::uint8_t>(tile.bits),
                                   .shift = tile.shift,
                                   .step = own.step,
                                   .offset = own.offset,
                                   .weights = all.weights.data() + all.weights.size(),
                                   .codebook = all.codebooks.data() + all.codebooks.size(),
                                   .exceptions = all.exceptions.data() + all.exceptions.size(),
                                   .exception_count = tile.exceptions.size()});
        all.weights.insert(all.weights.end(), tile.weights.begin(), tile.weights.end());
        all.codebooks.insert(all.codebooks.end(), tile.codebook.begin(), tile.codebook.end());
        all.exceptions.insert(all.exceptions.end(), tile.exceptions.begin(), tile.exceptions.end());
    }
    return result;
}

}  // namespace eigenbit::internal
