#pragma once

#include "engine/base/error.h"

#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenbit::internal {

/// The number that the whole text is, if it is one.
template <typename Number>
std::optional<Number> parse(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// The parts at which the separator divides a text, one more than there are separators.
std::vector<std::string> divide(std::string_view text, char separator);

struct ImageSize {
    int height = 0;
    int width = 0;
};

/// What --data says, NAME[:PATHS][?option=value&option=value…], taken apart.
class DataOptions {
  public:
    /// Throws Error when an option has no value or is given twice.
    explicit DataOptions(std::string_view text);

    const std::string& name() const { return name_; }
    const std::string& paths() const { return paths_; }
    const std::map<std::string, std::string>& values() const { return values_; }

    /// The option's value, or what it is where it is not given. Each throws Error when the value is of another kind.
    int integer(const std::string& option, int lowest, int otherwise) const;
    /// "224" for both sides, or height and width as in "224x320"; nothing where it is not given.
    std::optional<ImageSize> size(const std::string& option) const;
    /// Numbers or fractions like 1/255, with commas between.
    std::vector<float> numbers(const std::string& option, const std::vector<float>& otherwise) const;
    float number(const std::string& option, float lowest, float otherwise) const;
    /// Nothing where it is not given.
    std::optional<std::string> text(const std::string& option) const;
    /// Whether it is the first of two words.
    bool is_first(const std::string& option, std::string_view first, std::string_view second, bool otherwise) const;

    /// Throws Error with a sentence that begins with the whole text.
    template <typename... Arguments>
    [[noreturn]] void reject(fmt::format_string<Arguments...> sentence, Arguments&&... arguments) const {
        fail("data \"{}\": {}", text_, fmt::format(sentence, std::forward<Arguments>(arguments)...));
    }

  private:
    const std::string* find(const std::string& option) const;

    std::string text_;
    std::string name_;
    std::string paths_;
    std::map<std::string, std::string> values_;
};

}  // namespace eigenbit::internal
