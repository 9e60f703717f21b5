#include "engine/formats/checksum.h"
#include "engine/formats/ebit/bytes.h"
#include "engine/formats/ebit/container.h"
#include "engine/formats/ebit/ebit.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

namespace {

std::vector<std::uint8_t> small_file() { return encode_ebit(small_packed_model(1), LevelStorage::entropy).bytes; }

std::string error_of_reading(std::span<const std::uint8_t> bytes) {
    return error_of([&] { read_ebit(bytes, "net.ebit"); });
}

/// The file with another section in place of its own of that name, or added.
std::vector<std::uint8_t> with_section(const std::vector<std::uint8_t>& file, const EbitSection& section) {
    std::vector<EbitSection> sections;
    bool replaced = false;
    for (const auto& own : read_container(file, "net.ebit").sections) {
        const bool here = own.name == section.name;
        replaced |= here;
        sections.push_back(
            here ? section : EbitSection{own.name, own.mandatory, own.coder, {own.bytes.begin(), own.bytes.end()}});
    }
    if (!replaced) sections.push_back(section);
    return write_container(sections);
}

/// What reading says of a file of this graph and nothing else.
std::string error_of_graph(const ByteWriter& graph) {
    const std::vector<EbitSection> sections{
        {"GRPH", true, 0, graph.bytes()}, {"META", true, 0, {0, 0, 0}}, {"FLTS", true, 0, {}}, {"LEVL", true, 0, {}}};
    return error_of_reading(write_container(sections));
}

void write_input(ByteWriter& writer, std::initializer_list<std::uint64_t> shape) {
    writer.varint(0);
    writer.text("x");
    writer.varint(shape.size());
    for (const std::uint64_t extent : shape) writer.varint(extent);
}

}  // namespace

TEST_CASE("the checksum is XXH64") {
    const auto sum = [](std::string_view text) {
        return checksum(std::vector<std::uint8_t>(text.begin(), text.end()));
    };
    CHECK(sum("") == 0xEF46DB3751D8E999);
    CHECK(sum("abc") == 0x44BC2CF5AD770999);
    CHECK(sum("The quick brown fox jumps over the lazy dog, and eigenvectors.") == 0x76DCACB512549F43);
}

TEST_CASE("a file cut off anywhere is refused") {
    for (const LevelStorage storage : {LevelStorage::fixed, LevelStorage::entropy}) {
        const std::vector<std::uint8_t> file = encode_ebit(small_packed_model(2), storage).bytes;
        for (std::size_t length = 0; length < file.size(); ++length) {
            CHECK(error_of_reading(std::span(file).first(length)).starts_with("net.ebit"));
        }
    }
}

TEST_CASE("any changed bit is found") {
    std::vector<std::uint8_t> file = small_file();
    for (std::size_t i = 0; i < file.size(); ++i) {
        file[i] ^= 1U << (i % 8);
        CHECK(error_of_reading(file).starts_with("net.ebit"));
        file[i] ^= 1U << (i % 8);
    }
}

TEST_CASE("what is no packed file, or one of another version, is named") {
    CHECK(error_of_reading({}).find("is no .ebit file") != std::string::npos);
    std::vector<std::uint8_t> file = small_file();
    file[8] = 1;
    CHECK(error_of_reading(file).find("has version 1.0 of the format, 4.x was expected") != std::string::npos);
    file = small_file();
    file.push_back(0);
    CHECK(error_of_reading(file).find("its header says") != std::string::npos);
}

TEST_CASE("unknown sections are skipped or refused by name") {
    const std::vector<std::uint8_t> noted = with_section(small_file(), {"NOTE", false, 0, {1, 2, 3}});
    CHECK(error_of_reading(noted).empty());
    CHECK(error_of_reading(with_section(small_file(), {"NEED", true, 0, {}})).find("section NEED is unknown")
          != std::string::npos);
    for (const int coder : {1, 3}) {
        CHECK(error_of_reading(with_section(small_file(), {"LEVL", true, coder, {}}))
                  .find("section LEVL has coder " + std::to_string(coder))
              != std::string::npos);
    }
    CHECK(error_of_reading(with_section(small_file(), {"ACTV", false, 1, {0}})).find("section ACTV has coder 1")
          != std::string::npos);
    std::vector<EbitSection> none;
    CHECK(error_of_reading(write_container(none)).find("section GRPH is missing") != std::string::npos);
}

TEST_CASE("sizes that the file cannot justify are refused before memory is asked for") {
    ByteWriter graph;
    graph.varint(1);
    write_input(graph, {1, 8});
    graph.varint(1);
    graph.varint(0);
    graph.text("weight");
    graph.varint(2);
    graph.varint(1 << 20);
    graph.varint(1 << 12);
    graph.varint(0);
    CHECK(error_of_graph(graph).find("'weight' has 4294967296 elements, more than a file of this length may hold")
          != std::string::npos);

    ByteWriter counts;
    counts.varint(1'000'000);
    CHECK(error_of_graph(counts).find("the number of inputs is 1000000, at most 3 was expected") != std::string::npos);
}

TEST_CASE("impossible shapes are refused") {
    const auto error = [](std::initializer_list<std::uint64_t> shape) {
        ByteWriter graph;
        graph.varint(1);
        write_input(graph, shape);
        return error_of_graph(graph);
    };
    CHECK(error({}).find("input 'x' has no dimensions") != std::string::npos);
    CHECK(error({1, 1, 1, 1, 1, 1, 1}).find("the rank of a shape is 7") != std::string::npos);
    CHECK(error({1, 1ULL << 40}).find("an extent of a shape is 1099511627776") != std::string::npos);
    CHECK(error({1 << 20, 1 << 20, 1 << 20}).find("a shape is too large") != std::string::npos);
}

TEST_CASE("nodes that read what is not there yet are refused") {
    ByteWriter graph;
    graph.varint(1);
    write_input(graph, {1, 8});
    graph.varint(0);
    graph.varint(1);
    graph.text("Activation");
    graph.varint(1);
    graph.varint(0);
    graph.text("loop");
    graph.varint(0);
    graph.varint(0);
    graph.varint(1);
    graph.varint(1);
    CHECK(error_of_graph(graph).find("the inputs of a node contain value 1, of 1 so far") != std::string::npos);
}

TEST_CASE("unknown operators and impossible attributes are refused by the node's name") {
    const auto error = [](std::string_view type, std::vector<std::uint8_t> attributes) {
        ByteWriter graph;
        graph.varint(1);
        write_input(graph, {1, 8});
        graph.varint(0);
        graph.varint(1);
        graph.text(type);
        graph.varint(1);
        graph.varint(0);
        graph.text("first");
        graph.varint(0);
        graph.varint(attributes.size());
        graph.raw(attributes);
        graph.varint(1);
        graph.varint(0);
        graph.varint(1);
        graph.varint(1);
        return error_of_graph(graph);
    };
    CHECK(error("Activation", {}).empty());
    CHECK(error("Activation", {3}).empty());
    CHECK(error("Convolve", {}).find("node 'first' (Convolve): there is no operator 'Convolve'") != std::string::npos);
    CHECK(error("Activation", {31}).find("node 'first' (Activation): kind is 31, at most 30") != std::string::npos);
    CHECK(error("Softmax", {2, 0, 0}).find("1 bytes are left over") != std::string::npos);
    CHECK(error("Softmax", {0x80, 0x80, 0x80, 0x80, 0x40}).find("axis is") != std::string::npos);
    CHECK(error("Softmax", {0x80, 0}).find("axis is no valid number") != std::string::npos);
    CHECK(error("Softmax", {10}).find("node 'first' (Softmax): Softmax works on axis 5") != std::string::npos);
}

TEST_CASE("quantizers of activations that cannot be are refused") {
    const auto error = [](std::vector<std::uint8_t> bytes) {
        return error_of_reading(with_section(small_file(), {"ACTV", false, 0, std::move(bytes)}));
    };
    constexpr std::uint8_t kOne[] = {0, 0, 0x80, 0x3F};
    const auto quantizer = [&](std::initializer_list<std::uint8_t> value_depth_zero_point) {
        std::vector<std::uint8_t> bytes(value_depth_zero_point);
        bytes.insert(bytes.end(), std::begin(kOne), std::end(kOne));
        return bytes;
    };
    const auto list = [&](std::vector<std::vector<std::uint8_t>> quantizers) {
        std::vector<std::uint8_t> bytes{static_cast<std::uint8_t>(quantizers.size())};
        for (const auto& one : quantizers) bytes.insert(bytes.end(), one.begin(), one.end());
        return bytes;
    };
    CHECK(error(list({quantizer({0, 8, 3})})).empty());
    CHECK(error(list({quantizer({0, 8, 3}), quantizer({0, 8, 3})})).find("rounded value 0 follows 0")
          != std::string::npos);
    CHECK(error(list({quantizer({1, 8, 3})})).find("'conv1.weight' is a parameter") != std::string::npos);
    CHECK(error(list({quantizer({100, 8, 3})})).find("a rounded value is 100") != std::string::npos);
    CHECK(error(list({quantizer({0, 17, 3})})).find("the bit depth of a value is 17") != std::string::npos);
    CHECK(error(list({quantizer({0, 0, 0})})).find("bit depth 0, expected 1 to 16") != std::string::npos);
    CHECK(error(list({quantizer({0, 2, 4})})).find("the zero point 4, expected 0 to 3") != std::string::npos);
    CHECK(error({1, 0, 8, 0, 0, 0, 0, 0}).find("the step 0, expected a number above 0") != std::string::npos);
    CHECK(error({1, 0, 8, 0, 0, 0, 0xC0, 0x7F}).find("the step nan") != std::string::npos);
    CHECK_FALSE(error({0, 0}).empty());
}

TEST_CASE("levels that their stream or bit depth does not hold are refused") {
    const std::vector<std::uint8_t> file = small_file();
    const auto levels = read_container(file, "net.ebit").find("LEVL").bytes;
    const auto error = [&](int coder, std::vector<std::uint8_t> bytes) {
        return error_of_reading(with_section(file, {"LEVL", true, coder, std::move(bytes)}));
    };
    std::vector<std::uint8_t> longer(levels.begin(), levels.end());
    longer.push_back(0);
    CHECK(error(2, longer).find("1 bytes are left over") != std::string::npos);
    CHECK(error(2, {}).find("ends within the length of a stream") != std::string::npos);
    CHECK(error(0, {}).find("ends within the levels") != std::string::npos);
    std::vector<std::uint8_t> ones{60};
    ones.resize(61, 0xFF);
    CHECK_FALSE(error(2, ones).empty());
}
