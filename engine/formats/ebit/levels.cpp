#include "engine/formats/ebit/levels.h"

#include "engine/base/error.h"
#include "engine/coding/bit_packing.h"
#include "engine/coding/block_layout.h"
#include "engine/coding/level_coder.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <compare>
#include <memory>
#include <optional>

namespace eigenbit::internal {
namespace {

/// A stream takes whole blocks until it has this many levels: streams are decoded in parallel, and each costs two or
/// three bytes.
constexpr std::int64_t kStreamLevels = 1 << 15;

/// A block by the position of its parameter and its own.
struct BlockPosition {
    std::size_t parameter = 0;
    std::size_t block = 0;

    auto operator<=>(const BlockPosition&) const = default;
};

template <typename QuantizedType>
class StoredBlocks {
  public:
    explicit StoredBlocks(std::span<const StoredLevels<QuantizedType>> parameters) : parameters_(parameters) {
        for (std::size_t p = 0; p < parameters.size(); ++p) {
            for (std::size_t b = 0; b < parameters[p].weight->blocks.size(); ++b) {
                if (parameters[p].weight->blocks[b].bit_depth > 0) positions_.push_back({p, b});
            }
        }
    }

    std::size_t count() const { return positions_.size(); }
    const BlockPosition& position(std::size_t i) const { return positions_[i]; }
    /// Of a block of depth 1 or more.
    std::size_t find(BlockPosition position) const {
        return static_cast<std::size_t>(std::ranges::lower_bound(positions_, position) - positions_.begin());
    }
    const StoredLevels<QuantizedType>& parameter(std::size_t i) const { return parameters_[positions_[i].parameter]; }
    const QuantizedBlock& block(std::size_t i) const { return parameter(i).weight->blocks[positions_[i].block]; }
    BlockLayout layout(std::size_t i) const {
        const Quantized& weight = *parameter(i).weight;
        return {weight.shape, weight.axis, block(i).begin, block(i).end};
    }
    std::int64_t elements(std::size_t i) const {
        const Quantized& weight = *parameter(i).weight;
        return weight.shape.elements() / weight.shape[weight.axis] * (block(i).end - block(i).begin);
    }

    /// The first block of every stream, and the number of blocks.
    std::vector<std::size_t> stream_bounds() const {
        std::vector<std::size_t> bounds{0};
        std::int64_t levels = 0;
        for (std::size_t i = 0; i < count(); ++i) {
            levels += elements(i);
            if (levels < kStreamLevels && i + 1 < count()) continue;
            bounds.push_back(i + 1);
            levels = 0;
        }
        return bounds;
    }

  private:
    std::span<const StoredLevels<QuantizedType>> parameters_;
    std::vector<BlockPosition> positions_;
};

/// Calls action(i) for 0 … count-1, in parallel.
template <typename Action>
void in_parallel(std::size_t count, Action action) {
    tbb::parallel_for(std::size_t{0}, count, action);
}

void write_fixed(LevelBytes& result, const StoredBlocks<const Quantized>& blocks) {
    for (std::size_t i = 0; i < blocks.count(); ++i) {
        const std::vector<std::int16_t> levels = blocks.layout(i).gather(blocks.parameter(i).weight->levels);
        const std::vector<std::uint8_t> packed = pack_levels(levels, blocks.block(i).bit_depth);
        result.bytes.insert(result.bytes.end(), packed.begin(), packed.end());
        result.weights[blocks.position(i).parameter] += static_cast<std::int64_t>(packed.size());
    }
}

void write_streams(LevelBytes& result, const StoredBlocks<const Quantized>& blocks) {
    const std::vector<std::size_t> bounds = blocks.stream_bounds();
    std::vector<std::vector<std::uint8_t>> streams(bounds.size() - 1);
    std::vector<std::int64_t> ends(blocks.count());  // of each block in its stream, bytes
    in_parallel(streams.size(), [&](std::size_t s) {
        LevelEncoder encoder;
        for (std::size_t i = bounds[s]; i < bounds[s + 1]; ++i) {
            const BlockLayout layout = blocks.layout(i);
            ends[i] = (encoder.write(layout, layout.gather(blocks.parameter(i).weight->levels)) + 7) / 8;
        }
        streams[s] = std::move(encoder).finish();
    });
    ByteWriter writer;
    for (const auto& stream : streams) writer.varint(stream.size());
    result.side_information = static_cast<std::int64_t>(writer.bytes().size());
    for (const auto& stream : streams) writer.raw(stream);
    result.bytes = std::move(writer).take();
    for (std::size_t s = 0; s < streams.size(); ++s) {
        const auto length = static_cast<std::int64_t>(streams[s].size());
        std::int64_t position = 0;
        for (std::size_t i = bounds[s]; i < bounds[s + 1]; ++i) {
            const std::int64_t end = i + 1 == bounds[s + 1] ? length : std::min(ends[i], length);
            result.weights[blocks.position(i).parameter] += end - position;
            position = end;
        }
    }
}

/// How many channels of a block are decoded at once: what fits a cache, so that large blocks do not lie in memory
/// twice.
std::int64_t channels_at_once(const BlockLayout& layout) {
    constexpr std::int64_t kLevels = 32768;
    constexpr std::int64_t kTogether = 16;  // of which scattering makes whole vectors; even, as decoding needs it
    return std::max<std::int64_t>(1, kLevels / (kTogether * layout.kernels() * layout.taps())) * kTogether;
}

/// Throws Error where so many bits do not hold a level.
void check_depth(std::span<const std::int16_t> levels, int bit_depth) {
    const int outside = 1 << (bit_depth - 1);
    const auto [lowest, highest] = level_range(levels);
    if (lowest >= -outside && highest < outside) return;
    fail("bit depth {} cannot hold the level {}", bit_depth, lowest < -outside ? lowest : highest);
}

}  // namespace

LevelBytes write_levels(std::span<const StoredLevels<const Quantized>> weights, LevelStorage storage) {
    const StoredBlocks<const Quantized> blocks(weights);
    LevelBytes result;
    result.weights.resize(weights.size());
    if (storage == LevelStorage::fixed) {
        write_fixed(result, blocks);
    } else {
        write_streams(result, blocks);
    }
    return result;
}

struct LevelReader::State {
    State(std::span<const std::uint8_t> bytes, std::string where, LevelStorage coder,
          std::vector<StoredLevels<Quantized>> levels)
        : place(std::move(where)), storage(coder), stored(std::move(levels)), blocks(stored) {
        ByteReader reader(bytes, place);
        std::vector<std::size_t> lengths;
        if (storage == LevelStorage::fixed) {
            for (std::size_t i = 0; i < blocks.count(); ++i) {
                lengths.push_back(
                    static_cast<std::size_t>(packed_bytes(blocks.elements(i), blocks.block(i).bit_depth)));
                bounds.push_back(i);
            }
            bounds.push_back(lengths.size());
        } else {
            bounds = blocks.stream_bounds();
            lengths.resize(bounds.size() - 1);
            for (std::size_t& length : lengths) length = reader.count("the length of a stream");
        }
        for (const std::size_t length : lengths) pieces.push_back(reader.raw(length, "the levels"));
        reader.expect_end();
    }

    std::string place;
    LevelStorage storage;
    std::vector<StoredLevels<Quantized>> stored;
    StoredBlocks<Quantized> blocks;
    std::vector<std::span<const std::uint8_t>> pieces{};  // of blocks, or of streams
    std::vector<std::size_t> bounds{};  // of streams, in blocks; one block each where levels are packed
    std::vector<Quantized> weights{};   // what is stored, where the reader owns it

    /// Calls visit(stored block, its layout, first channel, levels of it and the next ones in stored order) for parts
    /// of the blocks of a piece before `end`, one after the other.
    template <typename Visit>
    void decode(std::size_t piece, std::size_t end, const Visit& visit) const {
        const std::size_t begin = bounds[piece];
        if (begin == end) return;
        std::optional<LevelDecoder> decoder;
        if (storage == LevelStorage::entropy) decoder.emplace(pieces[piece]);
        for (std::size_t i = begin; i < end; ++i) {
            const BlockLayout layout = blocks.layout(i);
            const std::int64_t channels =
                decoder ? std::min(channels_at_once(layout), layout.channels()) : layout.channels();
            const auto size = static_cast<std::size_t>(channels * layout.kernels() * layout.taps());
            const auto buffer = std::make_unique_for_overwrite<std::int16_t[]>(size);
            const std::span levels(buffer.get(), size);
            try {
                if (decoder) {
                    decoder->read(layout, levels, [&](std::int64_t channel, std::span<const std::int16_t> part) {
                        check_depth(part, blocks.block(i).bit_depth);
                        visit(i, layout, channel, part);
                    });
                } else if (unpack_levels(pieces[piece], blocks.block(i).bit_depth, levels)) {
                    visit(i, layout, 0, levels);
                } else {
                    fail("the bits after its end are not 0");
                }
            } catch (const Error& error) {
                fail("{}: block {} of '{}': {}", place, blocks.position(i).block, blocks.parameter(i).name,
                     error.what());
            }
        }
        if (decoder && end == bounds[piece + 1] && !decoder->at_end()) {
            fail("{}: stream {} does not end where its levels do", place, piece);
        }
    }
};

void read_levels(std::span<const std::uint8_t> bytes, std::string where, LevelStorage storage,
                 std::vector<StoredLevels<Quantized>> weights) {
    for (const StoredLevels<Quantized>& stored : weights) {
        stored.weight->levels.resize(static_cast<std::size_t>(stored.weight->shape.elements()));
    }
    const LevelReader::State state(bytes, std::move(where), storage, std::move(weights));
    in_parallel(state.pieces.size(), [&](std::size_t piece) {
        const auto scatter = [&](std::size_t i, const BlockLayout& layout, std::int64_t channel,
                                 std::span<const std::int16_t> levels) {
            layout.scatter(levels, channel, state.blocks.parameter(i).weight->levels);
        };
        state.decode(piece, state.bounds[piece + 1], scatter);
    });
}

LevelReader::LevelReader(std::span<const std::uint8_t> bytes, std::string where, LevelStorage storage,
                         std::vector<StoredLevels<Quantized>> weights) {
    std::vector<Quantized> own;
    for (const StoredLevels<Quantized>& stored : weights) own.push_back(*stored.weight);
    for (std::size_t i = 0; i < own.size(); ++i) weights[i].weight = &own[i];
    auto state = std::make_unique<State>(bytes, std::move(where), storage, std::move(weights));
    state->weights = std::move(own);
    state_ = std::move(state);
}

LevelReader::LevelReader(LevelReader&&) noexcept = default;
LevelReader::~LevelReader() = default;

std::size_t LevelReader::size() const { return state_->weights.size(); }

std::vector<std::int16_t> LevelReader::read(std::size_t weight) const {
    const StoredBlocks<Quantized>& blocks = state_->blocks;
    std::vector<std::int16_t> levels(static_cast<std::size_t>(state_->weights[weight].shape.elements()));
    const auto belongs = [&](std::size_t block) { return blocks.position(block).parameter == weight; };
    in_parallel(state_->pieces.size(), [&](std::size_t piece) {
        std::size_t end = state_->bounds[piece + 1];
        // A stream is read up to the last block that is wanted.
        while (end > state_->bounds[piece] && !belongs(end - 1)) --end;
        state_->decode(
            piece, end,
            [&](std::size_t i, const BlockLayout& layout, std::int64_t channel, std::span<const std::int16_t> stored) {
                if (belongs(i)) layout.scatter(stored, channel, levels);
            });
    });
    return levels;
}

std::vector<std::int16_t> LevelReader::read_block(std::size_t weight, std::size_t block) const {
    const StoredBlocks<Quantized>& blocks = state_->blocks;
    const Quantized& own = state_->weights[weight];
    const Shape shape = block_shape(own, block);
    std::vector<std::int16_t> levels(static_cast<std::size_t>(shape.elements()));
    if (own.blocks[block].bit_depth == 0) return levels;
    const std::size_t wanted = blocks.find({weight, block});
    const auto after = std::ranges::upper_bound(state_->bounds, wanted);
    const auto piece = static_cast<std::size_t>(after - state_->bounds.begin()) - 1;
    const BlockLayout alone(shape, own.axis, 0, shape[own.axis]);
    state_->decode(piece, wanted + 1,
                   [&](std::size_t i, const BlockLayout&, std::int64_t channel, std::span<const std::int16_t> stored) {
                       if (i == wanted) alone.scatter(stored, channel, levels);
                   });
    return levels;
}

}  // namespace eigenbit::internal
