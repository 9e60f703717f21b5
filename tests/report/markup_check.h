#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// What is wrong with the markup of a page or picture, as XML sees it: tags that do not nest, attributes without
/// quotes, bare ampersands. Empty when nothing is.
inline std::string markup_fault(std::string_view text) {
    std::vector<std::string> open;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == '&') {
            const std::size_t end = text.find(';', at);
            const std::string_view entity = end == std::string_view::npos ? "" : text.substr(at + 1, end - at - 1);
            if (entity != "lt" && entity != "gt" && entity != "amp" && entity != "quot" && entity != "#39") {
                return "bare ampersand at " + std::string(text.substr(at, 30));
            }
            at = end + 1;
            continue;
        }
        if (text[at] != '<') {
            ++at;
            continue;
        }
        bool quoted = false;
        std::size_t end = at + 1;
        for (; end < text.size() && (quoted || text[end] != '>'); ++end) {
            if (text[end] == '"')
                quoted = !quoted;
            else if (text[end] == '<')
                return "'<' within a tag at " + std::string(text.substr(at, 30));
            else if (text[end] == '=' && !quoted && (end + 1 == text.size() || text[end + 1] != '"')) {
                return "attribute without quotes in " + std::string(text.substr(at, end - at));
            }
        }
        if (end == text.size()) return "a tag that does not end";
        std::string_view tag = text.substr(at + 1, end - at - 1);
        at = end + 1;
        if (tag.starts_with("!DOCTYPE")) continue;
        const bool closes = tag.starts_with('/');
        const bool empty = tag.ends_with('/');
        if (closes) tag.remove_prefix(1);
        const std::string name(tag.substr(0, tag.find_first_of(" /\n")));
        if (name.empty() || std::isalpha(static_cast<unsigned char>(name[0])) == 0) return "a tag without a name";
        if (empty) continue;
        if (!closes) {
            open.push_back(name);
        } else {
            if (open.empty() || open.back() != name) return "</" + name + "> closes what is not open";
            open.pop_back();
        }
    }
    return open.empty() ? "" : "<" + open.back() + "> stays open";
}

/// How often a string occurs.
inline int occurrences(std::string_view text, std::string_view wanted) {
    int count = 0;
    for (std::size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + 1)) ++count;
    return count;
}

}  // namespace eigenbit::internal
