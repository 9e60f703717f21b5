#include "api/image_size.h"

#include "engine/base/format.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace eigenbit {
inline namespace v1 {
namespace {

constexpr std::int64_t kLargestSide = 1 << 16;

std::optional<std::int64_t> parse_side(std::string_view text) {
    std::int64_t side = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side);
    if (error != std::errc{} || end != text.data() + text.size() || side < 1 || side > kLargestSide) return {};
    return side;
}

}  // namespace

std::optional<ImageSize> parse_image_size(std::string_view text) {
    const std::size_t cross = text.find('x');
    const auto height = parse_side(text.substr(0, cross));
    const auto width = cross == std::string_view::npos ? height : parse_side(text.substr(cross + 1));
    if (!height || !width) return {};
    return ImageSize{*height, *width};
}

}  // namespace v1

namespace internal {
namespace {

constexpr std::int64_t kUsualSide = 224;

/// What stands behind "NAME=" among the options of a specification.
std::optional<std::string_view> option(std::string_view spec, std::string_view name) {
    for (std::size_t begin = spec.find('?'); begin < spec.size(); begin = spec.find('&', begin + 1)) {
        const std::string_view rest = spec.substr(begin + 1);
        if (!rest.starts_with(name) || rest.substr(name.size(), 1) != "=") continue;
        const std::string_view value = rest.substr(name.size() + 1);
        return value.substr(0, value.find('&'));
    }
    return {};
}

}  // namespace

ImageSize size_in_spec(std::string_view spec) {
    const auto given = option(spec, "size");
    return given ? parse_image_size(*given).value_or(ImageSize{}) : ImageSize{};
}

std::string spec_of_size(const std::string& spec, const Graph& graph, const ImageSize& size) {
    const Shape& input = graph.inputs().front().shape;
    if (spec.empty() || !size.is_given() || input.rank() != 4 || (input[1] != 0 && input[2] != 0)) return spec;
    const std::array<std::string_view, 4> cutting{"size", "resize", "crop", "preset"};
    if (std::ranges::any_of(cutting, [&](std::string_view name) { return option(spec, name).has_value(); }))
        return spec;
    if (spec.starts_with("denoise") || spec.starts_with("superres") || spec.starts_with("npy:")) return spec;
    return formatted("{}{}size={}x{}", spec, spec.find('?') == std::string::npos ? '?' : '&', size.height, size.width);
}

std::vector<Shape> input_shapes(const Graph& graph, std::int64_t images, const ImageSize& size) {
    std::vector<Shape> shapes;
    for (const Graph::Input& input : graph.inputs()) {
        Shape shape = input.shape;
        if (shape[0] == 0) shape[0] = images;
        for (int axis = 1; axis < shape.rank(); ++axis) {
            const bool is_height = shape.rank() == 4 && axis == 1;
            const std::int64_t given = is_height ? size.height : size.width;
            if (shape[axis] == 0) shape[axis] = given == 0 ? kUsualSide : given;
        }
        shapes.push_back(shape);
    }
    return shapes;
}

}  // namespace internal
}  // namespace eigenbit
