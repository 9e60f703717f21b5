#include "engine/formats/arrays/npy.h"

#include "engine/base/error.h"
#include "engine/formats/arrays/numbers.h"
#include "engine/formats/file.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

/// What follows a key of the header, a Python dictionary, up to `end`; nothing where the key is not there.
std::optional<std::string_view> value_of(std::string_view header, std::string_view key, std::string_view end) {
    const std::size_t at = header.find(key);
    if (at == std::string_view::npos) return std::nullopt;
    std::string_view value = header.substr(at + key.size());
    value.remove_prefix(std::min(value.find_first_not_of(" :"), value.size()));
    const std::size_t length = value.find(end, 1);
    if (length == std::string_view::npos) return std::nullopt;
    return value.substr(0, length + 1);
}

NumberType number_type(std::string_view quoted, std::string_view name) {
    static const std::map<std::string_view, NumberType> types{
        {"<f2", NumberType::float16}, {"<f4", NumberType::float32}, {"<f8", NumberType::float64},
        {"|i1", NumberType::int8},    {"<i2", NumberType::int16},   {"<i4", NumberType::int32},
        {"<i8", NumberType::int64},   {"|u1", NumberType::uint8},   {"<u2", NumberType::uint16},
        {"<u4", NumberType::uint32},  {"<u8", NumberType::uint64},  {"|b1", NumberType::boolean}};
    const std::string_view text = quoted.substr(1, quoted.size() - 2);
    const auto found = types.find(text);
    if (found == types.end()) {
        fail("{} holds elements of NumPy's type {}; expected numbers in little-endian order", name, text);
    }
    return found->second;
}

/// "(2, 3)" or "(5,)"
Shape shape_of(std::string_view tuple, std::string_view name) {
    std::vector<std::int64_t> extents;
    const char* at = tuple.data() + 1;
    const char* const end = tuple.data() + tuple.size() - 1;
    while (at < end) {
        if (*at == ' ' || *at == ',') {
            ++at;
            continue;
        }
        std::int64_t extent = 0;
        const auto [next, error] = std::from_chars(at, end, extent);
        if (error != std::errc() || extent < 0) fail("{} has the damaged shape {}", name, tuple);
        extents.push_back(extent);
        at = next;
    }
    return Shape(std::span<const std::int64_t>(extents));
}

/// The array whose elements these are in Fortran's order, the first axis running fastest.
Tensor from_fortran_order(const Tensor& values) {
    const Shape& shape = values.shape();
    Tensor result(shape);
    for (std::int64_t i = 0; i < result.elements(); ++i) {
        std::int64_t source = 0;
        std::int64_t rest = i;
        for (int axis = shape.rank() - 1; axis >= 0; --axis) {
            source += rest % shape[axis] * shape.elements(0, axis);
            rest /= shape[axis];
        }
        result[i] = values[source];
    }
    return result;
}

}  // namespace

Tensor decode_npy(std::span<const std::uint8_t> bytes, std::string_view name) {
    const auto* const text = reinterpret_cast<const char*>(bytes.data());
    if (bytes.size() < 12 || std::string_view(text, kMagic.size()) != kMagic) {
        fail("{} is no array in NumPy's format", name);
    }
    const bool is_first_version = bytes[6] == 1;
    const std::size_t begin = is_first_version ? 10 : 12;
    std::size_t length = bytes[8] + (std::size_t{bytes[9]} << 8U);
    if (!is_first_version) length += (std::size_t{bytes[10]} << 16U) + (std::size_t{bytes[11]} << 24U);
    if (bytes[6] < 1 || bytes[6] > 3 || length > bytes.size() - begin) fail("{} has a damaged header", name);
    const std::string_view header(text + begin, length);
    const auto type_text = value_of(header, "'descr'", "'");
    const auto order = value_of(header, "'fortran_order'", "e");
    const auto extents = value_of(header, "'shape'", ")");
    if (!type_text || !type_text->starts_with('\'') || !order || !extents || !extents->starts_with('(')) {
        fail("{} has a damaged header", name);
    }
    const NumberType type = number_type(*type_text, name);
    const Shape shape = shape_of(*extents, name);
    const std::span<const std::uint8_t> data = bytes.subspan(begin + length);
    if (data.size() % bytes_of(type) != 0
        || static_cast<std::size_t>(shape.elements()) != data.size() / bytes_of(type)) {
        fail("{} has {} bytes of data, which is not what shape {} takes", name, data.size(), to_string(shape));
    }
    Tensor values = decode_numbers(data, type, shape);
    return *order == "True" ? from_fortran_order(values) : values;
}

Tensor read_npy(const std::filesystem::path& path) {
    const FileBytes file(path);
    return decode_npy(file.span(), formatted("'{}'", path.string()));
}

std::vector<std::uint8_t> encode_npy(ConstView values) {
    std::string extents;
    for (const std::int64_t extent : values.shape) extents += formatted("{}, ", extent);
    std::string header = formatted("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", extents);
    header.append(63 - (10 + header.size()) % 64, ' ');  // data begin at a multiple of 64 bytes
    header += '\n';
    std::string begin(kMagic);
    begin += {'\1', '\0', static_cast<char>(header.size() % 256), static_cast<char>(header.size() / 256)};
    begin += header;
    std::vector<std::uint8_t> bytes(begin.begin(), begin.end());
    const auto* const data = reinterpret_cast<const std::uint8_t*>(values.data);
    bytes.insert(bytes.end(), data, data + values.values().size_bytes());
    return bytes;
}

}  // namespace eigenbit::internal
