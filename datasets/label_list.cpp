#include "datasets/label_list.h"

#include "datasets/data_options.h"
#include "engine/base/error.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSpaces = " \t\r";
constexpr int kMostClasses = 1'000'000;

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kSpaces);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin);
}

struct Line {
    int number;  ///< counted from 1
    std::string_view text;
};

/// Those that are not empty.
std::vector<Line> lines_of(std::string_view text) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    std::vector<Line> lines;
    for (int number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        const std::string_view line = trimmed(text.substr(0, end));
        if (!line.empty()) lines.push_back({number, line});
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

struct Field {
    std::size_t begin;  ///< in the line, behind the comma
    std::string text;
};

/// What stands between the commas of a line, without spaces around it. In quotes, commas belong to it, and two quotes
/// are one. Nothing where a quote is not closed, or more follows than a comma.
std::optional<std::vector<Field>> fields_of(std::string_view line) {
    std::vector<Field> fields;
    for (std::size_t begin = 0;;) {
        Field field{begin, {}};
        std::size_t position = std::min(line.find_first_not_of(kSpaces, begin), line.size());
        if (position < line.size() && line[position] == '"') {
            for (++position;; ++position) {
                if (position >= line.size()) return std::nullopt;
                if (line[position] != '"') {
                    field.text += line[position];
                } else if (position + 1 < line.size() && line[position + 1] == '"') {
                    field.text += line[position++];
                } else {
                    break;
                }
            }
            position = std::min(line.find_first_not_of(kSpaces, position + 1), line.size());
            if (position < line.size() && line[position] != ',') return std::nullopt;
        } else {
            position = std::min(line.find(',', position), line.size());
            field.text = trimmed(line.substr(begin, position - begin));
        }
        fields.push_back(std::move(field));
        if (position == line.size()) return fields;
        begin = position + 1;
    }
}

struct NamedRow {
    int line;
    std::string file;
    std::string label;
};

/// The last comma divides: names of files that are not in quotes may have commas.
std::vector<NamedRow> named_rows(std::string_view text, std::string_view name) {
    std::vector<NamedRow> rows;
    bool first = true;
    for (const Line& line : lines_of(text)) {
        const std::optional<std::vector<Field>> fields = fields_of(line.text);
        if (!fields || fields->size() < 2) {
            fail("\"{}\", line {}: \"{}\" was found, file,class was expected", name, line.number, line.text);
        }
        const Field& label = fields->back();
        NamedRow row{line.number, fields->front().text, label.text};
        if (fields->size() > 2) row.file = trimmed(line.text.substr(0, label.begin - 1));
        const bool header = std::exchange(first, false) && !std::filesystem::path(row.file).has_extension();
        if (header) continue;
        if (row.file.empty()) fail("\"{}\", line {}: the file is missing, file,class was expected", name, line.number);
        if (row.label.empty()) {
            fail("\"{}\", line {}: \"{}\" has no class, file,class was expected", name, line.number, row.file);
        }
        rows.push_back(std::move(row));
    }
    if (rows.empty()) fail("\"{}\" lists no image: lines file,class were expected", name);
    return rows;
}

std::optional<double> number_of(const NamedRow& row) {
    const std::optional<double> number = parse<double>(row.label);
    return number && std::isfinite(*number) ? number : std::nullopt;
}

LabelList numbered(const std::vector<NamedRow>& rows, std::string_view name) {
    LabelList list;
    for (const NamedRow& row : rows) {
        const double number = *number_of(row);
        if (number < 0.0 || number >= kMostClasses || number != std::floor(number)) {
            fail("\"{}\", line {}: class {} was found, 0 to {} were expected", name, row.line, row.label,
                 kMostClasses - 1);
        }
        const int label = static_cast<int>(number);
        list.rows.push_back({row.line, row.file, label});
        list.class_count = std::max(list.class_count, label + 1);
    }
    return list;
}

LabelList by_name(const std::vector<NamedRow>& rows) {
    LabelList list;
    for (const NamedRow& row : rows) list.classes.push_back(row.label);
    std::ranges::sort(list.classes);
    list.classes.erase(std::unique(list.classes.begin(), list.classes.end()), list.classes.end());
    for (const NamedRow& row : rows) {
        const auto place = std::ranges::lower_bound(list.classes, row.label);
        list.rows.push_back({row.line, row.file, static_cast<int>(place - list.classes.begin())});
    }
    list.class_count = static_cast<int>(list.classes.size());
    return list;
}

}  // namespace

LabelList parse_label_list(std::string_view text, std::string_view name) {
    const std::vector<NamedRow> rows = named_rows(text, name);
    const auto is_number = [](const NamedRow& row) { return number_of(row).has_value(); };
    const auto number = std::ranges::find_if(rows, is_number);
    const auto word = std::ranges::find_if_not(rows, is_number);
    if (number != rows.end() && word != rows.end()) {
        fail("\"{}\": line {} has the number {} for a class, line {} the name {}; all numbers or all names were "
             "expected",
             name, number->line, number->label, word->line, word->label);
    }
    return word == rows.end() ? numbered(rows, name) : by_name(rows);
}

LabelList parse_class_table(std::string_view text, std::string_view name) {
    const std::vector<Line> lines = lines_of(text);
    LabelList list;
    for (const Line& line : lines) {
        const std::optional<std::vector<Field>> fields = fields_of(line.text);
        const std::size_t expected = list.classes.size() + 1;
        if (!fields || fields->size() < 2 || (expected > 1 && fields->size() != expected)) {
            fail("\"{}\", line {}: \"{}\" was found, a file and a 0 or 1 for each class were expected", name,
                 line.number, line.text);
        }
        const auto values = std::span(*fields).subspan(1);
        if (expected == 1) {
            for (const Field& field : values) list.classes.push_back(field.text);
            continue;
        }
        const auto is_shown = [](const Field& field) { return field.text == "1"; };
        const auto shown = std::ranges::count_if(values, is_shown);
        if (shown != 1) {
            fail("\"{}\", line {}: \"{}\" shows {} classes, exactly one was expected", name, line.number,
                 fields->front().text, shown);
        }
        const auto label = std::ranges::find_if(values, is_shown) - values.begin();
        list.rows.push_back({line.number, fields->front().text, static_cast<int>(label)});
    }
    if (list.rows.empty()) fail("\"{}\" lists no image: a line of names and lines of images were expected", name);
    list.class_count = static_cast<int>(list.classes.size());
    return list;
}

}  // namespace eigenbit::internal
