#include "engine/formats/ebit/side_information.h"

#include "engine/base/error.h"
#include "engine/weights/step_grid.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace eigenbit::internal {
namespace {

constexpr int kDepthBits = 5;
constexpr int kMostBitDepth = 16;
enum class OffsetForm { zero, half, explicit_value };

/// Appends bits, the lowest first.
class BitWriter {
  public:
    explicit BitWriter(ByteWriter& writer) : writer_(writer) {}

    void write(std::uint64_t value, int bits) {
        waiting_ |= value << count_;
        for (count_ += bits; count_ >= 8; count_ -= 8) {
            writer_.number(waiting_ & 0xFF, 1);
            waiting_ >>= 8;
        }
    }
    void finish() {
        if (count_ > 0) writer_.number(waiting_, 1);
    }

  private:
    ByteWriter& writer_;
    std::uint64_t waiting_ = 0;
    int count_ = 0;
};

class BitReader {
  public:
    explicit BitReader(ByteReader& reader) : reader_(reader) {}

    std::uint64_t read(int bits, std::string_view field) {
        for (; count_ < bits; count_ += 8) waiting_ |= reader_.number(1, field) << count_;
        const std::uint64_t value = waiting_ & ((std::uint64_t{1} << bits) - 1);
        waiting_ >>= bits;
        count_ -= bits;
        return value;
    }
    void finish() const {
        if (waiting_ != 0) fail("{}: bits after a parameter's blocks are not 0", reader_.where());
    }

  private:
    ByteReader& reader_;
    std::uint64_t waiting_ = 0;
    int count_ = 0;
};

void write_float(BitWriter& bits, float value) { bits.write(std::bit_cast<std::uint32_t>(value), 32); }

float read_float(BitReader& bits, std::string_view field) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits.read(32, field)));
}

void write_block(BitWriter& bits, const QuantizedBlock& block) {
    bits.write(static_cast<std::uint64_t>(block.bit_depth), kDepthBits);
    if (block.bit_depth == 0) return;
    const std::optional<int> grid = step_grid_position(block.step);
    bits.write(grid ? 1 : 0, 1);
    if (grid) {
        bits.write(static_cast<std::uint64_t>(*grid), 8);
    } else {
        write_float(bits, block.step);
    }
    const OffsetForm form = block.offset == 0.0F   ? OffsetForm::zero
                            : block.offset == 0.5F ? OffsetForm::half
                                                   : OffsetForm::explicit_value;
    bits.write(static_cast<std::uint64_t>(form), 2);
    if (form == OffsetForm::explicit_value) write_float(bits, block.offset);
}

void read_block(BitReader& bits, const std::string& where, QuantizedBlock& block) {
    block.bit_depth = static_cast<int>(bits.read(kDepthBits, "a bit depth"));
    if (block.bit_depth > kMostBitDepth) {
        fail("{}: a block has bit depth {}, at most {} was expected", where, block.bit_depth, kMostBitDepth);
    }
    if (block.bit_depth == 0) return;
    const bool on_grid = bits.read(1, "a step's form") != 0;
    block.step = on_grid ? grid_step(static_cast<int>(bits.read(8, "a step"))) : read_float(bits, "a step");
    switch (bits.read(2, "an offset's form")) {
    case static_cast<std::uint64_t>(OffsetForm::zero):
        break;
    case static_cast<std::uint64_t>(OffsetForm::half):
        block.offset = 0.5F;
        break;
    case static_cast<std::uint64_t>(OffsetForm::explicit_value):
        block.offset = read_float(bits, "an offset");
        break;
    default:
        fail("{}: a block has an unknown form of offset", where);
    }
}

/// The size of all blocks but the last, which is not larger; 0 when there is none.
std::int64_t regular_size(const std::vector<QuantizedBlock>& blocks) {
    const auto size = [&](std::size_t i) { return blocks[i].end - blocks[i].begin; };
    for (std::size_t i = 1; i < blocks.size(); ++i) {
        const bool last = i + 1 == blocks.size();
        if (last ? size(i) > size(0) : size(i) != size(0)) return 0;
    }
    return size(0);
}

void write_block_sizes(ByteWriter& writer, const std::vector<QuantizedBlock>& blocks) {
    const std::int64_t regular = regular_size(blocks);
    writer.varint(static_cast<std::uint64_t>(regular));
    if (regular != 0) return;
    for (const QuantizedBlock& block : blocks) writer.varint(static_cast<std::uint64_t>(block.end - block.begin));
}

std::vector<QuantizedBlock> read_block_sizes(ByteReader& reader, std::int64_t channels) {
    const std::int64_t regular = reader.at_most(channels, "the size of blocks");
    if (regular != 0 && (channels - 1) / regular >= 2 * reader.remaining()) {  // five bits each, or more
        fail("{} ends within {} blocks", reader.where(), (channels - 1) / regular + 1);
    }
    std::vector<QuantizedBlock> blocks;
    for (std::int64_t begin = 0; begin < channels;) {
        const std::int64_t left = channels - begin;
        const std::int64_t size = regular != 0 ? std::min(regular, left) : reader.at_most(left, "the size of a block");
        if (size == 0) fail("{}: a block has no channels", reader.where());
        blocks.push_back({.begin = begin, .end = begin + size});
        begin += size;
    }
    return blocks;
}

}  // namespace

void write_side_information(ByteWriter& writer, const Quantized& weight) {
    validate(weight);
    writer.varint(static_cast<std::uint64_t>(weight.axis));
    write_block_sizes(writer, weight.blocks);
    BitWriter bits(writer);
    for (const QuantizedBlock& block : weight.blocks) write_block(bits, block);
    bits.finish();
}

Quantized read_side_information(ByteReader& reader, const Shape& shape) {
    if (shape.rank() == 0) fail("{}: a quantized weight has no dimensions", reader.where());
    Quantized weight{.shape = shape, .axis = 0, .blocks = {}, .levels = {}};
    weight.axis = static_cast<int>(reader.at_most(shape.rank() - 1, "the axis of blocks"));
    weight.blocks = read_block_sizes(reader, shape[weight.axis]);
    BitReader bits(reader);
    for (QuantizedBlock& block : weight.blocks) read_block(bits, reader.where(), block);
    bits.finish();
    return weight;
}

}  // namespace eigenbit::internal
