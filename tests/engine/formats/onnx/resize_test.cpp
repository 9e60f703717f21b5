#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <algorithm>

using namespace eigenbit::internal;

namespace {

const Shape kImages{2, 3, 4, 5};
const Integers kOpenImages{0, 3, 0, 0};

Tensor numbers(const std::vector<float>& values) {
    return Tensor(Shape{static_cast<std::int64_t>(values.size())}, values);
}

OnnxModel by_scales(const std::vector<float>& scales, const OnnxModel::Attributes& attributes,
                    std::int64_t opset = 13) {
    OnnxModel model(opset);
    model.input("x", kOpenImages).output("y").constant("scales", numbers(scales));
    return model.node("Resize", {"x", "", "scales"}, {"y"}, attributes);
}

const Resize& resize_of(const Graph& graph) {
    const auto found =
        std::ranges::find_if(graph.nodes(), [](const Node& node) { return std::holds_alternative<Resize>(node.op); });
    REQUIRE(found != graph.nodes().end());
    return std::get<Resize>(found->op);
}

float nearest_floor(const Tensor& x, const Integers& i) { return at(x, {i[0], i[1], i[2] / 2, i[3] / 3}); }

}  // namespace

TEST_CASE("Upsample and Resize of every opset have their scales where that opset has them") {
    OnnxModel::Attributes nearest{{"mode", "nearest"}};
    OnnxModel upsample9(9);
    upsample9.input("x", kOpenImages).output("y").constant("scales", numbers({1, 1, 2, 3}));
    upsample9.node("Upsample", {"x", "scales"}, {"y"}, nearest);
    check_output(upsample9, kImages, {2, 3, 8, 15}, nearest_floor);

    OnnxModel upsample7(7);
    upsample7.input("x", kOpenImages).output("y").node("Upsample", {"x"}, {"y"}, nearest);
    auto& scales = *upsample7.proto.mutable_graph()->mutable_node(0)->add_attribute();
    scales.set_name("scales");
    scales.set_type(onnx::AttributeProto::FLOATS);
    for (const float scale : {1.0F, 1.0F, 2.0F, 3.0F}) scales.add_floats(scale);
    check_output(upsample7, kImages, {2, 3, 8, 15}, nearest_floor);

    OnnxModel resize10(10);
    resize10.input("x", kOpenImages).output("y").constant("scales", numbers({1, 1, 2, 3}));
    resize10.node("Resize", {"x", "scales"}, {"y"}, nearest);
    check_output(resize10, kImages, {2, 3, 8, 15}, nearest_floor);

    // Smaller images took the next pixel in opset 10: of 0, 1.67 and 3.33 pixels 0, 2 and 4.
    OnnxModel smaller(10);
    smaller.input("x", {0, 3, 4, 5}).output("y").constant("scales", numbers({1, 1, 1, 0.6F}));
    smaller.node("Resize", {"x", "scales"}, {"y"}, nearest);
    check_output(smaller, kImages, {2, 3, 4, 3}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1], i[2], 2 * i[3]});
    });

    const OnnxModel::Attributes floor{{"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}};
    for (const std::int64_t opset : {11, 13, 18, 19, 21}) {
        check_output(by_scales({1, 1, 2, 3}, floor, opset), kImages, {2, 3, 8, 15}, nearest_floor);
    }
    OnnxModel named(18);
    named.input("x", kOpenImages).output("y").constant("scales", numbers({3, 2}));
    OnnxModel::Attributes with_axes = floor;
    with_axes.emplace_back("axes", Integers{-1, 2});
    check_output(named.node("Resize", {"x", "", "scales"}, {"y"}, with_axes), kImages, {2, 3, 8, 15}, nearest_floor);
}

TEST_CASE("Resize to fixed sizes, linear, between aligned corners") {
    OnnxModel model;
    model.input("x", {2, 3, 4, 5}).output("y").integers("sizes", {2, 3, 7, 9});
    model.node("Resize", {"x", "", "", "sizes"}, {"y"},
               {{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}});
    const Graph graph = model.read().graph;
    CHECK(to_string(graph.inputs().front().shape) == "(0, 4, 5, 3)");  // the size's batch is that of the file
    const Tensor x = random_tensor(kImages, 1);
    const auto expected = tensor_of({2, 3, 7, 9}, [&](const Integers& i) {
        // 2 of 4 intervals' halves a pixel: positions are halves.
        const std::int64_t y0 = i[2] / 2, y1 = (i[2] + 1) / 2, x0 = i[3] / 2, x1 = (i[3] + 1) / 2;
        return (at(x, {i[0], i[1], y0, x0}) + at(x, {i[0], i[1], y0, x1}) + at(x, {i[0], i[1], y1, x0})
                + at(x, {i[0], i[1], y1, x1}))
               / 4.0F;
    });
    CHECK(relative_error(run_onnx(graph, x), expected) < 1e-5F);
}

TEST_CASE("sizes computed from the input's make scales, those of another value follow it") {
    OnnxModel twice;
    twice.input("x", kOpenImages).output("y").node("Shape", {"x"}, {"s"}).integers("two", {1, 1, 2, 2});
    twice.node("Mul", {"s", "two"}, {"sizes"});
    twice.node("Resize", {"x", "", "", "sizes"}, {"y"},
               {{"nearest_mode", "floor"}, {"coordinate_transformation_mode", "asymmetric"}});
    CHECK(resize_of(twice.read().graph).height_scale == 2.0F);
    check_output(twice, kImages, {2, 3, 8, 10}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1], i[2] / 2, i[3] / 2});
    });

    // As in U-Nets: what was pooled, of an odd size too, takes the size of what it is added to.
    OnnxModel like;
    like.input("x", kOpenImages).output("y").node("Relu", {"x"}, {"r"});
    like.node("MaxPool", {"r"}, {"p"}, {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}});
    like.node("Shape", {"r"}, {"s"}).integers("two", {2}).integers("four", {4}).integers("zero", {0});
    like.node("Slice", {"s", "two", "four"}, {"size"}).node("Shape", {"p"}, {"ps"});
    like.node("Slice", {"ps", "zero", "two"}, {"others"});
    like.node("Concat", {"others", "size"}, {"sizes"}, {{"axis", std::int64_t{0}}});
    like.node("Resize", {"p", "", "", "sizes"}, {"u"},
              {{"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}});
    like.node("Add", {"u", "r"}, {"y"});
    const Graph graph = like.read().graph;
    CHECK(to_string(graph.inputs().front().shape) == "(0, 0, 0, 3)");
    for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{1, 3, 7, 6}, Shape{1, 3, 9, 11}}) {
        check_output(like, shape, shape, [&](const Tensor& x, const Integers& i) {
            const auto pooled = [&](std::int64_t row, std::int64_t column) {
                float largest = 0.0F;
                for (std::int64_t k = 0; k < 4; ++k) {
                    largest = std::max(largest, at(x, {i[0], i[1], 2 * row + k / 2, 2 * column + k % 2}));
                }
                return largest;
            };
            const std::int64_t h = shape[2], w = shape[3];
            return pooled(i[2] * (h / 2) / h, i[3] * (w / 2) / w) + std::max(0.0F, at(x, i));
        });
    }
}

TEST_CASE("sizes that keep an image's proportions lie within what is given, or around it") {
    const auto check = [](const std::string& policy, const Shape& y) {
        OnnxModel model(18);
        model.input("x", {0, 3, 4, 5}).output("y").integers("sizes", {8, 15});
        model.node("Resize", {"x", "", "", "sizes"}, {"y"},
                   {{"axes", Integers{2, 3}},
                    {"keep_aspect_ratio_policy", policy},
                    {"coordinate_transformation_mode", "asymmetric"},
                    {"nearest_mode", "floor"}});
        check_output(model, kImages, y, [&](const Tensor& x, const Integers& i) {
            return at(x, {i[0], i[1], i[2] * 4 / y[2], i[3] * 5 / y[3]});
        });
    };
    check("not_larger", {2, 3, 8, 10});
    check("not_smaller", {2, 3, 12, 15});
    check("stretch", {2, 3, 8, 15});
}

TEST_CASE("a resize that changes nothing leaves no node") {
    CHECK(
        by_scales({1, 1, 1, 1}, {{"mode", "cubic"}}).node("Relu", {"y"}, {"z"}).output("z").read().graph.nodes().size()
        == 1);
}

TEST_CASE("what cannot be resized is refused by name") {
    const auto refuses = [](const OnnxModel& model, const std::string& reason) {
        const std::string error = error_of([&] { model.read(); });
        CHECK_MESSAGE(error.find(reason) != std::string::npos, error);
    };
    refuses(by_scales({1, 2, 2, 2}, {}), "only height and width can be resized, its scales are (1, 2, 2, 2)");
    refuses(by_scales({2, 2}, {}), "2 values are given for 4 axes");
    refuses(by_scales({1, 1, 2, 2}, {{"coordinate_transformation_mode", "tf_crop_and_resize"}}),
            "the coordinate_transformation_mode 'tf_crop_and_resize' is not supported");
    refuses(by_scales({1, 1, 2, 2}, {{"antialias", std::int64_t{1}}}, 18), "antialias is not supported");
    refuses(by_scales({1, 1, 2, 2}, {{"mode", "lanczos"}}), "the mode 'lanczos' is not supported");
    refuses(by_scales({1, 1, 2, 0}, {}), "Resize has the scale 0");
    OnnxModel without;
    refuses(without.input("x", kOpenImages).output("y").node("Resize", {"x"}, {"y"}),
            "neither scales nor sizes are given");
    OnnxModel remainder;  // of a size that no other value has
    remainder.input("x", kOpenImages).output("y").node("Shape", {"x"}, {"s"}).integers("more", {0, 0, 1, 1});
    remainder.node("Add", {"s", "more"}, {"sizes"}).node("Resize", {"x", "", "", "sizes"}, {"y"});
    refuses(remainder, "its size depends on the image size, and is not that of another value");
    CHECK(to_string(remainder.read({.height = 4, .width = 5}).graph.inputs().front().shape) == "(0, 4, 5, 3)");
}
