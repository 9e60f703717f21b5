#include "engine/formats/arrays/safetensors.h"

#include "engine/base/error.h"
#include "engine/formats/arrays/numbers.h"

#include <nlohmann/json.hpp>

#include <cstring>
#include <map>

namespace eigenbit::internal {
namespace {

constexpr std::size_t kLengthBytes = 8;

NumberType number_type(const std::string& text) {
    static const std::map<std::string_view, NumberType> types{
        {"F16", NumberType::float16}, {"BF16", NumberType::bfloat16}, {"F32", NumberType::float32},
        {"F64", NumberType::float64}, {"I8", NumberType::int8},       {"I16", NumberType::int16},
        {"I32", NumberType::int32},   {"I64", NumberType::int64},     {"U8", NumberType::uint8},
        {"U16", NumberType::uint16},  {"U32", NumberType::uint32},    {"U64", NumberType::uint64},
        {"BOOL", NumberType::boolean}};
    const auto found = types.find(text);
    if (found == types.end()) fail("it holds elements of type {}, which is not supported", text);
    return found->second;
}

Tensor decode_array(const nlohmann::json& entry, std::span<const std::uint8_t> data) {
    const NumberType type = number_type(entry.at("dtype"));
    const auto extents = entry.at("shape").get<std::vector<std::int64_t>>();
    const Shape shape{std::span<const std::int64_t>(extents)};
    const auto begin = entry.at("data_offsets").at(0).get<std::size_t>();
    const auto end = entry.at("data_offsets").at(1).get<std::size_t>();
    if (begin > end || end > data.size())
        fail("its data lie at {} to {}, outside the file's {} bytes", begin, end, data.size());
    const std::size_t bytes = end - begin;
    if (bytes % bytes_of(type) != 0 || bytes / bytes_of(type) != static_cast<std::size_t>(shape.elements())) {
        fail("it has {} bytes of data, which is not what shape {} takes", bytes, to_string(shape));
    }
    return decode_numbers(data.subspan(begin, bytes), type, shape);
}

}  // namespace

std::vector<NamedArray> decode_safetensors(std::span<const std::uint8_t> bytes) {
    std::uint64_t length = 0;
    if (bytes.size() >= kLengthBytes) std::memcpy(&length, bytes.data(), kLengthBytes);
    if (bytes.size() < kLengthBytes || length > bytes.size() - kLengthBytes)
        fail("the file is no safetensors file, or cut");
    const std::span<const std::uint8_t> text = bytes.subspan(kLengthBytes, length);
    const std::span<const std::uint8_t> data = bytes.subspan(kLengthBytes + length);
    const nlohmann::json header = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (!header.is_object()) fail("the file's header is damaged");
    std::vector<NamedArray> arrays;
    for (const auto& [name, entry] : header.items()) {
        if (name == "__metadata__") continue;
        try {
            arrays.push_back({name, decode_array(entry, data)});
        } catch (const Error& error) {
            fail("array '{}': {}", name, error.what());
        } catch (const nlohmann::json::exception&) {
            fail("array '{}': the header does not say type, shape and place", name);
        }
    }
    return arrays;
}

std::vector<std::uint8_t> encode_safetensors(const std::vector<NamedArray>& arrays) {
    nlohmann::json header = nlohmann::json::object();
    std::size_t end = 0;
    for (const NamedArray& array : arrays) {
        const std::size_t begin = end;
        end += array.values.values().size_bytes();
        const Shape& shape = array.values.shape();
        header[array.name] = {{"dtype", "F32"},
                              {"shape", std::vector<std::int64_t>(shape.begin(), shape.end())},
                              {"data_offsets", {begin, end}}};
    }
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');  // data begin at a multiple of 8 bytes
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i < kLengthBytes; ++i)
        bytes.push_back(static_cast<std::uint8_t>(text.size() >> (8 * i) & 255));
    bytes.insert(bytes.end(), text.begin(), text.end());
    for (const NamedArray& array : arrays) {
        const auto* const data = reinterpret_cast<const std::uint8_t*>(array.values.data());
        bytes.insert(bytes.end(), data, data + array.values.values().size_bytes());
    }
    return bytes;
}

}  // namespace eigenbit::internal
