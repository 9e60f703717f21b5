#include "engine/formats/onnx/fold/folding.h"
#include "engine/formats/onnx/import/operators.h"
#include "tests/laboratory.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

// docs/onnx.md names every operator that is read, and no other.

using namespace eigenbit::internal;

namespace {

/// The words between commas and spaces of a cell.
std::set<std::string> words(std::string cell) {
    std::ranges::replace(cell, ',', ' ');
    std::istringstream stream(cell);
    std::set<std::string> result;
    for (std::string word; stream >> word;) result.insert(word);
    return result;
}

/// The operators of the page's table: those translated, and those that are evaluated where they act on constants alone.
struct Document {
    std::set<std::string> translated, folded;
};

Document read_document() {
    std::ifstream page(EIGENBIT_SOURCE_ROOT "/docs/onnx.md");
    Document document;
    bool is_table = false;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with("## ")) is_table = line == "## Operators";
        if (!is_table || !line.starts_with("| ") || line.starts_with("| ONNX |")) continue;
        const std::size_t end = line.find(" |", 2);
        const std::string first = line.substr(2, end - 2);
        if (first == "on constants and shapes only") {
            document.folded = words(line.substr(end + 3, line.find(" and those above") - end - 3));
        } else {
            document.translated.merge(words(first));
        }
    }
    return document;
}

}  // namespace

TEST_CASE("docs/onnx.md has a row for every operator that is read, and for no other") {
    const Document document = read_document();
    REQUIRE(document.translated.size() > 50);
    for (const std::string& name : document.translated) {
        CAPTURE(name);
        CHECK((find_import(name) != nullptr));
    }
    for (const std::string& name : document.folded) {
        CAPTURE(name);
        CHECK(can_fold(name));
    }
    for (const ImportTable* table : {&layer_imports(), &conv_transpose_imports(), &resize_imports(),
                                     &normalization_imports(), &arithmetic_imports(), &shape_imports()}) {
        for (const auto& [name, import] : *table) {
            CAPTURE(name);
            CHECK(document.translated.contains(std::string(name)));
        }
    }
}
