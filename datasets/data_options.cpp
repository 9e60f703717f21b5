#include "datasets/data_options.h"

#include <cmath>

namespace eigenbit::internal {
namespace {

/// A decimal number or a fraction of two.
std::optional<float> parse_fraction(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::optional<double> numerator = parse<double>(text.substr(0, slash));
    const std::optional<double> denominator =
        slash == std::string_view::npos ? 1.0 : parse<double>(text.substr(slash + 1));
    if (!numerator || !denominator) return std::nullopt;
    const auto value = static_cast<float>(*numerator / *denominator);
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

}  // namespace

std::vector<std::string> divide(std::string_view text, char separator) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find(separator, begin)) != std::string_view::npos; begin = end + 1) {
        parts.emplace_back(text.substr(begin, end - begin));
    }
    parts.emplace_back(text.substr(begin));
    return parts;
}

DataOptions::DataOptions(std::string_view text) : text_(text) {
    const std::size_t question = text.find('?');
    const std::string_view place = text.substr(0, question);
    const std::size_t colon = place.find(':');
    name_ = place.substr(0, colon);
    if (colon != std::string_view::npos) paths_ = place.substr(colon + 1);
    if (question == std::string_view::npos) return;
    for (const std::string& option : divide(text.substr(question + 1), '&')) {
        const std::size_t equals = option.find('=');
        if (equals == std::string::npos) reject("the option \"{}\" has no value, name=value was expected", option);
        const bool is_new = values_.emplace(option.substr(0, equals), option.substr(equals + 1)).second;
        if (!is_new) reject("the option {} is given twice", option.substr(0, equals));
    }
}

const std::string* DataOptions::find(const std::string& option) const {
    const auto found = values_.find(option);
    return found == values_.end() ? nullptr : &found->second;
}

int DataOptions::integer(const std::string& option, int lowest, int otherwise) const {
    const std::string* text = find(option);
    if (text == nullptr) return otherwise;
    const std::optional<int> value = parse<int>(*text);
    if (!value || *value < lowest) {
        reject("{} is \"{}\", a whole number, at least {}, was expected", option, *text, lowest);
    }
    return *value;
}

std::optional<ImageSize> DataOptions::size(const std::string& option) const {
    const std::string* text = find(option);
    if (text == nullptr) return std::nullopt;
    const std::vector<std::string> sides = divide(*text, 'x');
    const std::optional<int> height = parse<int>(sides.front());
    const std::optional<int> width = parse<int>(sides.back());
    if (!height || !width || *height < 1 || *width < 1 || sides.size() > 2) {
        reject("{} is \"{}\", pixels like 224, or height and width like 224x320, were expected", option, *text);
    }
    return ImageSize{*height, *width};
}

std::optional<std::string> DataOptions::text(const std::string& option) const {
    const std::string* text = find(option);
    return text == nullptr ? std::nullopt : std::optional(*text);
}

std::vector<float> DataOptions::numbers(const std::string& option, const std::vector<float>& otherwise) const {
    const std::string* text = find(option);
    if (text == nullptr) return otherwise;
    std::vector<float> values;
    for (const std::string& part : divide(*text, ',')) {
        const std::optional<float> value = parse_fraction(part);
        if (!value)
            reject("{} is \"{}\", numbers like 0.5 or 1/255, with commas between, were expected", option, *text);
        values.push_back(*value);
    }
    return values;
}

float DataOptions::number(const std::string& option, float lowest, float otherwise) const {
    const std::vector<float> values = numbers(option, {otherwise});
    if (values.size() != 1 || values[0] < lowest) {
        reject("{} is \"{}\", one number, at least {}, was expected", option, *find(option), lowest);
    }
    return values[0];
}

bool DataOptions::is_first(const std::string& option, std::string_view first, std::string_view second,
                           bool otherwise) const {
    const std::string* text = find(option);
    if (text == nullptr) return otherwise;
    if (*text != first && *text != second) reject("{} is \"{}\", {} or {} was expected", option, *text, first, second);
    return *text == first;
}

}  // namespace eigenbit::internal
