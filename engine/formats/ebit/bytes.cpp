#include "engine/formats/ebit/bytes.h"

#include "engine/base/error.h"

#include <algorithm>
#include <bit>

namespace eigenbit::internal {

void ByteWriter::number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void ByteWriter::float32(float value) { number(std::bit_cast<std::uint32_t>(value), 4); }

void ByteWriter::varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<std::uint8_t>(value | 0x80));
    bytes_.push_back(static_cast<std::uint8_t>(value));
}

void ByteWriter::signed_varint(std::int64_t value) {
    varint(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

void ByteWriter::raw(std::span<const std::uint8_t> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

void ByteWriter::text(std::string_view text) {
    varint(text.size());
    bytes_.insert(bytes_.end(), text.begin(), text.end());
}

std::span<const std::uint8_t> ByteReader::raw(std::size_t count, std::string_view field) {
    if (count > static_cast<std::size_t>(remaining())) {
        fail("{} ends within {}: {} bytes are left, {} were expected", where_, field, remaining(), count);
    }
    position_ += count;
    return bytes_.subspan(position_ - count, count);
}

std::uint64_t ByteReader::number(int bytes, std::string_view field) {
    std::uint64_t value = 0;
    int shift = 0;
    for (const std::uint8_t byte : raw(static_cast<std::size_t>(bytes), field)) {
        value |= std::uint64_t{byte} << shift;
        shift += 8;
    }
    return value;
}

float ByteReader::float32(std::string_view field) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(number(4, field)));
}

std::uint64_t ByteReader::varint(std::string_view field) {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        const std::uint64_t byte = raw(1, field).front();
        const std::uint64_t bits = byte & 0x7F;
        const bool last = byte < 0x80;
        if ((last && bits == 0 && shift > 0) || (shift == 63 && bits > 1)) break;
        value |= bits << shift;
        if (last) return value;
    }
    fail("{}: {} is no valid number", where_, field);
}

std::int64_t ByteReader::signed_varint(std::string_view field) {
    const std::uint64_t value = varint(field);
    return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
}

std::int64_t ByteReader::at_most(std::int64_t limit, std::string_view field) {
    const std::uint64_t value = varint(field);
    if (value > static_cast<std::uint64_t>(limit)) {
        fail("{}: {} is {}, at most {} was expected", where_, field, value, limit);
    }
    return static_cast<std::int64_t>(value);
}

std::string ByteReader::text(std::int64_t limit, std::string_view field) {
    const auto bytes = raw(static_cast<std::size_t>(at_most(limit, field)), field);
    return {bytes.begin(), bytes.end()};
}

void ByteReader::expect_end() const {
    if (remaining() != 0) fail("{}: {} bytes are left over at its end", where_, remaining());
}

void NameWriter::write(ByteWriter& writer, std::string_view name) {
    const auto differ = std::ranges::mismatch(name, previous_).in1;
    const auto shared = static_cast<std::size_t>(differ - name.begin());
    writer.varint(shared);
    writer.text(name.substr(shared));
    previous_ = name;
}

std::string NameReader::read(ByteReader& reader, std::string_view field) {
    const std::int64_t shared = reader.at_most(static_cast<std::int64_t>(previous_.size()), field);
    std::string name = previous_.substr(0, static_cast<std::size_t>(shared));
    name += reader.text(kLongestName - shared, field);
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    if (std::ranges::any_of(name, is_control)) fail("{}: {} contains a control character", reader.where(), field);
    previous_ = name;
    return name;
}

}  // namespace eigenbit::internal
