#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <algorithm>
#include <limits>

using namespace eigenbit::internal;

namespace {

const Shape kImages{2, 4, 5, 6};
const Integers kOpenImages{0, 4, 5, 6};
constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();

template <typename Operation>
std::int64_t count(const Graph& graph) {
    return std::ranges::count_if(graph.nodes(),
                                 [](const Node& node) { return std::holds_alternative<Operation>(node.op); });
}

float plain(const Tensor& x, const Integers& i) { return at(x, i); }

}  // namespace

TEST_CASE("Transpose permutes the axes of images as ONNX numbers them") {
    std::array<std::int64_t, 4> axes{0, 1, 2, 3};
    do {
        if (axes == std::array<std::int64_t, 4>{0, 3, 1, 2}) continue;  // marks an input as channels-last
        OnnxModel model;  // with another node last, as an output transposed to NHWC would be taken as it is
        model.input("x", kOpenImages).node("Relu", {"t"}, {"y"}).output("y");
        model.node("Transpose", {"x"}, {"t"}, {{"perm", Integers(axes.begin(), axes.end())}});
        Shape shape = kImages;
        for (int k = 0; k < 4; ++k) shape[k] = kImages[static_cast<int>(axes[static_cast<std::size_t>(k)])];
        check_output(model, kImages, shape, [&](const Tensor& x, const Integers& i) {
            Integers source(4);
            for (std::size_t k = 0; k < 4; ++k) source[static_cast<std::size_t>(axes[k])] = i[k];
            return std::max(at(x, source), 0.0F);
        });
    } while (std::ranges::next_permutation(axes).found);
}

TEST_CASE("transposes that undo each other disappear") {
    OnnxModel model;
    model.input("x", kOpenImages).output("y");
    model.node("Transpose", {"x"}, {"a"}, {{"perm", Integers{0, 2, 3, 1}}});
    model.node("Transpose", {"a"}, {"b"}, {{"perm", Integers{0, 3, 1, 2}}}).node("Relu", {"b"}, {"y"});
    CHECK(model.read().graph.nodes().size() == 1);
}

TEST_CASE("an input that is only read transposed to NCHW is taken as it is, and so is an output transposed to NHWC") {
    OnnxModel model;
    model.input("x", {0, 5, 6, 4}).output("y");
    model.node("Transpose", {"x"}, {"a"}, {{"perm", Integers{0, 3, 1, 2}}}).node("Relu", {"a"}, {"b"});
    model.node("Transpose", {"b"}, {"y"}, {{"perm", Integers{0, 2, 3, 1}}});
    const Graph graph = model.read().graph;
    CHECK(to_string(graph.inputs().front().shape) == "(0, 5, 6, 4)");
    CHECK(graph.nodes().size() == 1);
}

TEST_CASE("Reshape keeps ONNX's order of elements between images and other shapes") {
    const auto check = [](const Integers& input, const Integers& target, const Shape& x, const Shape& y) {
        OnnxModel model;
        model.input("x", input).integers("shape", target).node("Reshape", {"x", "shape"}, {"y"}).output("y");
        check_output(model, x, y, [&](const Tensor& values, const Integers& i) {
            Tensor reshaped = values;
            reshaped.reshape(y);
            return at(reshaped, i);
        });
    };
    check(kOpenImages, {0, -1}, kImages, {2, 120});
    check(kOpenImages, {-1, 120}, kImages, {2, 120});
    check(kOpenImages, {-1}, kImages, {240});
    check(kOpenImages, {0, 4, 30}, kImages, {2, 4, 30});
    check(kOpenImages, {0, 2, 2, 5, 6}, kImages, {2, 2, 2, 5, 6});
    check(kOpenImages, {0, 6, 5, 4}, kImages, {2, 6, 5, 4});
    check(kOpenImages, {-1, 5, 6}, kImages, {8, 5, 6});
    check({0, 120}, {-1, 4, 5, 6}, {2, 120}, kImages);
    check({0, 4, 1, 1}, {0, 4}, {2, 4, 1, 1}, {2, 4});
    check({0, 1, 5, 6}, {0, 30}, {2, 1, 5, 6}, {2, 30});
    check({0, 30}, {0, 1, 5, 6}, {2, 30}, {2, 1, 5, 6});
}

TEST_CASE("images of one pixel or one channel are reshaped without transposes") {
    for (const Integers& extents : {Integers{0, 4, 1, 1}, Integers{0, 1, 5, 6}}) {
        OnnxModel model;
        model.input("x", extents).node("Flatten", {"x"}, {"y"}).output("y");
        const Graph graph = model.read().graph;
        CHECK(count<Transpose>(graph) == 0);
        CHECK(graph.nodes().size() == 1);
    }
}

TEST_CASE("a batch that the file fixes becomes free") {
    OnnxModel model;
    model.input("x", {1, 4, 5, 6}).integers("shape", {1, -1}).node("Reshape", {"x", "shape"}, {"y"}).output("y");
    const Graph graph = model.read().graph;
    CHECK(to_string(graph.inputs().front().shape) == "(0, 5, 6, 4)");
    CHECK(to_string(run(graph, Tensor(Shape{3, 5, 6, 4})).shape()) == "(3, 120)");
}

TEST_CASE("a batch that the file fixes and the network depends on stays fixed") {
    OnnxModel model;
    model.input("x", {2, 6}).integers("shape", {3, 4}).node("Reshape", {"x", "shape"}, {"y"}).output("y");
    CHECK(to_string(model.read().graph.inputs().front().shape) == "(2, 6)");
}

TEST_CASE("Flatten keeps ONNX's order of elements for every axis") {
    for (std::int64_t axis = -4; axis <= 4; ++axis) {
        const int split = static_cast<int>(axis < 0 ? axis + 4 : axis);
        OnnxModel model;
        model.input("x", kOpenImages).node("Flatten", {"x"}, {"y"}, {{"axis", axis}}).output("y");
        const std::int64_t columns = kImages.elements(split, 4);
        check_output(model, kImages, {kImages.elements(0, split), columns},
                     [&](const Tensor& x, const Integers& i) { return x[i[0] * columns + i[1]]; });
    }
}

TEST_CASE("Squeeze and Unsqueeze name their axes by an attribute or an input") {
    OnnxModel squeeze11(11);
    squeeze11.input("x", {0, 4, 1, 6}).node("Squeeze", {"x"}, {"y"}, {{"axes", Integers{-2}}}).output("y");
    OnnxModel squeeze13(13);
    squeeze13.input("x", {0, 4, 1, 6}).integers("axes", {2}).node("Squeeze", {"x", "axes"}, {"y"}).output("y");
    OnnxModel all_ones(13);
    all_ones.input("x", {0, 4, 1, 6}).node("Squeeze", {"x"}, {"y"}).output("y");
    for (const OnnxModel* model : {&squeeze11, &squeeze13, &all_ones}) {
        check_output(*model, {2, 4, 1, 6}, {2, 4, 6}, [](const Tensor& x, const Integers& i) {
            return at(x, {i[0], i[1], 0, i[2]});
        });
    }
    OnnxModel unsqueeze11(11);
    unsqueeze11.input("x", {0, 4, 6}).node("Unsqueeze", {"x"}, {"y"}, {{"axes", Integers{2}}}).output("y");
    OnnxModel unsqueeze13(13);
    unsqueeze13.input("x", {0, 4, 6}).integers("axes", {-2}).node("Unsqueeze", {"x", "axes"}, {"y"}).output("y");
    for (const OnnxModel* model : {&unsqueeze11, &unsqueeze13}) {
        check_output(*model, {2, 4, 6}, {2, 4, 1, 6}, [](const Tensor& x, const Integers& i) {
            return at(x, {i[0], i[1], i[3]});
        });
    }
}

TEST_CASE("Concat and Split go along ONNX's axes") {
    for (std::int64_t axis = 1; axis < 4; ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        OnnxModel concat;
        concat.input("x", kOpenImages).node("Relu", {"x"}, {"r"}).output("y");
        concat.node("Concat", {"x", "r"}, {"y"}, {{"axis", axis - 4}});
        Shape doubled = kImages;
        doubled[static_cast<int>(axis)] *= 2;
        check_output(concat, kImages, doubled, [&](const Tensor& x, Integers i) {
            const bool second = i[a] >= kImages[static_cast<int>(axis)];
            if (second) i[a] -= kImages[static_cast<int>(axis)];
            return second ? std::max(at(x, i), 0.0F) : at(x, i);
        });

        const std::int64_t rest = kImages[static_cast<int>(axis)] - 1;
        OnnxModel by_attribute(11);
        by_attribute.input("x", kOpenImages).output("y");
        by_attribute.node("Split", {"x"}, {"first", "y"}, {{"axis", axis}, {"split", Integers{1, rest}}});
        OnnxModel by_input(13);
        by_input.input("x", kOpenImages).integers("sizes", {1, rest}).output("y");
        by_input.node("Split", {"x", "sizes"}, {"first", "y"}, {{"axis", axis}});
        Shape remaining = kImages;
        remaining[static_cast<int>(axis)] = rest;
        for (const OnnxModel* model : {&by_attribute, &by_input}) {
            check_output(*model, kImages, remaining, [&](const Tensor& x, Integers i) {
                ++i[a];
                return at(x, i);
            });
        }
    }
    OnnxModel halves;
    halves.input("x", kOpenImages).node("Split", {"x"}, {"first", "y"}, {{"axis", std::int64_t{1}}}).output("y");
    check_output(halves, kImages, {2, 2, 5, 6}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1] + 2, i[2], i[3]});
    });
}

TEST_CASE("outputs may be left out") {
    OnnxModel model;
    model.input("x", {0, 4}).node("Split", {"x"}, {"", "a"}, {{"axis", std::int64_t{1}}}).output("y");
    model.node("Split", {"x"}, {"", "b"}, {{"axis", std::int64_t{1}}}).node("Add", {"a", "b"}, {"y"});
    check_output(model, {3, 4}, {3, 2}, [](const Tensor& x, const Integers& i) {
        return 2.0F * at(x, {i[0], i[1] + 2});
    });
}

TEST_CASE("Slice takes its ranges from attributes or inputs, with steps and positions from the end") {
    OnnxModel by_attribute(9);
    by_attribute.input("x", kOpenImages).output("y");
    by_attribute.node("Slice", {"x"}, {"y"},
                      {{"starts", Integers{1, -4}}, {"ends", Integers{3, 1000}}, {"axes", Integers{1, 3}}});
    check_output(by_attribute, kImages, {2, 2, 5, 4}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1] + 1, i[2], i[3] + 2});
    });

    OnnxModel by_input(10);
    by_input.input("x", kOpenImages).integers("starts", {-1, 0}).integers("ends", {-kFar, kFar});
    by_input.integers("axes", {2, -1}).integers("steps", {-2, 3}).output("y");
    by_input.node("Slice", {"x", "starts", "ends", "axes", "steps"}, {"y"});
    check_output(by_input, kImages, {2, 4, 3, 2}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1], 4 - 2 * i[2], 3 * i[3]});
    });

    OnnxModel everything;
    everything.input("x", kOpenImages).integers("starts", {0, 0}).integers("ends", {4, kFar}).output("y");
    everything.integers("axes", {1, 2}).node("Slice", {"x", "starts", "ends", "axes"}, {"s"});
    everything.node("Relu", {"s"}, {"y"});
    CHECK(everything.read().graph.nodes().size() == 1);
}

TEST_CASE("Pad takes its amounts from an attribute or an input, in ONNX's order of axes") {
    const Integers pads{0, 1, 2, 0, 0, 0, 1, 3};
    OnnxModel by_attribute(9);
    by_attribute.input("x", kOpenImages).node("Pad", {"x"}, {"y"}, {{"pads", pads}, {"value", 0.0F}}).output("y");
    OnnxModel by_input(13);
    by_input.input("x", kOpenImages).integers("pads", pads).node("Pad", {"x", "pads"}, {"y"}).output("y");
    for (const OnnxModel* model : {&by_attribute, &by_input}) {
        check_output(*model, kImages, {2, 5, 8, 9}, [](const Tensor& x, const Integers& i) {
            return at(x, {i[0], i[1] - 1, i[2] - 2, i[3]});
        });
    }
    OnnxModel edge(18);
    edge.input("x", kOpenImages).integers("pads", {2, 1}).integers("axes", {-2}).output("y");
    edge.node("Pad", {"x", "pads", "", "axes"}, {"y"}, {{"mode", "edge"}});
    check_output(edge, kImages, {2, 4, 8, 6}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1], std::clamp<std::int64_t>(i[2] - 2, 0, 4), i[3]});
    });
    OnnxModel reflect(11);
    reflect.input("x", kOpenImages).integers("pads", {0, 0, 0, 2, 0, 0, 0, 0}).number("value", 9.0F).output("y");
    reflect.node("Pad", {"x", "pads", "value"}, {"y"}, {{"mode", "reflect"}});
    check_output(reflect, kImages, {2, 4, 5, 8}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1], i[2], i[3] < 2 ? 2 - i[3] : i[3] - 2});
    });
    OnnxModel value(13);
    value.input("x", {0, 3}).integers("pads", {0, 1, 0, 0}).number("value", 7.0F).output("y");
    value.node("Pad", {"x", "pads", "value"}, {"y"});
    check_output(value, {2, 3}, {2, 4}, [](const Tensor& x, const Integers& i) {
        return i[1] == 0 ? 7.0F : at(x, {i[0], i[1] - 1});
    });
}

TEST_CASE("DepthToSpace knows both orders of channels, and a pixel shuffle written as reshapes is the second") {
    OnnxModel depth_first(9);
    depth_first.input("x", {0, 12, 5, 6}).node("DepthToSpace", {"x"}, {"y"}, {{"blocksize", std::int64_t{2}}});
    check_output(depth_first.output("y"), {2, 12, 5, 6}, {2, 3, 10, 12}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], (i[2] % 2 * 2 + i[3] % 2) * 3 + i[1], i[2] / 2, i[3] / 2});
    });
    OnnxModel column_first;
    column_first.input("x", {0, 12, 5, 6}).output("y");
    column_first.node("DepthToSpace", {"x"}, {"y"}, {{"blocksize", std::int64_t{2}}, {"mode", "CRD"}});
    OnnxModel reshapes;
    reshapes.input("x", {0, 12, 5, 6}).integers("a", {-1, 3, 2, 2, 5, 6}).integers("b", {-1, 3, 10, 12}).output("y");
    reshapes.node("Reshape", {"x", "a"}, {"r"}).node("Transpose", {"r"}, {"t"}, {{"perm", Integers{0, 1, 4, 2, 5, 3}}});
    reshapes.node("Reshape", {"t", "b"}, {"y"});
    for (const OnnxModel* model : {&column_first, &reshapes}) {
        check_output(*model, {2, 12, 5, 6}, {2, 3, 10, 12}, [](const Tensor& x, const Integers& i) {
            return at(x, {i[0], i[1] * 4 + i[2] % 2 * 2 + i[3] % 2, i[2] / 2, i[3] / 2});
        });
    }
}

TEST_CASE("Identity, casts between reals and an Expand that changes nothing leave no node") {
    OnnxModel model;
    model.input("x", kOpenImages).integers("shape", {1, 4, 1, 1}).node("Identity", {"x"}, {"a"});
    model.node("Cast", {"a"}, {"b"}, {{"to", std::int64_t{onnx::TensorProto::FLOAT}}});
    model.node("Expand", {"b", "shape"}, {"c"}).node("Identity", {"c"}, {"y"}).output("y");
    CHECK(model.read().graph.nodes().empty());
    check_output(model, kImages, kImages, plain);
}

TEST_CASE("Expand and Tile repeat values along ONNX's axes") {
    OnnxModel channels;
    channels.input("x", {0, 1, 0, 0}).output("y").integers("shape", {1, 3, 1, 1});
    channels.node("Expand", {"x", "shape"}, {"y"});
    check_output(channels, {2, 1, 4, 5}, {2, 3, 4, 5}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], 0, i[2], i[3]});
    });
    OnnxModel more;
    more.input("x", {0, 3}).output("y").integers("shape", {2, 1, 3}).node("Expand", {"x", "shape"}, {"y"});
    const Graph once = more.read().graph;  // the batch is none any more
    CHECK(to_string(run_onnx(once, random_tensor({4, 3}, 1)).shape()) == "(2, 4, 3)");
    OnnxModel tile;
    tile.input("x", kOpenImages).output("y").integers("repeats", {1, 2, 1, 3}).node("Tile", {"x", "repeats"}, {"y"});
    check_output(tile, kImages, {2, 8, 5, 18}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1] % 4, i[2], i[3] % 6});
    });

    OnnxModel like;  // what was pooled, at every pixel of what it came from
    like.input("x", {0, 4, 0, 0}).output("y").node("GlobalAveragePool", {"x"}, {"m"}).node("Shape", {"x"}, {"s"});
    like.node("Expand", {"m", "s"}, {"e"}).node("Concat", {"x", "e"}, {"y"}, {{"axis", std::int64_t{1}}});
    CHECK(to_string(like.read().graph.inputs().front().shape) == "(0, 0, 0, 4)");
    check_output(like, kImages, {2, 8, 5, 6}, [](const Tensor& x, const Integers& i) {
        if (i[1] < 4) return at(x, i);
        float sum = 0.0F;
        for (std::int64_t k = 0; k < 30; ++k) sum += at(x, {i[0], i[1] - 4, k / 6, k % 6});
        return sum / 30.0F;
    });
}

TEST_CASE("a constant repeated for every image leaves the batch free") {
    OnnxModel model;
    model.input("x", kOpenImages)
        .output("y")
        .node("Shape", {"x"}, {"s"})
        .integers("first", {0})
        .integers("rest", {4, 5, 6});
    model.node("Gather", {"s", "first"}, {"n"}).node("Concat", {"n", "rest"}, {"shape"}, {{"axis", std::int64_t{0}}});
    const Tensor grid = random_tensor({1, 1, 5, 6}, 1);
    model.constant("grid", grid).node("Expand", {"grid", "shape"}, {"e"}).node("Add", {"x", "e"}, {"y"});
    check_output(model, kImages, kImages, [&](const Tensor& x, const Integers& i) {
        return at(x, i) + at(grid, {0, 0, i[2], i[3]});
    });
}

TEST_CASE("Gather reads constant positions, and drops the axis where there is one") {
    const auto model = [](const std::string& kind, std::int64_t axis) {
        OnnxModel result;
        result.input("x", kOpenImages).output("y");
        if (kind == "several") result.integers("i", {3, -4, 1, 1});
        if (kind == "range") result.integers("i", {-2, -3, -4});
        if (kind == "one") result.integer("i", -1);
        return result.node("Gather", {"x", "i"}, {"y"}, {{"axis", axis}});
    };
    const std::array<std::int64_t, 4> several{3, 0, 1, 1};
    check_output(model("several", 1), kImages, {2, 4, 5, 6}, [&](const Tensor& x, const Integers& i) {
        return at(x, {i[0], several[static_cast<std::size_t>(i[1])], i[2], i[3]});
    });
    check_output(model("range", 2), kImages, {2, 4, 3, 6}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1], 3 - i[2], i[3]});
    });
    CHECK(count<Slice>(model("range", 2).read().graph) == 1);
    check_output(model("one", 1), kImages, {2, 5, 6}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], 3, i[1], i[2]});
    });
    check_output(model("one", 3), kImages, {2, 4, 5}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1], i[2], 5});
    });
    OnnxModel matrix;
    matrix.input("x", {0, 3}).output("y").node("Gather", {"x", "i"}, {"y"}, {{"axis", std::int64_t{1}}});
    matrix.integers("i", {2, 2}, {0, 1, 2, -1});
    check_output(matrix, {2, 3}, {2, 2, 2}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], std::min<std::int64_t>(2 * i[1] + i[2], 2)});
    });
}

TEST_CASE("GatherND reads pixels at constant positions, as adaptive pooling is exported") {
    // Rows 0 and 1, and 3 and 4 of columns 0, 2 and 5; height and width are first.
    const Integers rows{0, 1, 3, -1};
    const Integers columns{0, 2, -1};
    Integers points;
    for (const std::int64_t row : rows) {
        for (const std::int64_t column : columns) points.insert(points.end(), {row, column});
    }
    OnnxModel model;
    model.input("x", kOpenImages).integers("i", {2, 2, 3, 2}, points).integers("axes", {1}).output("y");
    model.node("Transpose", {"x"}, {"t"}, {{"perm", Integers{2, 3, 0, 1}}}).node("GatherND", {"t", "i"}, {"g"});
    model.node("Transpose", {"g"}, {"p"}, {{"perm", Integers{3, 4, 0, 1, 2}}});
    model.node("ReduceMean", {"p"}, {"y"}, {{"axes", Integers{3}}, {"keepdims", std::int64_t{0}}});
    check_output(model, kImages, {2, 4, 2, 3}, [&](const Tensor& x, const Integers& i) {
        const std::int64_t row = i[2] == 0 ? 0 : 3;
        const std::int64_t column = i[3] == 2 ? 5 : 2 * i[3];
        return (at(x, {i[0], i[1], row, column}) + at(x, {i[0], i[1], row + 1, column})) / 2.0F;
    });
}

TEST_CASE("GatherND's positions are constant, of fixed axes, inside the input and as many as its batch axes") {
    const auto refusal = [](const Integers& input, const Integers& extents, const Integers& points,
                            std::int64_t batch_axes) {
        OnnxModel model;
        model.input("x", input).integers("i", extents, points).output("y");
        model.node("GatherND", {"x", "i"}, {"y"}, {{"batch_dims", batch_axes}});
        return error_of([&] { model.read(); });
    };
    CHECK(refusal({0, 4}, {1, 1}, {0}, 0).empty());  // a network for batches of 1
    CHECK(refusal({0, 4}, {1, 1}, {1}, 0).find("position 1 along axis 0 is outside a value of shape (1, 4)")
          != std::string::npos);
    CHECK(refusal({2, 4, 3}, {2, 2, 1}, {0, 1, 2, 4}, 1).find("position 4 along axis 1") != std::string::npos);
    CHECK(refusal({2, 4, 3}, {3, 1}, {0, 1, 2}, 1).find("3 positions, for an extent of") != std::string::npos);
    CHECK(refusal({2, 4}, {1, 3}, {0, 1, 2}, 0).find("do not fit an input") != std::string::npos);
    CHECK(refusal({2, 4}, {1, 1}, {0}, -1).find("do not fit an input") != std::string::npos);
}

TEST_CASE("SpaceToDepth is what DepthToSpace undoes") {
    OnnxModel model;
    model.input("x", {0, 3, 0, 0}).output("y").node("SpaceToDepth", {"x"}, {"y"}, {{"blocksize", std::int64_t{2}}});
    const OnnxOptions size{.height = 4, .width = 6};
    const Tensor x = random_tensor({2, 3, 4, 6}, 1);
    const Tensor y = tensor_of({2, 12, 2, 3}, [&](const Integers& i) {
        return at(x, {i[0], i[1] % 3, 2 * i[2] + i[1] / 6, 2 * i[3] + i[1] / 3 % 2});
    });
    CHECK(same_bits(run_onnx(model.read(size).graph, x), y));
    model.proto.mutable_graph()->clear_output();
    model.output("z").node("DepthToSpace", {"y"}, {"z"}, {{"blocksize", std::int64_t{2}}});
    const Graph graph = model.read(size).graph;
    CHECK(same_bits(run_onnx(graph, x), x));
    CHECK(same_bits(run_onnx(exported_and_read_again(graph), x), x));
}

TEST_CASE("Pad cuts where its amounts are negative, and wraps around") {
    OnnxModel cut;
    cut.input("x", kOpenImages).output("y").integers("pads", {0, 1, -2, 2, 0, 0, 3, -4}).number("value", 0.5F);
    cut.node("Pad", {"x", "pads", "value"}, {"y"});
    check_output(cut, kImages, {2, 5, 6, 4}, [](const Tensor& x, const Integers& i) {
        const bool inside = i[1] >= 1 && i[2] < 3 && i[3] >= 2;
        return inside ? at(x, {i[0], i[1] - 1, i[2] + 2, i[3] - 2}) : 0.5F;
    });
    OnnxModel wrap(19);
    wrap.input("x", kOpenImages).output("y").integers("pads", {2, 7}).integers("axis", {-1});
    wrap.node("Pad", {"x", "pads", "", "axis"}, {"y"}, {{"mode", "wrap"}});
    const Graph graph = wrap.read().graph;
    const Tensor x = random_tensor(kImages, 1);
    CHECK(same_bits(run_onnx(graph, x), tensor_of({2, 4, 5, 15}, [&](const Integers& i) {
                        return at(x, {i[0], i[1], i[2], (i[3] + 4) % 6});
                    })));
}

TEST_CASE("a channel shuffle written as reshapes takes images of any size") {
    OnnxModel model;
    model.input("x", {0, 4, 0, 0}).output("y").node("Shape", {"x"}, {"s"}).integers("zero", {0}).integers("two", {2});
    model.integers("four", {4}).integers("groups", {2, 2}).integers("channels", {4});
    model.node("Slice", {"s", "zero", "one"}, {"n"}).integers("one", {1}).node("Slice", {"s", "two", "four"}, {"hw"});
    model.node("Concat", {"n", "groups", "hw"}, {"s5"}, {{"axis", std::int64_t{0}}});
    model.node("Concat", {"n", "channels", "hw"}, {"s4"}, {{"axis", std::int64_t{0}}});
    model.node("Reshape", {"x", "s5"}, {"a"}).node("Transpose", {"a"}, {"b"}, {{"perm", Integers{0, 2, 1, 3, 4}}});
    model.node("Reshape", {"b", "s4"}, {"y"});
    CHECK(to_string(model.read().graph.inputs().front().shape) == "(0, 0, 0, 4)");
    for (const Shape& shape : {Shape{2, 4, 5, 6}, Shape{1, 4, 7, 3}}) {
        check_output(model, shape, shape, [](const Tensor& x, const Integers& i) {
            return at(x, {i[0], i[1] % 2 * 2 + i[1] / 2, i[2], i[3]});
        });
    }
}

TEST_CASE("Split of opset 18 is told the number of parts, the last of which may be smaller") {
    OnnxModel model(18);
    model.input("x", kOpenImages)
        .output("b")
        .node("Split", {"x"}, {"a", "b"}, {{"axis", std::int64_t{2}}, {"num_outputs", std::int64_t{2}}});
    check_output(model, kImages, {2, 4, 2, 6}, [](const Tensor& x, const Integers& i) {
        return at(x, {i[0], i[1], i[2] + 3, i[3]});
    });
}
