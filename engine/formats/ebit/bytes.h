#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Appends little-endian numbers and texts to bytes.
class ByteWriter {
  public:
    void number(std::uint64_t value, int bytes);
    void float32(float value);
    /// Seven bits a byte, the lowest first; all bytes but the last have their top bit set.
    void varint(std::uint64_t value);
    /// 0, -1, 1, -2 … as varints 0, 1, 2, 3 …
    void signed_varint(std::int64_t value);
    void raw(std::span<const std::uint8_t> bytes);
    void text(std::string_view text);

    const std::vector<std::uint8_t>& bytes() const { return bytes_; }
    std::vector<std::uint8_t> take() && { return std::move(bytes_); }

  private:
    std::vector<std::uint8_t> bytes_;
};

/// Reads what ByteWriter wrote. Every function throws Error, naming where and which field, when the bytes end before
/// the field does or it has an impossible value.
class ByteReader {
  public:
    /// `where` begins the sentences of errors: the file and the section.
    ByteReader(std::span<const std::uint8_t> bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

    std::uint64_t number(int bytes, std::string_view field);
    float float32(std::string_view field);
    std::uint64_t varint(std::string_view field);
    std::int64_t signed_varint(std::string_view field);
    /// A varint of at most `limit`.
    std::int64_t at_most(std::int64_t limit, std::string_view field);
    /// How many items follow, where each takes one byte or more.
    std::size_t count(std::string_view field) { return static_cast<std::size_t>(at_most(remaining(), field)); }
    std::span<const std::uint8_t> raw(std::size_t count, std::string_view field);
    /// Any text; lengths up to `limit` bytes.
    std::string text(std::int64_t limit, std::string_view field);
    /// Throws Error when bytes are left over.
    void expect_end() const;

    std::int64_t remaining() const { return static_cast<std::int64_t>(bytes_.size() - position_); }
    std::int64_t position() const { return static_cast<std::int64_t>(position_); }
    const std::string& where() const { return where_; }

  private:
    std::span<const std::uint8_t> bytes_;
    std::string where_;
    std::size_t position_ = 0;
};

/// Writes names as what they share with the name before and what they do not: names of layers repeat themselves.
class NameWriter {
  public:
    void write(ByteWriter& writer, std::string_view name);

  private:
    std::string previous_;
};

class NameReader {
  public:
    static constexpr std::int64_t kLongestName = 1024;

    /// Throws Error for control characters too: names are printed.
    std::string read(ByteReader& reader, std::string_view field);

  private:
    std::string previous_;
};

}  // namespace eigenbit::internal
