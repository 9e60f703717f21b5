#include "engine/formats/ebit_attributes.h"

#include "engine/error.h"
#include "engine/formats/ebit_operators.h"

#include <array>
#include <optional>

namespace eigenbit {
namespace {

/// Writes one attribute after the other.
class FieldWriter {
  public:
    explicit FieldWriter(ByteWriter& writer) : writer_(writer) {}

    template <typename Value, typename... Last>
    void operator()(std::string_view, const Value& value, Last...) {
        write(value);
    }

  private:
    void write(bool value) { writer_.number(value ? 1 : 0, 1); }
    void write(int value) { writer_.signed_varint(value); }
    void write(std::int64_t value) { writer_.signed_varint(value); }
    void write(float value) { writer_.float32(value); }
    void write(const Slice::Range& range) {
        write(range.begin);
        write(range.end);
        write(range.step);
    }
    template <typename Enum>
    requires std::is_enum_v<Enum>
    void write(Enum value) { writer_.varint(static_cast<std::uint64_t>(value)); }
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
    void operator()(std::string_view name, Enum& value, Enum last) {
        if (reader_.remaining() > 0) value = static_cast<Enum>(reader_.at_most(static_cast<std::int64_t>(last), name));
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
        range.begin = reader_.signed_varint(name);  // the ends of 64 bits mean "to the end"
        range.end = reader_.signed_varint(name);
        range.step = reader_.signed_varint(name);
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

template <std::size_t kAlternative = 0>
Operator default_operator(std::string_view type, const ByteReader& reader) {
    if constexpr (kAlternative < std::variant_size_v<Operator>) {
        using Op = std::variant_alternative_t<kAlternative, Operator>;
        return type == Op::kType ? Operator(Op{}) : default_operator<kAlternative + 1>(type, reader);
    } else {
        fail("{}: there is no operator '{}'", reader.where(), type);
    }
}

}  // namespace

std::vector<std::uint8_t> write_attributes(const Operator& op) {
    ByteWriter writer;
    std::visit([&](const auto& attributes) { visit_fields(attributes, FieldWriter(writer)); }, op);
    return std::move(writer).take();
}

Operator read_operator(std::string_view type, ByteReader& reader) {
    Operator op = default_operator(type, reader);
    std::visit([&](auto& attributes) { visit_fields(attributes, FieldReader(reader)); }, op);
    reader.expect_end();
    return op;
}

}  // namespace eigenbit
