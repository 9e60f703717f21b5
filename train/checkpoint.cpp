#include "train/checkpoint.h"

#include "engine/base/error.h"
#include "engine/formats/file.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

// A checkpoint is a 16-byte header, a body and the body's CRC-32. The header is the magic and the body's length as a
// 64-bit number. Numbers are little-endian; a text or a list begins with its length.

namespace eigenbit::internal {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic("EBTRAIN\x01", 8);

std::uint32_t checksum(std::span<const std::uint8_t> bytes) {
    return static_cast<std::uint32_t>(crc32_z(0, bytes.data(), bytes.size()));
}

class Writer {
  public:
    template <typename Number>
    void number(Number value) {
        append(&value, sizeof value);
    }
    void text(std::string_view value) {
        number(static_cast<std::uint64_t>(value.size()));
        append(value.data(), value.size());
    }
    void tensors(const std::vector<NamedTensor>& list) {
        number(static_cast<std::uint64_t>(list.size()));
        for (const auto& [name, values] : list) {
            text(name);
            number(static_cast<std::int32_t>(values.shape().rank()));
            for (const std::int64_t extent : values.shape()) number(extent);
            append(values.data(), values.values().size_bytes());
        }
    }
    void append(const void* data, std::size_t size) {
        const auto* const first = static_cast<const std::uint8_t*>(data);
        bytes_.insert(bytes_.end(), first, first + size);
    }
    const std::vector<std::uint8_t>& bytes() const { return bytes_; }

  private:
    std::vector<std::uint8_t> bytes_;
};

class Reader {
  public:
    Reader(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) : path_(path), bytes_(bytes) {}

    template <typename Number>
    Number number() {
        Number value;
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }
    std::string text() {
        const std::span part = take(number<std::uint64_t>());
        return {part.begin(), part.end()};
    }
    std::vector<NamedTensor> tensors() {
        std::vector<NamedTensor> list;
        for (auto left = number<std::uint64_t>(); left > 0; --left) {
            std::string name = text();
            const auto rank = number<std::int32_t>();
            if (rank < 0 || rank > Shape::kMaxRank) damaged();
            std::vector<std::int64_t> extents;
            for (std::int32_t axis = 0; axis < rank; ++axis) extents.push_back(number<std::int64_t>());
            const Shape shape(extents);
            const std::span part = take(static_cast<std::uint64_t>(shape.elements()) * sizeof(float));
            Tensor values(shape);
            std::ranges::copy(part, reinterpret_cast<std::uint8_t*>(values.data()));
            list.push_back({std::move(name), std::move(values)});
        }
        return list;
    }
    std::span<const std::uint8_t> take(std::uint64_t size) {
        if (size > bytes_.size()) damaged();
        const std::span part = bytes_.first(size);
        bytes_ = bytes_.subspan(size);
        return part;
    }
    void expect_end() const {
        if (!bytes_.empty()) damaged();
    }

  private:
    [[noreturn]] void damaged() const {
        fail("Checkpoint '{}' is damaged: its contents do not add up.", path_.string());
    }

    std::filesystem::path path_;
    std::span<const std::uint8_t> bytes_;
};

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
    Writer body;
    body.text(checkpoint.settings);
    body.number(checkpoint.epochs);
    body.number(checkpoint.best_score);
    body.number(checkpoint.best_epoch);
    body.tensors(checkpoint.parameters);
    body.tensors(checkpoint.optimizer);
    body.tensors(checkpoint.best_parameters);

    Writer file;
    file.append(kMagic.data(), kMagic.size());
    file.number(static_cast<std::uint64_t>(body.bytes().size()));
    file.append(body.bytes().data(), body.bytes().size());
    file.number(checksum(body.bytes()));
    write_file(path, file.bytes());
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
    const std::vector<std::uint8_t> bytes = read_file(path);
    constexpr std::size_t kHeader = kMagic.size() + sizeof(std::uint64_t);
    if (bytes.size() < kHeader || !std::equal(kMagic.begin(), kMagic.end(), bytes.begin(), [](char a, std::uint8_t b) {
            return static_cast<std::uint8_t>(a) == b;
        })) {
        fail("'{}' is not a checkpoint of this version of eigenbit.", path.string());
    }
    Reader file(path, std::span(bytes).subspan(kMagic.size()));
    const auto length = file.number<std::uint64_t>();
    if (length != bytes.size() - kHeader - sizeof(std::uint32_t)) {
        fail("Checkpoint '{}' is damaged: it has {} bytes, expected {}.", path.string(), bytes.size(),
             kHeader + length + sizeof(std::uint32_t));
    }
    const std::span content = file.take(length);
    if (checksum(content) != file.number<std::uint32_t>()) {
        fail("Checkpoint '{}' is damaged: its checksum does not match.", path.string());
    }
    Reader body(path, content);
    Checkpoint checkpoint;
    checkpoint.settings = body.text();
    checkpoint.epochs = body.number<std::int64_t>();
    checkpoint.best_score = body.number<double>();
    checkpoint.best_epoch = body.number<std::int64_t>();
    checkpoint.parameters = body.tensors();
    checkpoint.optimizer = body.tensors();
    checkpoint.best_parameters = body.tensors();
    body.expect_end();
    return checkpoint;
}

std::vector<NamedTensor> copy_tensors(const std::vector<TensorSlot>& slots) {
    std::vector<NamedTensor> copies;
    for (const TensorSlot& slot : slots) copies.push_back({slot.name, *slot.values});
    return copies;
}

void restore_tensors(const std::filesystem::path& path, const std::vector<NamedTensor>& saved,
                     const std::vector<TensorSlot>& slots) {
    if (saved.size() != slots.size()) {
        fail("Checkpoint '{}' holds {} tensors, the network has {}.", path.string(), saved.size(), slots.size());
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {
        const auto& [name, target] = slots[i];
        if (saved[i].name != name || !(saved[i].values.shape() == target->shape())) {
            fail("Checkpoint '{}' holds '{}' {} where the network has '{}' {}.", path.string(), saved[i].name,
                 to_string(saved[i].values.shape()), name, to_string(target->shape()));
        }
        std::ranges::copy(saved[i].values.values(), target->data());  // in place: sessions read it where it is
    }
}

}  // namespace eigenbit::internal
