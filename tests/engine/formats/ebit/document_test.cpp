#include "engine/formats/file.h"
#include "engine/ops/operator.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

using namespace eigenbit::internal;

namespace {

/// Describes attributes in the words of docs/ebit-format.md.
class FieldDescriber {
  public:
    explicit FieldDescriber(std::vector<std::string>& fields) : fields_(fields) {}

    template <typename Value>
    void operator()(std::string_view name, const Value& value) {
        fields_.push_back(describe(name, value));
    }
    template <typename Enum>
    void operator()(std::string_view name, Enum, std::span<const std::string_view> names) {
        fields_.push_back(fmt::format("{} ({})", name, fmt::join(names, ", ")));
    }

  private:
    static std::string describe(std::string_view name, std::int64_t) { return std::string(name); }
    static std::string describe(std::string_view name, int) { return std::string(name); }
    static std::string describe(std::string_view name, bool) { return fmt::format("flag {}", name); }
    static std::string describe(std::string_view name, float) { return fmt::format("float32 {}", name); }
    template <std::size_t kCount>
    static std::string describe(std::string_view name, const std::array<std::int64_t, kCount>&) {
        return fmt::format("{}[{}]", name, kCount);
    }
    template <typename Item>
    static std::string describe(std::string_view name, const std::vector<Item>&) {
        if constexpr (std::is_integral_v<Item>) {
            return fmt::format("list {}", name);
        } else {
            std::vector<std::string> parts;
            Item item{};
            Item::fields(item, FieldDescriber(parts));
            return fmt::format("list {} of: {}", name, fmt::join(parts, ", "));
        }
    }

    std::vector<std::string>& fields_;
};

/// The table of operators that the document should have.
std::string operator_table() {
    std::vector<std::string> rows;
    for (const Operator& op : operator_types()) {
        std::vector<std::string> fields;
        visit_fields(op, FieldDescriber(fields));
        if (fields.empty()) fields.push_back("none");
        rows.push_back(fmt::format("| {} | {} |\n", type_name(op), fmt::join(fields, ", ")));
    }
    std::ranges::sort(rows);
    return fmt::format("| operator | fields |\n|---|---|\n{}\n", fmt::join(rows, ""));
}

}  // namespace

TEST_CASE("the description of .ebit files has all operators, with all of their attributes") {
    const std::vector<std::uint8_t> bytes =
        read_file(std::filesystem::path(EIGENBIT_SOURCE_ROOT) / "docs/ebit-format.md");
    const std::string document(bytes.begin(), bytes.end());
    const std::size_t begin = document.find("| operator | fields |");
    REQUIRE(begin != std::string::npos);
    CHECK(document.substr(begin, document.find("\n\n", begin) + 2 - begin) == operator_table());
}
