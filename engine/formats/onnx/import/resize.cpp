#include "engine/base/error.h"
#include "engine/formats/onnx/fold/arithmetic.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/import/spatial.h"

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

using Size = std::array<std::int64_t, 2>;

/// What a node asks for at one probe: scales, or a size.
struct Request {
    std::array<float, 2> scales{};
    Size size{};
};

Resize::Coordinates coordinates(const std::string& name) {
    if (name == "half_pixel") return Resize::Coordinates::half_pixel;
    if (name == "half_pixel_symmetric") return Resize::Coordinates::half_pixel_symmetric;
    if (name == "pytorch_half_pixel") return Resize::Coordinates::pytorch_half_pixel;
    if (name == "align_corners") return Resize::Coordinates::align_corners;
    if (name == "asymmetric") return Resize::Coordinates::asymmetric;
    fail("the coordinate_transformation_mode '{}' is not supported", name);
}

Resize::Rounding rounding(const std::string& name) {
    if (name == "round_prefer_floor") return Resize::Rounding::prefer_floor;
    if (name == "round_prefer_ceil") return Resize::Rounding::prefer_ceil;
    if (name == "floor") return Resize::Rounding::floor;
    if (name == "ceil") return Resize::Rounding::ceil;
    fail("the nearest_mode '{}' is not supported", name);
}

Resize::Mode mode(const std::string& name) {
    if (name == "nearest") return Resize::Mode::nearest;
    if (name == "linear" || name == "bilinear") return Resize::Mode::linear;
    if (name == "cubic") return Resize::Mode::cubic;
    fail("the mode '{}' is not supported", name);
}

/// The operator that a node of any opset names, without size.
Resize read_resize(const OnnxNode& node) {
    Resize resize{.mode = mode(node.text("mode").value_or("nearest"))};
    if (node.opset < 11 || node.proto.op_type() == "Upsample") {
        resize.coordinates = Resize::Coordinates::asymmetric;
        resize.rounding = Resize::Rounding::floor;
        return resize;
    }
    resize.coordinates = coordinates(node.text("coordinate_transformation_mode").value_or("half_pixel"));
    resize.rounding = rounding(node.text("nearest_mode").value_or("round_prefer_floor"));
    resize.cubic_coefficient = node.real("cubic_coeff_a").value_or(-0.75F);
    resize.exclude_outside = node.integer("exclude_outside").value_or(0) != 0;
    if (node.integer("antialias").value_or(0) != 0) fail("antialias is not supported");
    return resize;
}

/// The scales of all axes, where the node has them; those of a missing or empty input are none.
std::vector<float> read_scales(const OnnxNode& node) {
    if (const auto* attribute = node.find_attribute("scales")) {
        return {attribute->floats().begin(), attribute->floats().end()};
    }
    const int input = node.opset < 11 || node.proto.op_type() == "Upsample" ? 1 : 2;
    return node.has_input(input) ? as_reals(node.constant(input)) : std::vector<float>{};
}

/// One value for each axis, from those of the axes that are named.
template <typename Value>
std::vector<Value> by_axis(const std::vector<Value>& values, std::span<const int> axes, std::vector<Value> others) {
    if (values.size() != axes.size()) fail("{} values are given for {} axes", values.size(), axes.size());
    for (std::size_t i = 0; i < axes.size(); ++i) others[static_cast<std::size_t>(axes[i])] = values[i];
    return others;
}

/// A size of the input's proportions, within the size given or around it.
void keep_proportions(const std::string& policy, const Shape& x, std::span<const int> axes,
                      std::vector<std::int64_t>& sizes) {
    if (policy == "stretch") return;
    if (policy != "not_larger" && policy != "not_smaller") {
        fail("the keep_aspect_ratio_policy '{}' is not supported", policy);
    }
    const auto scale_of = [&](int axis) {
        return static_cast<double>(sizes[static_cast<std::size_t>(axis)]) / static_cast<double>(x[axis]);
    };
    double scale = scale_of(axes.front());
    for (const int axis : axes) {
        scale = policy == "not_larger" ? std::min(scale, scale_of(axis)) : std::max(scale, scale_of(axis));
    }
    for (const int axis : axes) {
        const double exact = scale * static_cast<double>(x[axis]);
        sizes[static_cast<std::size_t>(axis)] = std::llround(exact);
        if (std::abs(exact - std::round(exact)) > 1e-6) {
            fail("the keep_aspect_ratio_policy '{}' leads to {} pixels", policy, exact);
        }
    }
}

/// The batch that the file fixes is whatever the batch is.
Request read_request(const OnnxNode& node, const Shape& x, std::optional<std::int64_t> declared_batch) {
    const int rank = x.rank();
    std::vector<int> axes;
    if (const auto given = node.integers("axes")) {
        for (const std::int64_t axis : *given) axes.push_back(normalized_axis(axis, rank));
    } else {
        for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
    }
    const auto last = static_cast<std::size_t>(rank - 1);
    const std::vector<float> scales = read_scales(node);
    if (!scales.empty()) {
        const std::vector<float> all = by_axis(scales, axes, std::vector<float>(static_cast<std::size_t>(rank), 1.0F));
        if (all[0] != 1.0F || all[1] != 1.0F)
            fail("only height and width can be resized, its scales are ({})", joined(all));
        return {.scales = {rank == 3 ? 1.0F : all[last - 1], all[last]}};
    }
    if (!node.has_input(3)) fail("neither scales nor sizes are given");
    std::vector<std::int64_t> sizes =
        by_axis(node.constant(3).integers(), axes, std::vector<std::int64_t>(x.begin(), x.end()));
    keep_proportions(node.text("keep_aspect_ratio_policy").value_or("stretch"), x, axes, sizes);
    if (sizes[0] == declared_batch) sizes[0] = x[0];
    if (sizes[0] != x[0] || sizes[1] != x[1]) {
        fail("only height and width can be resized, from {} to ({})", to_string(x), joined(sizes));
    }
    return {.size = {rank == 3 ? 1 : sizes[last - 1], sizes[last]}};
}

/// Before opset 11 what is nearest is rounded down, but up where the image gets smaller.
void round_as_before_opset_11(const OnnxNode& node, const Request& request, Resize& resize) {
    if (node.opset > 10 || node.proto.op_type() == "Upsample") return;
    const auto [least, most] = std::ranges::minmax(request.scales);
    if (least < 1.0F && most > 1.0F) fail("scales of {} and {} are not supported in opset 10", least, most);
    if (least < 1.0F) resize.rounding = Resize::Rounding::ceil;
}

/// The size that a request leads to.
Size size_of(const Request& request, Size input) {
    if (request.size[0] != 0) return request.size;
    Size size{};
    for (std::size_t axis = 0; axis < 2; ++axis) {
        size[axis] = static_cast<std::int64_t>(std::floor(request.scales[axis] * static_cast<float>(input[axis])));
    }
    return size;
}

void import_resize(NodeImport& node) {
    SpatialNode spatial(node);
    GraphBuilder& graph = node.graph();
    Resize resize = read_resize(node.at(0));
    std::vector<Request> requests;
    std::vector<Size> inputs;
    std::vector<Size> sizes;
    for (std::size_t probe = 0; probe < node.probes(); ++probe) {
        const Shape image = spatial.shapes()[probe];
        requests.push_back(read_request(node.at(probe), node.shapes(0)[probe], node.state().declared_batch));
        inputs.push_back({image[2], image[3]});
        sizes.push_back(size_of(requests.back(), inputs.back()));
    }
    const auto is_unscaled = [](const Request& request) {
        return request.size[0] != 0 || request.scales == std::array{1.0F, 1.0F};
    };
    if (sizes == inputs && std::ranges::all_of(requests, is_unscaled)) return node.output_input(0);
    const auto is_fixed = [](const auto& list) {
        return std::ranges::all_of(list, [&](const auto& item) { return item == list.front(); });
    };
    const Request& first = requests.front();
    const auto has_scales_of_first = [&](const Request& request) { return request.scales == first.scales; };
    const bool same_scales = first.size[0] == 0 && std::ranges::all_of(requests, has_scales_of_first);
    const ValueId x = spatial.image();
    if (same_scales) {
        round_as_before_opset_11(node.at(0), first, resize);
        resize.height_scale = first.scales[0];
        resize.width_scale = first.scales[1];
        return spatial.output(graph.add(resize, {x}));
    }
    // What lies in the middle of a fraction of pixels lies in the middle of whole ones as well.
    if (resize.coordinates == Resize::Coordinates::half_pixel_symmetric) {
        resize.coordinates = Resize::Coordinates::half_pixel;
    }
    if (is_fixed(sizes)) {
        resize.size = sizes.front();
        return spatial.output(graph.add(resize, {x}));
    }
    // A size that follows from others: a multiple of the input's, or that of another value.
    const Size factors{sizes[0][0] / inputs[0][0], sizes[0][1] / inputs[0][1]};
    bool is_multiple = true;
    for (std::size_t probe = 0; probe < sizes.size(); ++probe) {
        for (std::size_t axis = 0; axis < 2; ++axis) {
            is_multiple = is_multiple && sizes[probe][axis] == factors[axis] * inputs[probe][axis];
        }
    }
    if (is_multiple) {
        resize.height_scale = static_cast<float>(factors[0]);
        resize.width_scale = static_cast<float>(factors[1]);
        return spatial.output(graph.add(resize, {x}));
    }
    const auto like = graph.image_of_size(sizes);
    if (!like) fail("its size depends on the image size, and is not that of another value");
    spatial.output(graph.add(resize, {x, *like}));
}

}  // namespace

const ImportTable& resize_imports() {
    static const ImportTable table = {
        {"Resize",
         {import_resize,
          "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value "
          "keep_aspect_ratio_policy mode nearest_mode",
          10}},
        {"Upsample", {import_resize, "mode scales", kOldestOpset, 9}},
    };
    return table;
}

}  // namespace eigenbit::internal
