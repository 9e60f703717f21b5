#include "train/checkpoint.h"

#include "engine/base/error.h"
#include "engine/formats/checksum.h"
#include "engine/formats/ebit/bytes.h"
#include "engine/formats/file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <fstream>

// A checkpoint is a magic, a body and the body's checksum. Tensors are written as they lie in memory.

namespace eigenbit::internal {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic("EBTRAIN\x03", 8);
constexpr std::size_t kChecksumBytes = 8;
constexpr std::int64_t kLongestText = 1 << 20;

void write_tensors(ByteWriter& writer, const std::vector<NamedTensor>& list) {
    writer.varint(list.size());
    for (const auto& [name, values] : list) {
        writer.text(name);
        writer.varint(static_cast<std::uint64_t>(values.shape().rank()));
        for (const std::int64_t extent : values.shape()) writer.varint(static_cast<std::uint64_t>(extent));
        writer.raw({reinterpret_cast<const std::uint8_t*>(values.data()), values.values().size_bytes()});
    }
}

std::vector<NamedTensor> read_tensors(ByteReader& reader) {
    std::vector<NamedTensor> list;
    for (std::size_t left = reader.count("the number of tensors"); left > 0; --left) {
        std::string name = reader.text(kLongestText, "a name");
        std::vector<std::int64_t> extents(static_cast<std::size_t>(reader.at_most(Shape::kMaxRank, "a rank")));
        for (std::int64_t& extent : extents) extent = static_cast<std::int64_t>(reader.varint("an extent"));
        Tensor values{Shape(extents)};
        std::ranges::copy(reader.raw(values.values().size_bytes(), "a tensor"),
                          reinterpret_cast<std::uint8_t*>(values.data()));
        list.push_back({std::move(name), std::move(values)});
    }
    return list;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
    ByteWriter body;
    body.text(checkpoint.settings);
    body.varint(checkpoint.network.size());
    body.raw(checkpoint.network);
    body.number(checkpoint.learns_steps ? 1 : 0, 1);
    body.varint(static_cast<std::uint64_t>(checkpoint.epochs));
    body.varint(static_cast<std::uint64_t>(checkpoint.steps));
    body.number(std::bit_cast<std::uint64_t>(checkpoint.loss_sum), 8);
    body.number(std::bit_cast<std::uint64_t>(checkpoint.best_score), 8);
    body.varint(static_cast<std::uint64_t>(checkpoint.best_epoch));
    write_tensors(body, checkpoint.parameters);
    write_tensors(body, checkpoint.optimizer);
    write_tensors(body, checkpoint.best_parameters);

    ByteWriter file;
    for (const char c : kMagic) file.number(static_cast<std::uint8_t>(c), 1);
    file.raw(body.bytes());
    file.number(checksum(body.bytes()), kChecksumBytes);
    write_file(path, file.bytes());
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
    const std::vector<std::uint8_t> bytes = read_file(path);
    if (bytes.size() < kMagic.size() + kChecksumBytes
        || !std::equal(kMagic.begin(), kMagic.end(), bytes.begin(),
                       [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; })) {
        fail("'{}' is not a checkpoint of this version of eigenbit.", path.string());
    }
    const std::string where = formatted("Checkpoint '{}'", path.string());
    const auto content = std::span(bytes).subspan(kMagic.size(), bytes.size() - kMagic.size() - kChecksumBytes);
    if (ByteReader(std::span(bytes).last(kChecksumBytes), where).number(kChecksumBytes, "its checksum")
        != checksum(content)) {
        fail("{} is damaged: its checksum does not match.", where);
    }
    ByteReader body(content, where);
    Checkpoint checkpoint;
    checkpoint.settings = body.text(kLongestText, "the settings");
    const auto network = body.raw(body.count("the size of the network"), "the network");
    checkpoint.network.assign(network.begin(), network.end());
    checkpoint.learns_steps = body.number(1, "whether steps are learned") != 0;
    checkpoint.epochs = static_cast<std::int64_t>(body.varint("the number of epochs"));
    checkpoint.steps = static_cast<std::int64_t>(body.varint("the number of steps"));
    checkpoint.loss_sum = std::bit_cast<double>(body.number(8, "the loss"));
    checkpoint.best_score = std::bit_cast<double>(body.number(8, "the best score"));
    checkpoint.best_epoch = static_cast<std::int64_t>(body.varint("the best epoch"));
    checkpoint.parameters = read_tensors(body);
    checkpoint.optimizer = read_tensors(body);
    checkpoint.best_parameters = read_tensors(body);
    body.expect_end();
    return checkpoint;
}

bool is_checkpoint(const std::filesystem::path& path) {
    constexpr std::size_t kVersion = 1;  // byte at the end of the magic
    std::array<char, kMagic.size() - kVersion> begin{};
    std::ifstream file(path, std::ios::binary);
    return file.read(begin.data(), begin.size()) && std::ranges::equal(begin, kMagic.substr(0, begin.size()));
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
