#include "engine/formats/onnx/fold/folding.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/import/quantized.h"
#include "tests/engine/formats/onnx/model.h"
#include "tests/laboratory.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>

// docs/onnx.md says of every operator that is read what the tables of the importer say, and what a network that holds
// it becomes.

using namespace eigenbit::internal;

namespace {

const std::filesystem::path kPage = EIGENBIT_SOURCE_ROOT "/docs/onnx.md";
constexpr std::string_view kHead = "| ONNX | opset | attributes | in 8 bits | note |\n|---|---|---|---|---|\n";

std::map<std::string, ImportedOperator> all_imports() {
    std::map<std::string, ImportedOperator> all;
    for (const ImportTable* table : import_tables()) all.insert(table->begin(), table->end());
    return all;
}

std::set<std::string> words(std::string text) {
    std::ranges::replace(text, ',', ' ');
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), {}};
}

/// What a node needs beside two activations (1, 4, 8, 8).
void add_example(OnnxModel& model, const std::string& type) {
    using Names = OnnxModel::Names;
    const auto node = [&](const Names& inputs, const OnnxModel::Attributes& attributes = {}) {
        model.node(type, inputs, type == "Split" ? Names{"z", "rest"} : Names{"z"}, attributes);
    };
    const auto numbers = [&](const std::string& name, const Shape& shape) {
        model.constant(name, random_tensor(shape, 1));
        return name;
    };
    const auto list = [&](const Integers& values) {
        model.integers("list", values);
        return std::string("list");
    };
    static const std::set<std::string> kOfTwo{"Add",  "And",         "Div", "Equal", "Greater", "GreaterOrEqual",
                                              "Less", "LessOrEqual", "Max", "Mean",  "Min",     "Mul",
                                              "Or",   "Pow",         "Sub", "Sum"};
    static const std::set<std::string> kPools{"AveragePool", "LpPool", "MaxPool"};
    if (kOfTwo.contains(type)) return node({"x", "y"});
    if (kPools.contains(type)) return node({"x"}, {{"kernel_shape", Integers{2, 2}}});
    if (type == "Where") return node({"x", "x", "y"});
    if (type == "Concat") return node({"x", "y"}, {{"axis", std::int64_t{1}}});
    if (type == "Conv") return node({"x", numbers("w", {4, 4, 3, 3})});
    if (type == "ConvTranspose") return node({"x", numbers("w", {4, 4, 2, 2})}, {{"strides", Integers{2, 2}}});
    if (type == "MatMul") return node({"x", numbers("w", {8, 8})});
    if (type == "Gemm") {
        model.node("Flatten", {"x"}, {"matrix"});
        return node({"matrix", numbers("w", {256, 8})});
    }
    if (type == "PRelu") return node({"x", numbers("slope", {4, 1, 1})});
    if (type == "BatchNormalization") {
        return node({"x", numbers("a", {4}), numbers("b", {4}), numbers("c", {4}), numbers("d", {4})});
    }
    if (type == "InstanceNormalization") return node({"x", numbers("a", {4}), numbers("b", {4})});
    if (type == "LayerNormalization") return node({"x", numbers("a", {8})});
    if (type == "GroupNormalization") {
        return node({"x", numbers("a", {4}), numbers("b", {4})}, {{"num_groups", std::int64_t{2}}});
    }
    if (type == "LRN") return node({"x"}, {{"size", std::int64_t{3}}});
    if (type == "Cast") return node({"x"}, {{"to", std::int64_t{onnx::TensorProto::FLOAT16}}});
    if (type == "DepthToSpace" || type == "SpaceToDepth") return node({"x"}, {{"blocksize", std::int64_t{2}}});
    if (type == "Expand") return node({"x", list({2, 1, 4, 8, 8})});
    if (type == "Tile") return node({"x", list({1, 1, 2, 2})});
    if (type == "Gather") return node({"x", list({2, 0, 1})}, {{"axis", std::int64_t{1}}});
    if (type == "MaxUnpool") {
        const OnnxModel::Attributes halves{{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}};
        model.node("MaxPool", {"x"}, {"maxima", "indices"}, halves).node("Relu", {"maxima"}, {"values"});
        return node({"values", "indices"}, halves);
    }
    if (type == "GatherND") {
        model.node("Transpose", {"x"}, {"pixels"}, {{"perm", Integers{2, 3, 0, 1}}});
        model.integers("points", {2, 2}, {0, 7, 3, 3});
        return node({"pixels", "points"});
    }
    if (type == "Pad") return node({"x", list({0, 0, 1, 1, 0, 0, 1, 1})});
    if (type == "Reshape") return node({"x", list({0, 2, -1})});
    if (type == "Slice") {
        model.integers("begin", {0, 0, 1, 1});
        return node({"x", "begin", list({9, 9, 5, 5})});
    }
    if (type == "Split") return node({"x"}, {{"axis", std::int64_t{1}}});
    if (type == "Squeeze") {
        model.node("GlobalMaxPool", {"x"}, {"pixel"});
        return node({"pixel", list({2, 3})});
    }
    if (type == "Unsqueeze") return node({"x", list({0})});
    if (type == "Transpose") return node({"x"}, {{"perm", Integers{0, 1, 3, 2}}});
    if (type == "Resize" || type == "Upsample") {
        model.constant("scales", Tensor(Shape{4}, std::array{1.0F, 1.0F, 2.0F, 2.0F}));
        return type == "Resize" ? node({"x", "", "scales"}) : node({"x", "scales"});
    }
    node({"x"});
}

/// What a network of this operator is in 8 bits.
std::string int8_form_of(const std::string& type, const ImportedOperator& op) {
    OnnxModel model(std::min(std::max<std::int64_t>(op.since, 13), op.until));
    model.input("x", {0, 4, 8, 8}).input("y", {0, 4, 8, 8});
    add_example(model, type);
    const Graph graph = model.output("z").read().graph;
    std::set<Int8> forms;
    for (const Node& node : graph.nodes()) forms.insert(int8_form(node.op));
    if (forms.empty()) return "no node";
    if (forms.contains(Int8::none)) return "floats";
    if (forms.contains(Int8::layer)) return "layer";
    if (forms.contains(Int8::averages)) return forms.contains(Int8::lookup256) ? "floats" : "mean";
    if (forms.contains(Int8::lookup256)) return "table";
    return forms.contains(Int8::affine) ? "rounding" : "bytes";
}

/// The row of an operator, up to its note.
std::string row_of(const std::string& type, const ImportedOperator& op) {
    std::string attributes;
    for (const std::string& attribute : words(std::string(op.attributes))) {
        attributes += "`" + attribute + "` ";
    }
    return formatted("| {} | {}–{} | {}| {} | ", type, op.since, op.until, attributes, int8_form_of(type, op));
}

std::string page_text() {
    std::ifstream file(kPage);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The operators of a sentence of the page, "Such are A, B and C."
std::set<std::string> listed_after(const std::string& page, const std::string& beginning) {
    const std::size_t begin = page.find(beginning);
    REQUIRE(begin != std::string::npos);
    const std::size_t from = begin + beginning.size();
    std::set<std::string> names = words(page.substr(from, page.find('.', from) - from));
    names.erase("and");
    return names;
}

bool has_no_onnx_package() {
    if (std::system("/usr/bin/python3 -c 'import onnx.defs' > /dev/null 2>&1") == 0) return false;
    std::cout << "skipped: there is no python3-onnx\n";
    return true;
}

}  // namespace

TEST_CASE("docs/onnx.md has the row of every operator that is read, and of no other") {
    const std::string page = page_text();
    const std::size_t begin = page.find(kHead) + kHead.size();
    const std::size_t end = page.find("\n\n", begin) + 1;
    REQUIRE(begin < end);
    std::map<std::string, std::string> notes;
    std::istringstream rows(page.substr(begin, end - begin));
    for (std::string row; std::getline(rows, row);) {
        std::size_t note = 1;
        for (int cell = 0; cell < 4; ++cell) note = row.find("| ", note) + 2;
        notes[row.substr(2, row.find(" | ") - 2)] = row.substr(note);
    }
    std::string table;
    for (const auto& [type, op] : all_imports()) {
        CAPTURE(type);
        REQUIRE_NOTHROW(table += row_of(type, op));
        table += notes.contains(type) ? notes[type] + "\n" : "|\n";
    }
    if (std::getenv("EIGENBIT_WRITE_TABLES") != nullptr) {
        std::ofstream(kPage) << page.substr(0, begin) << table << page.substr(end);
    }
    CHECK(page.substr(begin, end - begin) == table);
}

TEST_CASE("docs/onnx.md names the operators that are evaluated, and those that round") {
    const std::string page = page_text();
    for (const std::string& name : listed_after(page, "On constants and shapes alone, these are evaluated too: ")) {
        CAPTURE(name);
        CHECK(can_fold(name));
    }
    const std::set<std::string> rounding = listed_after(page, "Quantized networks have ");
    for (const std::string& name : rounding) {
        CAPTURE(name);
        onnx::NodeProto node;
        node.set_op_type(name);
        CHECK(is_rounding(node));
    }
}

TEST_CASE("the opsets of operators, and all of their attributes, are the standard's"
          * doctest::skip(has_no_onnx_package())) {
    const TemporaryFolder folder;
    folder.write("list.py",
                 "import onnx.defs as d\n"
                 "all = [s for s in d.get_all_schemas_with_history() if s.domain == '']\n"
                 "for name in sorted({s.name for s in all}):\n"
                 "    of = sorted((s for s in all if s.name == name), key=lambda s: s.since_version)\n"
                 "    read = [s for s, then in zip(of, of[1:] + [None]) if not then or then.since_version > 7]\n"
                 "    print(name, max(of[0].since_version, 7), *{a for s in read for a in s.attributes})\n");
    const std::string list = (folder / "list").string();
    REQUIRE(std::system(("/usr/bin/python3 '" + (folder / "list.py").string() + "' > '" + list + "'").c_str()) == 0);
    const std::map<std::string, ImportedOperator> imports = all_imports();
    int compared = 0;
    std::ifstream file(list);
    for (std::string line; std::getline(file, line);) {
        std::istringstream stream(line);
        std::string name;
        std::int64_t since = 0;
        stream >> name >> since;
        const auto found = imports.find(name);
        if (found == imports.end()) continue;
        CAPTURE(name);
        CHECK(found->second.since == since);
        ++compared;
        for (std::string attribute; stream >> attribute;) {
            CAPTURE(attribute);
            CHECK(words(std::string(found->second.attributes)).contains(attribute));
        }
    }
    CHECK(compared > 80);
}

TEST_CASE("attributes that the standard does not have are refused") {
    const OnnxModel model =
        OnnxModel().input("x", {0, 3, 4, 4}).node("Relu", {"x"}, {"y"}, {{"slope", 0.5F}}).output("y");
    CHECK_THROWS_WITH_AS(model.read(), doctest::Contains("attribute 'slope' is not supported"), Error);
}
