#include "tests/cli/command.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

using namespace eigenbit::internal;

namespace {

namespace fs = std::filesystem;

/// What the first group of the pattern matches, everywhere in a text.
std::set<std::string> matches(const std::string& text, const std::string& pattern) {
    const std::regex expression(pattern, std::regex::multiline);
    std::set<std::string> found;
    for (std::sregex_iterator match(text.begin(), text.end(), expression), end; match != end; ++match) {
        found.insert((*match)[1]);
    }
    return found;
}

/// The rows of the table of docs/library.md: functions by verb.
std::map<std::string, std::set<std::string>> documented() {
    const std::string page = text_of(EIGENBIT_SOURCE_ROOT "/docs/library.md");
    std::istringstream table(page.substr(page.find("| verb | functions |")));
    std::map<std::string, std::set<std::string>> functions;
    std::string line;
    std::getline(table, line);
    std::getline(table, line);
    while (std::getline(table, line) && line.starts_with("| ")) {
        const std::size_t end = line.find('|', 1);
        functions[*matches(line.substr(0, end), "`([a-z]+)`").begin()] = matches(line.substr(end), "`([A-Za-z_:]+)`");
    }
    return functions;
}

std::string headers() {
    std::string all;
    for (const auto& entry : fs::directory_iterator(EIGENBIT_SOURCE_ROOT "/include/eigenbit")) {
        if (entry.path().extension() == ".hpp") all += text_of(entry.path());
    }
    return all;
}

/// Whether the headers declare "function", or "Class::member" inside of the class.
bool is_declared(const std::string& all, const std::string& name) {
    const std::size_t colons = name.find("::");
    if (colons == std::string::npos) return !matches(all, "^[A-Za-z][^\\n=;/]* (" + name + ")\\(").empty();
    const std::size_t begin = all.find("\nclass " + name.substr(0, colons) + " {");
    if (begin == std::string::npos) return false;
    const std::string body = all.substr(begin, all.find("\n};", begin) - begin);
    return !matches(body, "^    [A-Za-z][^\\n=/]* (" + name.substr(colons + 2) + ")\\(").empty();
}

}  // namespace

TEST_CASE("the table of the documentation has every verb of the command, with functions that the headers declare") {
    const std::map<std::string, std::set<std::string>> table = documented();
    std::set<std::string> in_table;
    for (const auto& [verb, functions] : table) in_table.insert(verb);

    const TemporaryFolder folder;
    const std::string help = run_command(folder, "--help").output;
    CHECK(in_table == matches(help.substr(help.find("Subcommands:")), "^  ([a-z]+) "));

    const std::string all = headers();
    for (const auto& [verb, functions] : table) {
        CAPTURE(verb);
        CHECK_FALSE(functions.empty());
        for (const std::string& name : functions) CHECK_MESSAGE(is_declared(all, name), name);
    }
    CHECK_FALSE(is_declared(all, "evaluated"));
    CHECK_FALSE(is_declared(all, "Model::evaluate"));
}
