#include "engine/formats/onnx/external_data.h"

#include "engine/base/error.h"

#include <algorithm>
#include <charconv>

namespace eigenbit::internal {
namespace {

/// How often each byte of a file may be asked for, by tensors that share it: no small file is to fill memory.
constexpr std::uint64_t kMostShared = 16;

struct Place {
    std::string location{};
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> length{};  ///< bytes
};

std::uint64_t number(const onnx::StringStringEntryProto& entry) {
    std::uint64_t value = 0;
    const std::string& text = entry.value();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        fail("its {} in another file is '{}', a number was expected", entry.key(), text);
    }
    return value;
}

Place place_of(const onnx::TensorProto& tensor) {
    Place place;
    for (const auto& entry : tensor.external_data()) {
        if (entry.key() == "location") place.location = entry.value();
        if (entry.key() == "offset") place.offset = number(entry);
        if (entry.key() == "length") place.length = number(entry);
    }
    return place;
}

bool is_inside(const std::filesystem::path& path, const std::filesystem::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

/// The file of this name in the folder, links resolved.
std::filesystem::path checked_path(const std::filesystem::path& folder, const std::string& location) {
    const std::filesystem::path name(location);
    const bool climbs = std::ranges::find(name, std::filesystem::path("..")) != name.end();
    if (location.empty() || location.find('\0') != std::string::npos || name.is_absolute() || climbs) {
        fail("its data are said to be in '{}': a file in the model's folder was expected", location);
    }
    std::error_code error;
    const std::filesystem::path home = std::filesystem::canonical(folder.empty() ? "." : folder, error);
    const std::filesystem::path file = error ? folder / name : std::filesystem::canonical(home / name, error);
    if (error) fail("its data are in '{}', which cannot be read: {}", location, error.message());
    if (!is_inside(file, home)) fail("its data are in '{}', a link that leads out of the model's folder", location);
    if (!std::filesystem::is_regular_file(file, error)) fail("its data are in '{}', which is no file", location);
    return file;
}

}  // namespace

bool ExternalData::has_data(const onnx::TensorProto& tensor) {
    return tensor.data_location() == onnx::TensorProto::EXTERNAL || tensor.external_data_size() > 0;
}

const FileBytes& ExternalData::file(const std::string& location) {
    const auto known = files_.find(location);
    if (known != files_.end()) return known->second;
    const FileBytes& opened = files_.try_emplace(location, checked_path(*folder_, location)).first->second;
    held_ += opened.span().size();
    return opened;
}

void ExternalData::release_memory() const {
    for (const auto& [location, file] : files_) file.release_memory();
}

std::span<const std::uint8_t> ExternalData::bytes(const onnx::TensorProto& tensor) {
    const Place place = place_of(tensor);
    if (!folder_)
        fail("its data are in another file, '{}', and a network in memory has none beside it", place.location);
    const std::span<const std::uint8_t> held = file(place.location).span();
    const std::uint64_t rest = held.size() - std::min<std::uint64_t>(place.offset, held.size());
    const std::uint64_t length = place.length.value_or(rest);
    if (length > rest || place.offset > held.size()) {
        fail("its {} bytes at {} of '{}' are missing: the file has {} bytes", length, place.offset, place.location,
             held.size());
    }
    asked_ += length;
    if (asked_ > kMostShared * held_) fail("tensors ask for {} bytes of files that hold {}", asked_, held_);
    return held.subspan(place.offset, length);
}

}  // namespace eigenbit::internal
