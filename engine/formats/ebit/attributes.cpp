#include "engine/formats/ebit/attributes.h"

#include "engine/base/error.h"

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

/// Writes one attribute after the other.
class FieldWriter {
  public:
    explicit FieldWriter(ByteWriter& writer) : writer_(writer) {}

    template <typename Value>
    void operator()(std::string_view, const Value& value) {
        write(value);
    }
    template <typename Enum>
    void operator()(std::string_view, Enum value, std::span<const std::string_view>) {
        writer_.varint(static_cast<std::uint64_t>(value));
    }

  private:
    void write(bool value) { writer_.number(value ? 1 : 0, 1); }
    void write(int value) { writer_.signed_varint(value); }
    void write(std::int64_t value) { writer_.signed_varint(value); }
    void write(float value) { writer_.float32(value); }
    void write(const Slice::Range& range) {
        range.fields(range, [&](std::string_view, std::int64_t part) { write(part); });
    }
    template <std::size_t kCount>
    void write(const std::array<std::int64_t, kCount>& values) {
        for (const std::int64_t value : values) write(value);
    }
    template <typename Item>
    void write(const std::vector<Item>& items) {
        writer_.varint(items.size());
        for (const Item& item : items) write(item);
    }

    ByteWriter& writer_;
};

/// Reads them back; attributes that the reader does not hold any more keep their default.
class FieldReader {
  public:
    explicit FieldReader(ByteReader& reader) : reader_(reader) {}

    template <typename Value>
    void operator()(std::string_view name, Value& value) {
        if (reader_.remaining() > 0) read(name, value);
    }
    template <typename Enum>
    void operator()(std::string_view name, Enum& value, std::span<const std::string_view> names) {
        const std::int64_t last = std::ssize(names) - 1;
        if (reader_.remaining() > 0) value = static_cast<Enum>(reader_.at_most(last, name));
    }

  private:
    void read(std::string_view name, bool& value) { value = reader_.at_most(1, name) != 0; }
    void read(std::string_view name, int& value) {
        std::int64_t wide = 0;
        read(name, wide);
        value = static_cast<int>(wide);
    }
    void read(std::string_view name, std::int64_t& value) {
        constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();  // products of two do not overflow
        value = reader_.signed_varint(name);
        if (value > kLargest || value < -kLargest) {
            fail("{}: {} is {}, at most {} was expected", reader_.where(), name, value, kLargest);
        }
    }
    void read(std::string_view name, float& value) { value = reader_.float32(name); }
    void read(std::string_view name, Slice::Range& range) {
        // The ends of 64 bits mean "to the end".
        range.fields(range, [&](std::string_view, std::int64_t& part) { part = reader_.signed_varint(name); });
    }
    template <std::size_t kCount>
    void read(std::string_view name, std::array<std::int64_t, kCount>& values) {
        for (std::int64_t& value : values) read(name, value);
    }
    template <typename Item>
    void read(std::string_view name, std::vector<Item>& items) {
        items.resize(reader_.count(name));
        for (Item& item : items) read(name, item);
    }

    ByteReader& reader_;
};

}  // namespace

std::vector<std::uint8_t> write_attributes(const Operator& op) {
    ByteWriter writer;
    visit_fields(op, FieldWriter(writer));
    return std::move(writer).take();
}

Operator read_operator(std::string_view type, ByteReader& reader) {
    const auto found = std::ranges::find(operator_types(), type, type_name);
    if (found == operator_types().end()) fail("{}: there is no operator '{}'", reader.where(), type);
    Operator op = *found;
    visit_fields(op, FieldReader(reader));
    reader.expect_end();
    return op;
}

}  // namespace eigenbit::internal
