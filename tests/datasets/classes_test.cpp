#include "datasets/classes.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace eigenbit::internal;

namespace {

Dataset of_classes(std::vector<std::string> classes) {
    Dataset dataset;
    dataset.name = "data";
    dataset.class_count = static_cast<int>(classes.size());
    for (int label = 0; label < dataset.class_count; ++label) dataset.labels.push_back(label);
    dataset.size = dataset.class_count;
    dataset.classes = std::move(classes);
    return dataset;
}

std::vector<int> matched(std::vector<std::string> classes, const std::vector<std::string>& known) {
    Dataset dataset = of_classes(std::move(classes));
    match_classes(dataset, known, std::ssize(known));
    CHECK(dataset.classes == known);
    CHECK(dataset.class_count == std::ssize(known));
    return dataset.labels;
}

std::string complaint(const std::vector<std::string>& classes, const std::vector<std::string>& known) {
    Dataset dataset = of_classes(classes);
    return error_of([&] { match_classes(dataset, known, 0); });
}

}  // namespace

TEST_CASE("labels become the network's where names say so, in any order and with classes missing") {
    CHECK(matched({"a", "b", "c"}, {"c", "a", "b"}) == std::vector{1, 2, 0});
    CHECK(matched({"b"}, {"c", "a", "b"}) == std::vector{2});
    CHECK(matched({"ankle_boot", "T-Shirt top"}, {"T-shirt/top", "Ankle boot"}) == std::vector{1, 0});
    CHECK(matched({"c", "c++"}, {"C++", "C"}) == std::vector{1, 0});
    CHECK(matched({"cat", "Cat"}, {"Cat", "cat"}) == std::vector{1, 0});
    CHECK(matched({"crane", "crane"}, {"crane", "crane"}) == std::vector{0, 1});
}

TEST_CASE("what names leave open is refused") {
    CHECK(complaint({"crane"}, {"a", "crane", "crane"})
          == "data \"data\": the class crane may be any of 2 classes of the network: crane, crane …");
    CHECK(complaint({"CAT"}, {"Cat", "cat"}).find("the class CAT may be any of 2") != std::string::npos);
    CHECK(complaint({"cat", "CAT"}, {"Cat"}) == "data \"data\": the classes cat and CAT are both the network's Cat");
    std::vector<std::string> many;
    for (int i = 0; i < 1000; ++i) many.push_back(fmt::format("n{}", i));
    CHECK(complaint({"x", "n5", "y"}, many)
          == "data \"data\": the network does not know the classes x, y; it knows n0, n1, n2, n3, n4, n5, n6, n7, n8, "
             "n9 … (1000 in all)");
}

TEST_CASE("without names there are no more classes than scores") {
    Dataset dataset = of_classes({"a", "b", "c"});
    match_classes(dataset, {}, 3);
    CHECK(dataset.labels == std::vector{0, 1, 2});
    CHECK(error_of([&] { match_classes(dataset, {}, 2); }) == "data \"data\" has 3 classes, but the network knows 2");
    dataset.classes.clear();
    CHECK(error_of([&] { match_classes(dataset, {"a", "b"}, 2); }).find("the network knows 2") != std::string::npos);
}
