#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Input: x (N, H, W, C), perhaps an image whose height and width are the output's. Output: y (N, OH, OW, C), each
/// pixel a weighted sum of pixels of x, by the rules of ONNX's Resize. Beyond the border, pixels repeat.
struct Resize {
    static constexpr std::string_view kType = "Resize";
    static constexpr std::array kInputs{InputRole::activation, InputRole::size};
    static constexpr Int8 kInt8 = Int8::moves_bytes;
    enum class Mode { nearest, linear, cubic };
    static constexpr std::array<std::string_view, 3> kModes{"nearest", "linear", "cubic"};
    /// Where an output pixel lies in the input.
    enum class Coordinates { half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric };
    static constexpr std::array<std::string_view, 5> kCoordinates{"half_pixel", "half_pixel_symmetric",
                                                                  "pytorch_half_pixel", "align_corners", "asymmetric"};
    /// Which pixel is nearest.
    enum class Rounding { prefer_floor, prefer_ceil, floor, ceil };
    static constexpr std::array<std::string_view, 4> kRoundings{"prefer_floor", "prefer_ceil", "floor", "ceil"};

    Mode mode = Mode::nearest;
    Coordinates coordinates = Coordinates::half_pixel;
    Rounding rounding = Rounding::prefer_floor;
    std::array<std::int64_t, 2> size{};  ///< of the output; 0, 0 where the scales or the second input say it
    float height_scale = 0.0F;           ///< 0 where a size is given
    float width_scale = 0.0F;
    float cubic_coefficient = -0.75F;
    bool exclude_outside = false;  ///< cubic: pixels beyond the border have no weight

    /// Only what is nearest is moved; sums are computed in floats.
    Int8 int8() const { return mode == Mode::nearest ? Int8::moves_bytes : Int8::none; }
    bool has_scales() const { return height_scale != 0.0F || width_scale != 0.0F; }

    static void fields(auto& op, auto&& field) {
        field("mode", op.mode, kModes);
        field("coordinates", op.coordinates, kCoordinates);
        field("rounding", op.rounding, kRoundings);
        field("size", op.size);
        field("height_scale", op.height_scale);
        field("width_scale", op.width_scale);
        field("cubic_coefficient", op.cubic_coefficient);
        field("exclude_outside", op.exclude_outside);
    }
};

std::vector<Shape> infer_shapes(const Resize& resize, std::span<const Shape> inputs);
void forward(const Resize& resize, const ForwardArguments& arguments);
void forward(const Resize& resize, const ByteForwardArguments& arguments);
void backward(const Resize& resize, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
